import json

from nova import objects
import pytest

from nfv_sched.model import CellTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PageCapacity
from nfv_sched.nova import cell_databases
from nfv_sched.nova import node_topologies
from nfv_sched.nova.compute_topology import MalformedComputeError
from nfv_sched.nova.compute_topology import topology_of
from nfv_sched.placement.codec import decode
from nfv_sched.placement.codec import encode
from nfv_sched.placement.tree import summaries_of

objects.register_all()

UUID = '3f2504e0-4f89-41d3-9a0c-0305e82c3301'


def numa_cell(number=0, **changes):
    values = {
        'id': number,
        'cpuset': {0, 1},
        'pcpuset': {2, 3, 4, 5},
        'memory': 4096,
        'cpu_usage': 3,
        'memory_usage': 1024,
        'pinned_cpus': {2, 3},
        'siblings': [{0, 1}, {2, 3}, {4, 9}],
        'mempages': [
            objects.NUMAPagesTopology(
                size_kb=2048, total=512, used=8, reserved=12
            ),
            objects.NUMAPagesTopology(
                size_kb=4, total=1000, used=0, reserved=0
            ),
            objects.NUMAPagesTopology(
                size_kb=1048576, total=0, used=0, reserved=0
            ),
        ],
        'network_metadata': objects.NetworkMetadata(
            physnets={'physnet0'}, tunneled=True
        ),
        'socket': 1,
    }
    values.update(changes)
    return objects.NUMACell(
        **{name: value for name, value in values.items() if value is not ...}
    )


def pci_pool(count, address='0000:3b:00.0', **tags):
    tags = {
        'dev_type': 'type-VF',
        'physical_network': 'physnet0',
        'address': address,
        **tags,
    }
    return objects.PciDevicePool(
        vendor_id='8086',
        product_id='154C',
        numa_node=0,
        count=count,
        tags={name: tag for name, tag in tags.items() if tag is not None},
    )


def device(slot, status, parent='0000:3b:00.0', **changes):
    values = {
        'vendor_id': '8086',
        'product_id': '154c',
        'dev_type': 'type-VF',
        'numa_node': 0,
        'address': f'0000:3b:02.{slot}',
        'parent_addr': parent,
        'status': status,
    }
    return objects.PciDevice(**(values | changes))


def compute_node(cells=(), pools=(), **changes):
    values = {
        'uuid': UUID,
        'hypervisor_hostname': 'host0',
        'numa_topology': objects.NUMATopology(cells=list(cells))._to_json(),
        'pci_device_pools': objects.PciDevicePoolList(objects=list(pools)),
    }
    return objects.ComputeNode(**(values | changes))


def test_a_cell_is_counted():
    topology = topology_of(compute_node([numa_cell()]))
    assert (topology.name, topology.uuid) == ('host0', UUID)
    assert topology.cells == (
        CellTopology(
            id=0,
            memory_mib=4096,
            dedicated_cpus=4,
            shared_cpus=2,
            # {0, 1}, {2, 3}, {4} and 5, which no core claims.
            cores=4,
            socket=1,
            pages=(PageCapacity(4, 1000), PageCapacity(2048, 500)),
            physnets=frozenset({'physnet0'}),
            tunneled=True,
        ),
    )
    assert topology.cells[0].pages[1].reserved == 12
    assert topology.usage == HostUsage(
        dedicated_cpus={0: 2},
        shared_cpus={0: 3},
        memory_mib={0: 1024},
        pages={(0, 2048): 8},
    )


def test_cells_come_by_id():
    topology = topology_of(compute_node([numa_cell(4), numa_cell(1)]))
    assert [cell.id for cell in topology.cells] == [1, 4]


def test_an_old_cell_lacks_what_its_nova_compute_did_not_know():
    old = numa_cell(network_metadata=..., socket=..., pcpuset=...)
    (cell,) = topology_of(compute_node([old])).cells
    assert cell.socket is None
    assert not cell.physnets
    assert not cell.tunneled
    assert cell.dedicated_cpus == 0


@pytest.mark.parametrize('text', [None, ''])
def test_a_host_without_numa_has_no_cells(text):
    topology = topology_of(compute_node(numa_topology=text))
    assert topology.cells == ()


def test_a_host_without_devices_has_no_pools():
    assert topology_of(compute_node(pci_device_pools=None)).pools == ()


def test_a_pool_alone_is_as_large_as_what_is_free():
    topology = topology_of(compute_node([numa_cell()], [pci_pool(7)]))
    (pool,) = topology.pools
    assert (pool.total, pool.numa_node, pool.physnet) == (7, 0, 'physnet0')
    assert (pool.vendor_id, pool.product_id) == ('8086', '154c')
    assert pool.parent == '0000:3b:00.0'
    assert topology.usage.devices == {}


def test_devices_tell_what_is_taken():
    devices = [
        device(0, 'available'),
        device(1, 'allocated'),
        device(2, 'claimed'),
        device(3, 'unavailable'),
        device(4, 'removed'),
        device(5, 'deleted'),
    ]
    topology = topology_of(compute_node(pools=[pci_pool(1)]), devices)
    (pool,) = topology.pools
    assert pool.total == 4
    assert topology.usage.devices == {pool.key: 3}


def test_a_pool_that_is_all_taken_is_still_there():
    topology = topology_of(compute_node(), [device(1, 'allocated')])
    (pool,) = topology.pools
    assert (pool.total, pool.physnet) == (1, None)
    assert topology.usage.devices == {pool.key: 1}


def test_devices_go_to_pools_that_report_no_address():
    topology = topology_of(
        compute_node(pools=[pci_pool(1, address=None)]),
        [device(1, 'allocated')],
    )
    (pool,) = topology.pools
    assert (pool.total, pool.parent) == (2, None)


def test_pools_that_differ_in_other_tags_are_one():
    pools = [pci_pool(2, trusted='true'), pci_pool(3, trusted='false')]
    topology = topology_of(compute_node(pools=pools))
    assert [pool.total for pool in topology.pools] == [5]


def test_a_compute_node_comes_back_from_its_tree():
    cells = [numa_cell(0), numa_cell(1, network_metadata=...)]
    topology = topology_of(
        compute_node(cells, [pci_pool(7)]), [device(1, 'allocated')]
    )
    tree = encode(topology)
    # Three guest CPUs on two shared ones.
    assert tree.clamped == 2
    decoded = decode('host0', tree.root.uuid, summaries_of(tree))
    assert decoded.cells == topology.cells
    assert decoded.pools == topology.pools


@pytest.mark.parametrize(
    'changes',
    [
        {'numa_topology': 'no json'},
        {'numa_topology': '[]'},
        {'numa_topology': '{"cells": []}'},
        {
            'numa_topology': json.dumps(
                {
                    'nova_object.name': 'NUMATopology',
                    'nova_object.namespace': 'nova',
                    'nova_object.version': '99.0',
                    'nova_object.data': {},
                }
            )
        },
    ],
)
def test_a_malformed_compute_node_is_named(changes):
    with pytest.raises(MalformedComputeError, match='host0') as caught:
        topology_of(compute_node(**changes))
    assert UUID in str(caught.value)


def test_a_compute_node_without_a_uuid_is_malformed():
    compute = objects.ComputeNode(
        hypervisor_hostname='host0', numa_topology=None
    )
    with pytest.raises(MalformedComputeError, match='host0'):
        topology_of(compute)


def test_a_missing_database_is_named_in_the_operators_words(nova_options):
    nova_options.set_override('connection', None, 'api_database')
    with pytest.raises(cell_databases.NoDatabaseError, match='--config-file'):
        node_topologies.read_all()
