"""Guests are placed on topology read from a real Placement."""

import pytest

from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim import topology_reader
from nfv_sched_testing.clouds import cloud_of

MACHINES = ('dell-2x6230r-64vf', 'epyc7451-4node', 'opteron-sparse-ids')


@pytest.fixture
def cloud():
    hosts = {f'host{number}': name for number, name in enumerate(MACHINES)}
    with cloud_of(hosts, aliases=flavors.aliases()) as running:
        yield running


def flavor():
    return flavors.flavors()['anuket-HS.large']


def test_every_published_host_is_read_and_agrees_with_its_compute(cloud):
    publish(PlacementClient(cloud.placement), cloud.topologies())
    with topology_reader.read_published_topology(cloud) as view:
        guests = [
            guest
            for number in range(4)
            for guest in cloud.boot(flavor(), name=f'guest{number}')
        ]
        assert all(guest.booted for guest in guests)
        assert len(view.reader.snapshot.hosts) == len(MACHINES)
        assert not view.drifted
        assert not view.unpublished


def test_a_host_that_is_not_published_takes_guests_all_the_same(cloud):
    publish(PlacementClient(cloud.placement), cloud.topologies())
    cloud.add_host('new', machine.load(MACHINES[0]))
    with topology_reader.read_published_topology(cloud) as view:
        guests = cloud.boot(flavor(), name='many', count=3)
        assert all(guest.booted for guest in guests)
        assert view.unpublished == {cloud.computes['new'].node.uuid}
