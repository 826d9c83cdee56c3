"""One control plane for all scenarios."""

import logging
import os
import pathlib
import shutil
import tempfile
from typing import Any
from typing import NamedTuple

import pytest

from tests.stack import configuration
from tests.stack import plane as planes
from tests.stack.guests import Guests

SHORT = os.environ.get('NFV_STACK') == 'short'
HOSTS = [f'host-{number:02}' for number in range(8 if SHORT else 36)]
#: Half of the hosts, as in a cloud that is about to choose NUMA nodes.
LABELLED = HOSTS[::2]


class Flavors(NamedTuple):
    vnf: Any
    large: Any
    two_cells: Any
    node: Any


# More threads ask the API than its client keeps connections for.
logging.getLogger('urllib3').setLevel(logging.ERROR)


@pytest.fixture(scope='session')
def plane(request):
    missing = planes.missing()
    assert not missing, f'not installed: {missing}; see tests/stack/run'
    root = pathlib.Path(tempfile.mkdtemp(prefix='nfv-stack-'))
    # MariaDB runs as a user of its own, and has to get there.
    root.chmod(0o755)
    options = configuration.with_journal(configuration.CHOOSING, root)
    with planes.plane(root, HOSTS, LABELLED, options) as made:
        yield made
    if request.session.testsfailed:
        print(f'The services have logged to {root}/log')
    else:
        shutil.rmtree(root)


@pytest.fixture(scope='session')
def guests(plane):
    return Guests(plane)


@pytest.fixture(scope='session')
def flavors(guests):
    return Flavors(
        guests.flavor('vnf'),
        guests.flavor('vnf.large', vcpus=8, ram_mib=8192),
        guests.flavor(
            'vnf.two',
            {
                'hw:cpu_policy': 'dedicated',
                'hw:mem_page_size': '1GB',
                'hw:numa_nodes': '2',
            },
            vcpus=8,
            ram_mib=8192,
        ),
        # Fits on a NUMA node that nothing else uses.
        guests.flavor('vnf.node', vcpus=12, ram_mib=12288),
    )


@pytest.fixture(autouse=True)
def nothing_died(plane):
    """Every service is still there after each scenario."""
    yield
    assert plane.processes.dead() == []
