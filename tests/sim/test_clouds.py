"""One cloud after another."""

import pytest

from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud

PINNED = SimulatedFlavor(
    'pinned', 2, 1024, extra_specs={'hw:cpu_policy': 'dedicated'}
)


def test_clouds_follow_each_other_without_a_trace():
    for _ in range(2):
        with simulated_cloud(settings.STOCK) as cloud:
            cloud.add_host('one', machine.load('epyc7451-4node'))
            cloud.add_aggregate('rack1', ['one'], {'rack': '1'})
            [state] = cloud.host_states()
            assert state.host == 'one'
            [aggregate] = state.aggregates
            assert aggregate.name == 'rack1'
            assert cloud.boot(PINNED)[0].booted


def test_the_same_boots_land_on_the_same_hosts():
    def landings():
        with simulated_cloud(settings.STOCK) as cloud:
            for number in range(3):
                cloud.add_host(f'n{number}', machine.load('epyc7451-4node'))
            return [cloud.boot(PINNED)[0].host for _ in range(4)]

    assert landings() == landings()


def test_a_server_that_runs_is_not_counted_as_a_build():
    with simulated_cloud(settings.STOCK) as cloud:
        cloud.add_host('one', machine.load('epyc7451-4node'))
        assert all(cloud.boot(PINNED)[0].booted for _ in range(2))
        [state] = cloud.host_states()
        assert (state.num_instances, state.num_io_ops) == (2, 0)


def test_novas_options_reach_the_scheduler():
    options = {'compute.packing_host_numa_cells_allocation_strategy': True}
    with simulated_cloud(settings.STOCK, options=options) as cloud:
        cloud.add_host('one', machine.load('epyc7451-4node'))
        cells = {
            cell.id
            for _ in range(3)
            for cell in cloud.boot(PINNED)[0].instance.numa_topology.cells
        }
        assert len(cells) == 1


@pytest.mark.parametrize('profile', [settings.STOCK, settings.NFV])
def test_devices_may_be_in_placement(profile):
    # Nova leaves devices with a physical network out of Placement.
    ports = ', '.join(
        f"{{address: '0000:05:00.{port}', cell: 0, ids: '8086:1572'}}"
        for port in range(3)
    )
    host = machine.parse(
        'ports',
        f"""
about: three whole ports
dedicated: 0-7
cells: [{{id: 0, cpus: 0-7, memory_mib: 8192}}]
nics: [{ports}]
""",
    )
    alias = {
        'name': 'port',
        'vendor_id': '8086',
        'product_id': '1572',
        'device_type': 'type-PF',
    }
    options = {
        'pci.report_in_placement': True,
        'filter_scheduler.pci_in_placement': True,
    }
    flavor = SimulatedFlavor(
        'ports',
        2,
        512,
        extra_specs={
            'hw:cpu_policy': 'dedicated',
            'pci_passthrough:alias': 'port:2',
        },
    )
    with simulated_cloud(profile, aliases=[alias], options=options) as cloud:
        cloud.add_host('one', host)
        [guest] = cloud.boot(flavor)
        assert guest.booted
        allocated = cloud.placement.get(
            f'/allocations/{guest.uuid}', microversion='1.39'
        ).json()['allocations']
        assert len(allocated) == 3
        assert not cloud.boot(flavor)[0].booted
        cloud.delete(guest)
        [guest] = cloud.boot(flavor)
        assert len(guest.devices) == 2
