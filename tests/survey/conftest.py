"""One cloud with instances for all tests of surveys."""

import argparse
from collections.abc import Iterator

import pytest

from nfv_sched.sim import flavors
from nfv_sched.sim.cloud import Cloud
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

HOSTS = ('dell-2x6230r-64vf', 'epyc7451-4node', 'opteron-sparse-ids')
GUESTS = (
    'anuket-HS.large',
    'anuket-HS.4xlarge',
    'opnfv-vfw',
    'opnfv-vrouter-2port',
    'onap-vopennat',
    'f5-bigip.16GB.dpdk',
    'edge-upf',
)


@pytest.fixture(scope='module')
def populated() -> Iterator[Cloud]:
    """Three hosts, one of them in a rack, and instances on them."""
    with cloud_of(HOSTS, aliases=flavors.aliases()) as cloud:
        cloud.add_aggregate(
            'rack 1',
            ['epyc7451-4node'],
            {'rack': 'r1', 'availability_zone': 'edge'},
        )
        known = flavors.flavors()
        cloud.guests = [
            guest
            for name in GUESTS
            for guest in cloud.boot(known[name], name=f'my-{name}')
            if guest.booted
        ]
        yield cloud


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    """A command's parser without options."""
    return argparse.ArgumentParser()
