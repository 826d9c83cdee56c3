"""One small cloud for all tests that only boot and delete on it."""

from collections.abc import Iterator

import pytest

from nfv_sched.sim import flavors
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import Cloud
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

HOSTS = (
    'dell-2x6230r-64vf',
    'epyc7451-4node',
    'opteron-sparse-ids',
    's2600wt-4port',
)


@pytest.fixture(scope='module')
def stock_cloud() -> Iterator[Cloud]:
    """Four hosts under Nova's own filters."""
    with cloud_of(HOSTS, settings.STOCK, aliases=flavors.aliases()) as running:
        yield running
