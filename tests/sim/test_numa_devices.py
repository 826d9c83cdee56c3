"""What Nova is told of a machine agrees with the machine's facts."""

import json

from nova import objects
import pytest

from nfv_sched.sim import machine
from nfv_sched.sim import numa_devices
from tests.sim import values

objects.register_all()


@pytest.fixture(params=machine.names())
def described(request):
    return machine.load(request.param)


def test_cells_cpus_and_siblings(described):
    topology = numa_devices.numa_topology(described)
    assert [cell.id for cell in topology.cells] == [
        cell.id for cell in described.cells
    ]
    for cell, facts in zip(topology.cells, described.cells, strict=True):
        assert cell.pcpuset == facts.cpus & described.dedicated
        assert cell.cpuset == facts.cpus & described.shared
        usable = cell.pcpuset | cell.cpuset
        assert set().union(*cell.siblings) == usable
        for core in cell.siblings:
            assert core == described.siblings_of(min(core)) & usable
        assert cell.socket == facts.socket
        assert cell.free_pcpus == cell.pcpuset


def test_pages_fill_the_memory_exactly(described):
    topology = numa_devices.numa_topology(described)
    for cell, facts in zip(topology.cells, described.cells, strict=True):
        assert cell.memory == facts.memory_mib
        pages = {pool.size_kb: pool for pool in cell.mempages}
        for size, count in facts.pages.items():
            assert pages[size].total == count
            assert pages[size].reserved == facts.reserved_pages.get(size, 0)
        total = sum(pool.size_kb * pool.total for pool in cell.mempages)
        assert total == facts.memory_mib * 1024


def test_the_topology_survives_the_database(described):
    topology = numa_devices.numa_topology(described)
    stored = objects.NUMATopology.obj_from_db_obj(topology._to_json())
    assert values.of_topology(stored) == values.of_topology(topology)


def test_every_function_is_reported_once(described):
    devices = numa_devices.pci_devices(described)
    addresses = [device['address'] for device in devices]
    assert len(addresses) == len(set(addresses))
    vfs = [device for device in devices if device['dev_type'] == 'type-VF']
    assert len(vfs) == sum(nic.vfs for nic in described.nics)
    for device in vfs:
        assert device['parent_addr'] in addresses


def test_networks_are_on_the_cells_that_say_so():
    topology = numa_devices.numa_topology(machine.load('r740-dpdk-320g'))
    first, second = (cell.network_metadata for cell in topology.cells)
    assert (first.physnets, first.tunneled) == ({'physnet1'}, True)
    assert (second.physnets, second.tunneled) == ({'physnet2'}, False)


def test_device_spec_names_what_guests_may_have():
    specs = [
        json.loads(text)
        for text in numa_devices.device_spec(machine.load('r740xd-one-pool'))
    ]
    assert specs == [
        {'address': '0000:19:00.0', 'physical_network': 'physnet1'},
        {'address': '0000:19:00.1', 'physical_network': 'physnet2'},
        {'address': '0000:86:02.*', 'physical_network': 'physnet1'},
        {'address': '0000:86:03.*', 'physical_network': 'physnet1'},
        {'address': '0000:86:0a.*', 'physical_network': 'physnet2'},
        {'address': '0000:86:0b.*', 'physical_network': 'physnet2'},
    ]
