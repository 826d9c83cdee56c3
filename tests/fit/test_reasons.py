"""Every rejection says what, where, how much was asked and was there."""

import uuid

from nova import objects
import pytest

from nfv_sched.fit import reasons
from nfv_sched.fit.cell import Shortage
from nfv_sched.model import PAGES_LARGE
from nfv_sched.model import Resource
from nfv_sched_testing import builders
from nfv_sched_testing.builders import guest_cell
from nfv_sched_testing.builders import host_cell
from nfv_sched_testing.builders import scene


def told(scene):
    """The reasons as tuples, first the resource."""
    return [
        (r.resource, r.cell, r.guest_cell, r.asked, r.available)
        for r in builders.evaluate(scene).reasons
    ]


def test_more_guest_cells_than_host_cells():
    example = scene([host_cell(0, pages={})], [guest_cell(0), guest_cell(1)])
    assert told(example) == [(Resource.CELLS, None, None, 2, 1)]


def test_a_host_without_numa_topology():
    example = scene([host_cell(0)], [guest_cell(0)])
    example.topology = None
    assert told(example) == [(Resource.CELLS, None, None, 1, 0)]


@pytest.mark.parametrize(
    ('cell', 'guest', 'expected'),
    [
        ({'pinned': {0}}, {}, (Resource.DEDICATED_CPUS, 0, 0, 1, 0)),
        ({'cores': 3}, {'cpus': 4}, (Resource.DEDICATED_CPUS, 0, 0, 4, 3)),
        ({'memory': 256}, {}, (Resource.MEMORY, 0, 0, 512, 256)),
        (
            {'memory': 4096, 'pages': {4: 0, builders.GIB: 3}},
            {},
            (Resource.MEMORY, 0, 0, 512, 0),
        ),
        (
            {'pages': {2048: 100}},
            {'pagesize': 2048},
            (Resource.PAGES, 0, 0, 256, 100),
        ),
        (
            {'pages': {2048: 250, builders.GIB: 0}},
            {'pagesize': PAGES_LARGE},
            (Resource.PAGES, 0, 0, 256, 250),
        ),
        (
            {'cores': 2, 'threads': 2, 'pinned': {0, 2}},
            {'cpus': 2, 'cpu_thread_policy': 'require'},
            (Resource.SIBLINGS, 0, 0, 2, 0),
        ),
        (
            {'cpuset': {7}},
            {'cpuset': {0, 1}, 'pcpuset': set(), 'cpu_policy': 'shared'},
            (Resource.SHARED_CPUS, 0, 0, 2, 1),
        ),
        (
            {'cpuset': {7}, 'cpu_usage': 1},
            {'cpuset': {0}, 'pcpuset': set(), 'cpu_policy': 'shared'},
            (Resource.SHARED_CPUS, 0, 0, 1, 0),
        ),
    ],
)
def test_a_cell_that_falls_short(cell, guest, expected):
    example = scene(
        [host_cell(0, **{'pages': {}, **cell})], [guest_cell(0, **guest)]
    )
    assert told(example) == [expected]


def test_memory_without_a_page_size_is_of_small_pages():
    example = scene(
        [host_cell(0, pages={4: 0, builders.GIB: 3})], [guest_cell(0)]
    )
    (reason,) = builders.evaluate(example).reasons
    assert str(reason) == (
        'NUMA node 0 has 0 of 512 MiB of memory in small pages (4 KiB, since '
        'no page size is requested) for guest NUMA node 0'
    )


def test_memory_that_is_no_multiple_of_the_page_size():
    example = scene(
        [host_cell(0, pages={builders.GIB: 4})],
        [guest_cell(0, memory=512, pagesize=builders.GIB)],
    )
    (reason,) = builders.evaluate(example).reasons
    assert str(reason) == (
        'NUMA node 0: the memory of guest NUMA node 0 is not a multiple of '
        '1 GiB'
    )


def test_guest_cells_that_compete_for_one_host_cell():
    example = scene(
        [host_cell(0, pages={}), host_cell(1, memory=256, pages={})],
        [guest_cell(0), guest_cell(1)],
    )
    reasons = builders.evaluate(example).reasons
    assert str(reasons[0]) == '2 guest NUMA nodes fit only NUMA node 0'
    assert [(r.cell, r.guest_cell) for r in reasons[1:]] == [(1, 0), (1, 1)]


def devices_scene(nodes, policy='required', count=1):
    return scene(
        [host_cell(i, cores=1, pages={}) for i in range(2)],
        [guest_cell(0)],
        [
            builders.device(f'0000:8{i}:00.0', 'type-PCI', node)
            for i, node in enumerate(nodes)
        ],
        [
            objects.InstancePCIRequest(
                count=count,
                spec=[{'dev_type': 'type-PCI'}],
                alias_name='a',
                request_id=str(uuid.UUID(int=1)),
                numa_policy=policy,
            )
        ],
    )


def test_devices_that_are_not_there():
    assert told(devices_scene([0], count=2)) == [
        (Resource.DEVICES, None, None, 2, 1)
    ]


def test_devices_on_different_cells():
    example = devices_scene([0, 1], count=2)
    assert (Resource.DEVICES, None, None, 2, 1) in told(example)
    text = str(builders.evaluate(example).reasons[-1])
    assert '1 on NUMA node 0, 1 on NUMA node 1' in text


def test_devices_on_a_cell_whose_cpus_are_taken():
    example = devices_scene([0])
    example.topology.cells[0].pinned_cpus = {0}
    joint, devices = builders.evaluate(example).reasons
    assert joint.resource is Resource.DIFFERENT_NODES
    assert '(CPUs on 1; devices on 0)' in joint.text
    assert (devices.resource, devices.asked, devices.available) == (
        Resource.DEVICES,
        1,
        0,
    )


def test_a_network_on_a_cell_whose_cpus_are_taken():
    example = scene(
        [
            host_cell(
                i,
                pages={},
                pinned=() if i else {0},
                network_metadata=objects.NetworkMetadata(
                    physnets=set() if i else {'net'}, tunneled=not i
                ),
            )
            for i in range(2)
        ],
        [guest_cell(0)],
    )
    example.spec.network_metadata = objects.NetworkMetadata(
        physnets={'net', 'elsewhere'}, tunneled=True
    )
    assert [str(r) for r in builders.evaluate(example).reasons[1:]] == [
        'network net is not near NUMA node 1',
        'network tunnels is not near NUMA node 1',
    ]


def test_no_less_than_no_pages_are_free():
    """More are used than there are, where a pool was made smaller."""
    shortage = Shortage(Resource.PAGES, 256, -1, 2048)
    reason = reasons.of_shortage(shortage, 0, 1)
    assert 'has 0 of 256 free pages' in reason.text
    assert reason.available == -1
