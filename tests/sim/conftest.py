"""One small cloud for all tests that only boot and delete on it."""

from collections.abc import Iterator

import pytest

from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import Cloud
from nfv_sched.sim.cloud import simulated_cloud

HOSTS = (
    'dell-2x6230r-64vf',
    'epyc7451-4node',
    'opteron-sparse-ids',
    's2600wt-4port',
)


@pytest.fixture(autouse=True)
def nova_options():
    """Leave Nova's options alone: a cloud of this package sets them."""


@pytest.fixture(scope='module')
def stock_cloud() -> Iterator[Cloud]:
    """Four hosts under Nova's own filters."""
    with simulated_cloud(settings.STOCK, aliases=flavors.aliases()) as cloud:
        for name in HOSTS:
            cloud.add_host(name, machine.load(name))
        yield cloud
