"""``nfv:pcie`` from the publisher through the scheduler to Nova's claims."""

import pytest

from nfv_sched.capacity import CapacityCounter
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.explain.alternatives import Harm
from nfv_sched.explain.suggestions import alternative_requests
from nfv_sched.model import FunctionTopology
from nfv_sched.model import HostTopology
from nfv_sched.nova import request_template
from nfv_sched.nova.boot_ports import Port
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.publisher import publish_supplement
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.sim.topology_reader import read_published_topology

HOST = """
about: two cards with two VFs each on one node
dedicated: 0-15
cells:
- {id: 0, cpus: '0-15', memory_mib: 8192}
nics:
- {address: '0000:05:00.0', cell: 0, ids: '8086:158b', vfs: 2,
   vf_ids: '8086:154c', physnet: physnet1}
- {address: '0000:15:00.0', cell: 0, ids: '8086:158b', vfs: 2,
   vf_ids: '8086:154c', physnet: physnet1}
"""
ROOTS = {
    'apart': ('pci0000:00', 'pci0000:10'),
    'same': ('pci0000:00', 'pci0000:00'),
}


def flavor(ports, policy):
    return SimulatedFlavor(
        'vnf',
        2,
        512,
        1,
        {'hw:cpu_policy': 'dedicated', 'nfv:pcie': policy},
        tuple(Port('physnet1', 'direct', 'required') for _ in range(ports)),
    )


@pytest.fixture(autouse=True)
def nova_options():
    """The cloud sets Nova's options."""


@pytest.fixture
def cloud():
    with simulated_cloud(
        settings.NFV, options=settings.profile_options(settings.NFV)
    ) as cloud:
        for name in ROOTS:
            cloud.add_host(name, machine.parse('ports', HOST))
        client = PlacementClient(cloud.placement)
        publish(client, cloud.topologies())
        for name, roots in ROOTS.items():
            functions = tuple(
                FunctionTopology(address, vfs=2, pcie_root=root)
                for address, root in zip(
                    ('0000:05:00.0', '0000:15:00.0'), roots, strict=True
                )
            )
            report = publish_supplement(
                client,
                HostTopology(
                    name,
                    cloud.computes[name].node.uuid,
                    functions=functions,
                ),
            )
            assert report.error is None
        yield cloud


def dry_run(cloud):
    return DryRunScheduler(Pipeline(), PlacementClient(cloud.placement))


def roots_of(instance):
    addresses = ('0000:05:00.0', '0000:15:00.0')
    by_address = dict(zip(addresses, ROOTS[instance.host], strict=True))
    return {by_address[device.parent_addr] for device in instance.devices}


def test_no_instance_gets_devices_below_several_roots(cloud):
    # Three devices are on two cards.
    required = flavor(3, 'same:required')
    count = CapacityCounter(dry_run(cloud)).count(cloud.request_spec(required))
    assert count.in_all == 1
    with read_published_topology(cloud):
        [instance] = cloud.boot(required)
        assert (instance.booted, instance.host) == (True, 'same')
        assert len(instance.devices) == 3
        assert roots_of(instance) == {'pci0000:00'}
        [last] = cloud.boot(required)
        assert last.outcome is Outcome.NO_VALID_HOST


def test_explain_says_which_roots_and_what_to_ask_instead(cloud):
    scheduler = dry_run(cloud)
    template = request_template.of_stored(
        cloud.request_spec(flavor(3, 'same:required'))
    )
    run = scheduler.run(template.request())
    by_host = {found.host: found for found in run.explanation.findings}
    assert by_host['same'].fits
    blocker = by_host['apart'].first_blocker
    assert blocker.condition == 'PCIe root'
    assert blocker.stage == 'NUMAFitFilter'
    assert 'below 2 PCIe roots, pci0000:00, pci0000:10' in blocker.text
    [change] = [
        found
        for found in alternative_requests(scheduler, run, template)
        if found.harm is Harm.ROOTS
    ]
    assert (change.hosts, change.host) == (2, 'apart')
    [command] = change.commands
    assert command.startswith('openstack flavor set --property nfv:pcie=same ')


def test_hosts_below_one_root_come_first(cloud):
    with read_published_topology(cloud):
        hosts = [cloud.boot(flavor(3, 'same'))[0] for _ in range(2)]
    assert [instance.host for instance in hosts] == ['same', 'apart']
    assert len(roots_of(hosts[1])) == 2
