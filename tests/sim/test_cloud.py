"""A small cloud under Nova's own filters."""

import logging

from nova import exception
import pytest

from nfv_sched.cmd.demo_tables import cpus_of
from nfv_sched.sim import flavors
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import Port
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.cloud import simulated_cloud
from tests.sim import values

PLAIN = SimulatedFlavor('plain', 1, 512)
PINNED = SimulatedFlavor(
    'pinned',
    4,
    4096,
    extra_specs={'hw:cpu_policy': 'dedicated', 'hw:mem_page_size': '1GB'},
)
SRIOV = SimulatedFlavor(
    'sriov',
    2,
    1024,
    extra_specs={
        'hw:cpu_policy': 'dedicated',
        'hw:pci_numa_affinity_policy': 'required',
    },
    ports=(Port('physnet1'), Port('physnet2')),
)


def state(cloud):
    """Everything that guests use: records, providers' usages."""
    by_host = {}
    for name, compute in cloud.computes.items():
        node = compute.node
        usages = cloud.placement.get(
            f'/resource_providers/{node.uuid}/usages', microversion='1.39'
        ).json()['usages']
        pools = sorted(
            (pool.to_dict() for pool in node.pci_device_pools), key=str
        )
        by_host[name] = (
            values.of_topology(compute.topology),
            pools,
            usages,
            node.free_ram_mb,
            [(device.address, device.status) for device in compute.devices],
        )
    return by_host


@pytest.fixture
def boot(stock_cloud):
    """Boot guests that are gone after the test; they leave no trace."""
    before = state(stock_cloud)
    booted = []

    def boot_one(flavor, **kwargs):
        guests = stock_cloud.boot(flavor, **kwargs)
        booted.extend(guest for guest in guests if guest.booted)
        return guests[0] if kwargs.get('count', 1) == 1 else guests

    yield boot_one
    for guest in booted:
        stock_cloud.delete(guest)
    assert state(stock_cloud) == before


def test_hosts_are_in_placement_as_nova_compute_reports_them(stock_cloud):
    compute = stock_cloud.computes['dell-2x6230r-64vf']
    base = f'/resource_providers/{compute.node.uuid}'
    answer = stock_cloud.placement.get(
        f'{base}/inventories', microversion='1.39'
    ).json()['inventories']
    assert {
        name: inventory['total'] for name, inventory in answer.items()
    } == {
        'VCPU': 16,
        'PCPU': 80,
        'MEMORY_MB': 95015,
        'DISK_GB': 2000,
    }
    traits = stock_cloud.placement.get(
        f'{base}/traits', microversion='1.39'
    ).json()['traits']
    assert {'COMPUTE_NODE', 'HW_CPU_HYPERTHREADING'} <= set(traits)


def test_pools_are_novas_own(stock_cloud):
    pools = [
        pool.to_dict()
        for pool in stock_cloud.computes[
            'dell-2x6230r-64vf'
        ].node.pci_device_pools
    ]
    assert {pool['address']: pool['count'] for pool in pools} == {
        '0000:3b:00.0': 16,
        '0000:3b:00.1': 16,
        '0000:d8:00.0': 16,
        '0000:d8:00.1': 16,
    }
    for pool in pools:
        assert pool['remote_managed'] == 'false'
        assert pool['physical_network'] in ('physnet1', 'physnet2')
        assert pool['dev_type'] == 'type-VF'


def test_a_plain_guest_boots_and_pins_nothing(boot):
    guest = boot(PLAIN)
    assert guest.booted
    assert cpus_of(guest) == set()


def test_a_pinned_guest_takes_cpus_and_pages(boot, stock_cloud):
    guest = boot(PINNED)
    assert guest.booted
    [cell] = guest.instance.numa_topology.cells
    assert cell.pagesize == 1048576
    host = {
        cell.id: cell
        for cell in stock_cloud.computes[guest.host].topology.cells
    }[cell.id]
    assert host.pinned_cpus == cpus_of(guest)
    [pool] = [pages for pages in host.mempages if pages.size_kb == 1048576]
    assert pool.used == 4


def test_devices_are_near_where_required(boot):
    guest = boot(SRIOV)
    assert guest.booted
    [cell] = guest.instance.numa_topology.cells
    assert len(guest.devices) == 2
    assert {device.numa_node for device in guest.devices} == {cell.id}
    assert {device.status for device in guest.devices} == {'allocated'}


def test_devices_by_alias(boot):
    flavor = SimulatedFlavor(
        'ports', 2, 1024, extra_specs={'pci_passthrough:alias': 'x710-port:3'}
    )
    guest = boot(flavor)
    assert guest.host == 's2600wt-4port'
    assert len(guest.devices) == 3
    assert boot(flavor).outcome is Outcome.NO_VALID_HOST


def test_anti_affinity_ends_with_the_hosts(boot, stock_cloud):
    group = stock_cloud.add_group('apart', 'anti-affinity')
    guests = [boot(PLAIN, group=group) for _ in range(5)]
    assert [guest.booted for guest in guests] == [True] * 4 + [False]
    assert len({guest.host for guest in guests if guest.booted}) == 4


def test_max_server_per_host(boot, stock_cloud):
    group = stock_cloud.add_group('few', 'anti-affinity', max_per_host=2)
    guests = boot(PLAIN, group=group, count=8)
    assert all(guest.booted for guest in guests)
    assert not boot(PLAIN, group=group).booted


def test_soft_affinity_keeps_together(boot, stock_cloud):
    group = stock_cloud.add_group('near', 'soft-affinity')
    hosts = {boot(PLAIN, group=group).host for _ in range(3)}
    assert len(hosts) == 1


def test_no_valid_host_is_reported_and_takes_nothing(boot):
    flavor = SimulatedFlavor(
        'huge',
        4,
        102400,
        extra_specs={'hw:mem_page_size': '1GB', 'hw:numa_nodes': '1'},
    )
    guest = boot(flavor)
    assert guest.outcome is Outcome.NO_VALID_HOST
    assert 'No valid host' in guest.error
    assert guest.host is None


def test_many_at_once_have_one_fate(boot):
    guests = boot(PINNED, count=3)
    assert len({guest.uuid for guest in guests}) == 3
    assert all(guest.booted for guest in guests)
    assert [guest.name for guest in guests] == [
        'pinned-0',
        'pinned-1',
        'pinned-2',
    ]


def test_a_flavor_that_nova_refuses_is_refused(stock_cloud):
    flavor = SimulatedFlavor(
        'odd', 4, 1024, extra_specs={'hw:cpu_thread_policy': 'isolate'}
    )
    with pytest.raises(exception.CPUThreadPolicyConfigurationInvalid):
        stock_cloud.boot(flavor)


def test_a_failed_claim_is_reported_and_takes_nothing(stock_cloud):
    """The scheduler without NUMA filters sends guests to full hosts."""
    blind = settings.Profile('blind', ('ComputeFilter',))
    flavor = SimulatedFlavor(
        'huge',
        4,
        61440,
        extra_specs={'hw:mem_page_size': '1GB', 'hw:numa_nodes': '1'},
    )
    before = state(stock_cloud)
    stock_cloud.use(blind)
    try:
        [guest] = stock_cloud.boot(flavor)
    finally:
        stock_cloud.use(settings.STOCK)
    assert guest.outcome is Outcome.CLAIM_FAILED
    assert 'ComputeResourcesUnavailable' in guest.error
    assert state(stock_cloud) == before


def test_a_second_scheduler_sees_the_guests_of_the_first(boot, stock_cloud):
    group = stock_cloud.add_group('both', 'anti-affinity')
    first = boot(PLAIN, group=group)
    other = settings.Profile('other', settings.STOCK.enabled_filters)
    stock_cloud.use(other)
    try:
        second = boot(PLAIN, group=group)
    finally:
        stock_cloud.use(settings.STOCK)
    assert second.booted
    assert second.host != first.host


def test_a_second_cloud_must_wait(stock_cloud):
    with pytest.raises(RuntimeError, match='one cloud'), simulated_cloud():
        pass
    assert len(stock_cloud.host_states()) == 4


def test_every_flavor_is_one_that_nova_accepts(stock_cloud, caplog):
    caplog.set_level(logging.CRITICAL)
    for flavor in flavors.flavors().values():
        spec = stock_cloud.request_spec(flavor)
        assert spec.vcpus == flavor.vcpus
    assert {service.flavor.name for service in flavors.services()} <= set(
        flavors.flavors()
    )
