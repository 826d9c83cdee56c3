"""Simulated clouds with hosts, for modules that share one between tests."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import pathlib
import shutil
from typing import Any

import nova.conf
import pytest

from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import Cloud
from nfv_sched.sim.cloud import simulated_cloud

#: Extra specs of one guest NUMA node with dedicated CPUs and 1 GiB pages.
HUGE = {
    'hw:cpu_policy': 'dedicated',
    'hw:mem_page_size': '1GB',
    'hw:numa_nodes': '1',
}


@pytest.fixture(autouse=True)
def nova_options() -> None:
    """Leave Nova's options alone: a simulated cloud sets them.

    Modules and packages with a cloud import this fixture, which replaces that
    of ``pytest_plugin``.
    """


@contextlib.contextmanager
def cloud_of(
    hosts: Mapping[str, str] | Sequence[str],
    profile: settings.Profile = settings.NFV,
    **values: Any,
) -> Iterator[Cloud]:
    """Run a cloud with hosts.

    :param hosts: names of machines, by host or as hosts' names too
    :param values: parameters of ``simulated_cloud``
    """
    machines = hosts if isinstance(hosts, Mapping) else {n: n for n in hosts}
    with simulated_cloud(profile, **values) as cloud:
        for host, name in machines.items():
            cloud.add_host(host, machine.load(name))
        yield cloud


@contextlib.contextmanager
def restored_databases(folder: pathlib.Path) -> Iterator[None]:
    """Restore the databases of the running cloud at the end.

    A cloud is started in seconds, its databases are copied in milliseconds.

    :param folder: for the copies
    """
    url = nova.conf.CONF.database.connection
    databases = pathlib.Path(url.removeprefix('sqlite:///')).parent
    for path in databases.glob('*.sqlite'):
        shutil.copy(path, folder)
    yield
    for path in folder.glob('*.sqlite'):
        shutil.copy(path, databases)
