"""Hosts as HostStates hold them."""

from nova import objects
import pytest

from nfv_sched.model import Cell
from nfv_sched.model import PagePool
from nfv_sched.nova import host_states
from nfv_sched_testing import builders
from nfv_sched_testing import scheduling


def state(**cell):
    host_cell = builders.host_cell(
        3,
        cores=2,
        threads=2,
        memory=1024,
        pages={2048: 8},
        pinned={1},
        **{'socket': 7, **cell},
    )
    scene = builders.scene(
        [host_cell],
        [builders.guest_cell(0)],
        [builders.device('0000:81:02.0', 'type-VF', 3, parent='0000:81:00.0')],
    )
    return scheduling.host_state(scene)


def fields(values):
    """The fields of a lazily read value, read."""
    return {
        name: getattr(values, name)
        for name in type(values).__dataclass_fields__
    }


def test_a_cell_says_what_nova_says():
    (cell,) = host_states.host_of(
        state(
            network_metadata=objects.NetworkMetadata(
                physnets={'net'}, tunneled=True
            )
        )
    ).cells
    values = fields(cell)
    pages = values.pop('pages')
    expected = fields(
        Cell(
            id=3,
            memory_mib=1024,
            shared_cpus=set(),
            dedicated_cpus={300, 301, 302, 303},
            pinned_cpus={301},
            siblings=[{300, 301}, {302, 303}],
            socket=7,
            physnets={'net'},
            tunneled=True,
        )
    )
    del expected['pages']
    assert values == expected
    assert [fields(pool) for pool in pages] == [
        fields(PagePool(4, 262144)),
        fields(PagePool(2048, 8)),
    ]


def test_a_cell_of_an_old_compute_declares_no_networks_and_no_socket():
    old = state()
    (cell,) = old.numa_topology.cells
    delattr(cell, '_obj_socket')
    (read,) = host_states.host_of(old).cells
    assert (read.socket, read.physnets, read.tunneled) == (
        None,
        frozenset(),
        False,
    )


def test_pages_of_an_old_compute_reserve_nothing():
    old = state()
    pages = old.numa_topology.cells[0].mempages[1]
    delattr(pages, '_obj_reserved')
    pages.used = 3
    (cell,) = host_states.host_of(old).cells
    assert (cell.pages[1].reserved, cell.pages[1].free) == (0, 5)


def test_a_pool_says_what_nova_says():
    (pool,) = host_states.host_of(state()).pools
    assert fields(pool) == {
        'vendor_id': '8086',
        'product_id': '1572',
        'dev_type': 'type-VF',
        'count': 1,
        'numa_node': 3,
        'address': '0000:81:00.0',
        'rp_uuid': None,
        'pcie_root': None,
        'tags': {'remote_managed': 'false'},
    }
    assert pool.get('remote_managed') == 'false'
    assert pool.get('trusted') is None


def test_a_host_without_numa_topology_or_devices_is_empty():
    bare = state()
    bare.numa_topology = bare.pci_stats = None
    host = host_states.host_of(bare)
    assert (host.cells, host.pools) == ((), ())


def test_states_of_one_host_read_alike_until_something_is_taken():
    host_state, again = state(), state()
    before = host_states.state_fingerprint(host_state)
    assert host_states.state_fingerprint(again) == before
    again.numa_topology.cells[0].pin_cpus({302})
    assert host_states.state_fingerprint(again) != before
    assert host_states.state_fingerprint(host_state) == before


def test_it_is_read_which_cpus_are_pinned():
    # As many, and they add up to the same.
    pinned, other = ({300, 303}, {301, 302})
    assert host_states.state_fingerprint(
        state(pinned_cpus=pinned)
    ) != host_states.state_fingerprint(state(pinned_cpus=other))


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('cpuset', {1}),
        ('pcpuset', {300, 301, 302}),
        ('memory', 1),
        ('memory_usage', 1),
        ('cpu_usage', 1),
        (
            'network_metadata',
            objects.NetworkMetadata(physnets={'physnet1'}, tunneled=False),
        ),
        (
            'network_metadata',
            objects.NetworkMetadata(physnets=set(), tunneled=True),
        ),
    ],
)
def test_what_the_fit_looks_at_is_read(field, value):
    changed = state()
    setattr(changed.numa_topology.cells[0], field, value)
    assert host_states.state_fingerprint(
        changed
    ) != host_states.state_fingerprint(state())


@pytest.mark.parametrize('field', ['size_kb', 'total', 'used', 'reserved'])
def test_each_number_of_a_page_pool_is_read(field):
    changed = state()
    pages = changed.numa_topology.cells[0].mempages[0]
    setattr(pages, field, getattr(pages, field) + 1)
    assert host_states.state_fingerprint(
        changed
    ) != host_states.state_fingerprint(state())


def last_device(**fields):
    device = builders.device('0000:81:00.0', 'type-PCI', 0)
    for name, value in fields.items():
        setattr(device, name, value)
    scene = builders.scene(
        [builders.host_cell(0), builders.host_cell(1)],
        [builders.guest_cell(0)],
        [device],
    )
    return scheduling.host_state(scene)


@pytest.mark.parametrize(
    'other',
    [{'numa_node': 1}, {'address': '0000:82:00.0'}, {'product_id': '1573'}],
)
def test_it_is_read_of_which_pool_the_last_device_is(other):
    assert host_states.state_fingerprint(
        last_device()
    ) == host_states.state_fingerprint(last_device())
    assert host_states.state_fingerprint(
        last_device()
    ) != host_states.state_fingerprint(last_device(**other))


def test_a_state_without_numa_topology_or_devices_is_read_too():
    bare = state()
    bare.numa_topology = bare.pci_stats = None
    bare.service = {}
    assert host_states.state_fingerprint(bare) == (1.0, 1.0, None)
