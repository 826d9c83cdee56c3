"""Ports with a guaranteed bandwidth, from Placement to the claim."""

import pytest

from nfv_sched.capacity import CapacityCounter
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.nova.boot_ports import Port
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.sim.topology_reader import read_published_topology

HOST = """
about: room for one instance on node 0 and for two on node 1
dedicated: 0-5
cells:
- {id: 0, cpus: '0-1', memory_mib: 8192}
- {id: 1, cpus: '2-5', memory_mib: 8192}
nics:
- {address: '0000:05:00.0', cell: 0, ids: '8086:158b', vfs: 4,
   vf_ids: '8086:154c', physnet: physnet1, egress_kbps: 4000}
- {address: '0000:85:00.0', cell: 1, ids: '8086:158b', vfs: 4,
   vf_ids: '8086:154c', physnet: physnet1, egress_kbps: 1000}
"""
FLAVOR = SimulatedFlavor(
    'vnf',
    2,
    512,
    1,
    {'hw:cpu_policy': 'dedicated'},
    (Port('physnet1', 'direct', 'required', egress_kbps=1000),),
)


@pytest.fixture(autouse=True)
def nova_options():
    """The cloud sets Nova's options."""


@pytest.fixture
def cloud():
    with simulated_cloud(
        settings.NFV, options=settings.profile_options(settings.NFV)
    ) as cloud:
        cloud.add_host('one', machine.parse('ports', HOST))
        yield cloud


def dry_run(cloud):
    return DryRunScheduler(Pipeline(), PlacementClient(cloud.placement))


def test_as_many_are_placed_as_capacity_counts(cloud):
    count = CapacityCounter(dry_run(cloud)).count(cloud.request_spec(FLAVOR))
    assert count.in_all == 2
    parents = []
    with read_published_topology(cloud):
        for _ in range(2):
            [instance] = cloud.boot(FLAVOR)
            assert instance.booted
            [device] = instance.devices
            parents.append(device.parent_addr)
        [last] = cloud.boot(FLAVOR)
    assert last.outcome is Outcome.NO_VALID_HOST
    assert sorted(parents) == ['0000:05:00.0', '0000:85:00.0']
    # Node 1 has free CPUs, but no bandwidth is left near it.
    explanation = dry_run(cloud).explain(cloud.request_spec(FLAVOR))
    [finding] = explanation.findings
    assert finding.first_blocker.condition == 'different NUMA nodes'
    assert [blocker.cell for blocker in finding.blockers] == [None, 0]
