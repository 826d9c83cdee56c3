"""Each request of a mixture sees of a host what it asks for.

Whichever request was the first to claim there.
"""

import time

import pytest

from nfv_sched.capacity import count_mixture
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.model import FunctionTopology
from nfv_sched.model import HostTopology
from nfv_sched.nova.boot_ports import Port
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.publisher import publish_supplement
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.sim.topology_reader import read_published_topology
from nfv_sched_testing import providers

HOST = """
about: one NUMA node, two cards with vGPUs, VFs beside one of these
dedicated: 0-15
cells:
- {id: 0, cpus: '0-15', memory_mib: 16384}
nics:
- {address: '0000:91:00.0', cell: 0, ids: '8086:158b', vfs: 6,
   vf_ids: '8086:154c', physnet: physnet1}
"""
#: PCIe roots of the cards and of the port.
ROOTS = {
    '0000:10:00.0': 'pci0000:00',
    '0000:90:00.0': 'pci0000:80',
    '0000:91:00.0': 'pci0000:80',
}
SECONDS = 30
PINNED = {'hw:cpu_policy': 'dedicated'}
PLAIN = SimulatedFlavor('plain', 1, 512, 1, PINNED)
NEAR = {**PINNED, 'resources:VGPU': '1', 'nfv:pcie': 'same:required'}
BESIDE = SimulatedFlavor('beside', 1, 512, 1, NEAR, (Port('physnet1'),))


@pytest.fixture(autouse=True)
def nova_options():
    """The cloud sets Nova's options."""


@pytest.fixture
def cloud():
    with simulated_cloud(
        settings.NFV, options=settings.profile_options(settings.NFV)
    ) as cloud:
        cloud.add_host('one', machine.parse('vgpus', HOST))
        client = PlacementClient(cloud.placement)
        publish(client, cloud.topologies())
        compute = cloud.computes['one'].node.uuid
        functions = tuple(
            FunctionTopology(address, vfs=6, numa_node=0, pcie_root=root)
            for address, root in ROOTS.items()
        )
        report = publish_supplement(
            client, HostTopology('one', compute, functions=functions)
        )
        assert report.error is None
        cloud.cards = [
            providers.create(
                client,
                f'one_pci_{device}',
                compute,
                inventories={'VGPU': {'total': 2}},
            )
            for device in ('0000_10_00_0', '0000_90_00_0')
        ]
        yield cloud


def wait_for_names(published, cards):
    end = time.monotonic() + SECONDS
    while None in map(published.provider_name, cards):
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize('order', [(PLAIN, BESIDE), (BESIDE, PLAIN)])
def test_the_flavor_that_comes_first_decides_for_itself_only(cloud, order):
    scheduler = DryRunScheduler(Pipeline(), PlacementClient(cloud.placement))
    requests = [
        (flavor.name, cloud.request_spec(flavor), 1) for flavor in order
    ]
    mixture = count_mixture(scheduler, requests)
    # Below the root of the VFs are two of the four vGPUs.
    assert mixture.guests['beside'] == 2
    assert mixture.ended == 'beside'
    with read_published_topology(cloud) as published:
        wait_for_names(published, cloud.cards)
        for _ in range(2):
            assert all(cloud.boot(flavor)[0].booted for flavor in order)
        assert not cloud.boot(BESIDE)[0].booted
        assert cloud.boot(PLAIN)[0].booted
