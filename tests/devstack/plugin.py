"""Running the devstack plugin as stack.sh does."""

import os
import pathlib
import shutil
import subprocess
import sys

from tests.devstack import ini

_ROOT = pathlib.Path(__file__).parents[2]
_HERE = pathlib.Path(__file__).parent
BASH = shutil.which('bash')
#: Checkouts of devstack whose functions are used: empty for stand-ins, and
#: the one that the environment names, None without one.
FUNCTIONS = ('', os.environ.get('NFV_DEVSTACK') or None)


class Devstack:
    """A devstack that runs one plugin.

    :param services: those of the node, separated by commas
    :param hardware: its ``/sys``
    :param checkout: of devstack, for its functions
    """

    def __init__(self, folder, services, hardware, *, checkout=''):
        self.conf = folder / 'nova.conf'
        self.placement_conf = folder / 'placement.conf'
        self.tempest_conf = folder / 'tempest.conf'
        self.tempest_conf.touch()
        self._calls = folder / 'calls'
        self._calls.touch()
        self._folder = folder
        self._services = services
        self._hardware = hardware
        self._checkout = checkout
        if 'placement' in services:
            self.placement_conf.touch()

    def phase(self, *arguments, **variables):
        """Source the plugin as stack.sh does; a failing command fails it."""
        script = '; '.join(
            (
                f'source {_HERE}/functions.sh',
                'set -e',
                f'source {_ROOT}/devstack/override-defaults',
                f'source {_ROOT}/devstack/settings',
                f'source {_ROOT}/devstack/plugin.sh {" ".join(arguments)}',
            )
        )
        subprocess.run(
            [BASH, '-c', script],
            check=True,
            capture_output=True,
            text=True,
            env={
                'PATH': '/usr/bin:/bin',
                'PYTHON': sys.executable,
                'INI': f'{_HERE}/ini.py',
                'CALLS': str(self._calls),
                'DEST': str(self._folder),
                'NFV_DEVSTACK': self._checkout,
                'NFV_SCHED_DIR': str(_ROOT),
                'NFV_SCHED_SYSFS': str(self._hardware),
                'NOVA_CONF': str(self.conf),
                'NOVA_CONF_DIR': str(self._folder),
                'NOVA_BIN_DIR': str(self._folder),
                'PLACEMENT_CONF': str(self.placement_conf),
                'TEMPEST_CONFIG': str(self.tempest_conf),
                'ENABLED_SERVICES': self._services,
                **variables,
            },
        )

    def option(self, section, name):
        return ini.get(self.conf, section, name)

    def pool(self, node):
        """The file with the number of huge pages of 2 MiB of a NUMA node."""
        return (
            self._hardware
            / f'devices/system/node/node{node}'
            / 'hugepages/hugepages-2048kB/nr_hugepages'
        )

    @property
    def pages(self):
        """The number of huge pages by NUMA node."""
        return {node: int(self.pool(node).read_text()) for node in range(2)}

    @property
    def calls(self):
        return self._calls.read_text().splitlines()
