"""vGPUs from Placement's candidates to the allocation of the instance."""

import time

import pytest

from nfv_sched.capacity import CapacityCounter
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.model import FunctionTopology
from nfv_sched.model import HostTopology
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
about: two nodes, of which the first has room for nothing
dedicated: 0-7
cells:
- {id: 0, cpus: '0', memory_mib: 8192}
- {id: 1, cpus: '1-7', memory_mib: 8192}
"""
FLAVOR = SimulatedFlavor(
    'vgpu', 2, 512, 1, {'hw:cpu_policy': 'dedicated', 'resources:VGPU': '1'}
)
#: The cards by their NUMA node.
CARDS = {0: '0000:10:00.0', 1: '0000:90:00.0'}
SECONDS = 30


@pytest.fixture(autouse=True)
def nova_options():
    """The cloud sets Nova's options."""


def add_card(client, compute, address):
    """Create a provider of vGPUs as Nova's libvirt driver does."""
    device = address.replace(':', '_').replace('.', '_')
    return providers.create(
        client,
        f'one_pci_{device}',
        compute,
        inventories={'VGPU': {'total': 2}},
    )


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
            FunctionTopology(address, vfs=16, numa_node=node)
            for node, address in CARDS.items()
        )
        report = publish_supplement(
            client, HostTopology('one', compute, functions=functions)
        )
        assert report.error is None
        cloud.cards = {
            add_card(client, compute, address): node
            for node, address in CARDS.items()
        }
        yield cloud


def node_of(cloud, instance):
    """The NUMA node of the card that Placement allocated."""
    client = PlacementClient(cloud.placement)
    held = client.get(f'/allocations/{instance.uuid}')['allocations']
    [node] = {cloud.cards[name] for name in held if name in cloud.cards}
    return node


def wait_for_names(cloud, published):
    for card in cloud.cards:
        end = time.monotonic() + SECONDS
        while published.provider_name(card) is None:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_the_card_on_the_node_of_the_instance_is_taken_first(cloud):
    with read_published_topology(cloud) as published:
        wait_for_names(cloud, published)
        nodes = []
        for _ in range(3):
            [instance] = cloud.boot(FLAVOR)
            assert instance.booted
            nodes.append(node_of(cloud, instance))
    # A distance is never required.
    assert nodes == [1, 1, 0]


def test_capacity_counts_the_cards_of_all_nodes(cloud):
    scheduler = DryRunScheduler(Pipeline(), PlacementClient(cloud.placement))
    count = CapacityCounter(scheduler).count(cloud.request_spec(FLAVOR))
    # Of four vGPUs: seven CPUs are on node 1.
    assert count.in_all == 3
