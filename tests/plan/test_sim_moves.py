"""Migrations of the simulated cloud."""

from nova import exception
import pytest

from nfv_sched.sim import machine
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.sim.moves import migrate
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

FLAVOR = SimulatedFlavor('vnf', 4, 4096, 10, HUGE)


def usage(compute):
    return [
        (sorted(cell.pinned_cpus), [pool.used for pool in cell.mempages])
        for cell in compute.topology.cells
    ]


def test_the_source_is_free_afterwards_and_the_destination_in_use():
    with simulated_cloud() as cloud:
        for name in ('a', 'b'):
            cloud.add_host(name, machine.load('r740-sriov-2x32vf'))
        before = {name: usage(each) for name, each in cloud.computes.items()}
        [guest] = cloud.boot(FLAVOR)
        cloud.request_spec(FLAVOR, uuids=[guest.uuid]).create()
        there = usage(cloud.computes[guest.host])
        [other] = {'a', 'b'} - {guest.host}
        moved = migrate(cloud, guest, other)
        assert moved.host == moved.instance.host == other
        assert usage(cloud.computes[guest.host]) == before[guest.host]
        assert usage(cloud.computes[other]) == there
        assert moved.instance.task_state is None
        with pytest.raises(exception.NoValidHost):
            migrate(cloud, moved, other)
        assert usage(cloud.computes[other]) == there
        back = migrate(cloud, moved, guest.host)
        cloud.delete(back)
        assert usage(cloud.computes[guest.host]) == before[guest.host]
