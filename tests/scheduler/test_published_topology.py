"""Published topology beside what nova-compute reports."""

import dataclasses
import types

import pytest

from nfv_sched.model import CellTopology
from nfv_sched.model import DevicePool
from nfv_sched.model import HostTopology
from nfv_sched.model import PageCapacity
from nfv_sched.model import PoolTopology
from nfv_sched.placement.snapshot import Snapshot
from nfv_sched.scheduler import process
from nfv_sched.scheduler import published_topology
from nfv_sched_testing import builders
from nfv_sched_testing import scheduling
from nfv_sched_testing.weighing import Reader

PF = '0000:81:00.0'


def scene():
    return builders.scene(
        [builders.host_cell(0, cores=2, pages={2048: 512})],
        [builders.guest_cell(0)],
        [builders.device('0000:81:02.0', 'type-VF', 0, parent=PF)],
    )


@pytest.fixture
def state():
    return scheduling.host_state(scene())


@pytest.fixture
def host():
    return builders.host_of(scene())


@pytest.fixture
def topology(state):
    return HostTopology(
        name='host',
        uuid=state.uuid,
        cells=(
            CellTopology(
                id=0,
                memory_mib=4096,
                dedicated_cpus=2,
                cores=2,
                socket=0,
                pages=(PageCapacity(4, 4096 * 256), PageCapacity(2048, 512)),
            ),
        ),
        pools=(PoolTopology('8086', '1572', 'type-VF', 4, 0, parent=PF),),
    )


def without_address(host):
    (pool,) = host.pools
    bare = DevicePool(
        pool.vendor_id,
        pool.product_id,
        pool.dev_type,
        pool.count,
        pool.numa_node,
        tags=pool.tags,
    )
    return dataclasses.replace(host, pools=(bare,))


def test_a_pool_without_address_gets_its_parent_from_the_tree(
    state, host, topology
):
    view = published_topology.PublishedTopology(Reader(topology))
    completed = view.augment(state, without_address(host))
    assert completed.pools[0].address == PF
    assert not view.drifted
    assert not view.unpublished


def test_two_possible_parents_are_none(state, host, topology):
    pools = (
        *topology.pools,
        dataclasses.replace(topology.pools[0], parent='0000:82:00.0'),
    )
    view = published_topology.PublishedTopology(
        Reader(dataclasses.replace(topology, pools=pools))
    )
    bare = without_address(host)
    assert view.augment(state, bare) == bare


def test_published_domains_are_known_by_the_hosts_short_name_too(topology):
    named = dataclasses.replace(
        topology, name='one.example.org', domains={'rack': 'a'}
    )
    short = dataclasses.replace(
        topology, name='two', uuid='2', domains={'rack': 'b'}
    )
    other = dataclasses.replace(
        topology, name='two.example.org', uuid='3', domains={'rack': 'c'}
    )
    reader = Reader(named, other, short)
    view = published_topology.PublishedTopology(reader)
    assert view.domains() == {
        'one': {'rack': 'a'},
        'one.example.org': {'rack': 'a'},
        'two': {'rack': 'b'},
        'two.example.org': {'rack': 'c'},
    }
    assert reader.started
    assert view.domains() is view.domains()
    reader.snapshot = Snapshot(hosts={}, taken=2.0)
    assert view.domains() == {}


def test_domains_do_not_make_a_host_drift(state, host, topology):
    racked = dataclasses.replace(topology, domains={'rack': 'a'})
    view = published_topology.PublishedTopology(Reader(racked))
    view.augment(state, host)
    assert not view.drifted


def test_without_a_reader_no_domains_are_published():
    assert published_topology.PublishedTopology(None).domains() == {}


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'memory_mib': 8192}, 'has 4096 MiB of memory, published are 8192'),
        ({'dedicated_cpus': 8}, 'dedicated CPUs'),
        ({'socket': 1}, 'as socket'),
        ({'pages': ()}, 'usable pages'),
        ({'physnets': frozenset({'net'})}, 'physnet net of'),
        (
            {'id': 1},
            'NUMA node 0 is not published; NUMA node 1 is no longer reported',
        ),
    ],
)
def test_a_drifted_host_is_decided_on_its_report_and_logged_once(
    state, host, topology, change, said, caplog
):
    cells = (dataclasses.replace(topology.cells[0], **change),)
    view = published_topology.PublishedTopology(
        Reader(dataclasses.replace(topology, cells=cells))
    )
    bare = without_address(host)
    for _ in range(3):
        assert view.augment(state, bare) == bare
    assert view.drifted == {state.uuid}
    (record,) = caplog.records
    assert said in record.getMessage()


def test_a_host_that_agrees_again_is_used_again(state, host, topology):
    wrong = dataclasses.replace(topology, cells=())
    reader = Reader(wrong)
    view = published_topology.PublishedTopology(reader)
    view.augment(state, host)
    assert view.drifted
    reader.snapshot = Reader(topology).snapshot
    (pool,) = view.augment(state, without_address(host)).pools
    assert pool.address == PF
    assert not view.drifted


def test_an_unpublished_host_is_logged_once_and_counted(
    state, host, topology, caplog
):
    caplog.set_level('INFO')
    other = dataclasses.replace(topology, uuid='another')
    view = published_topology.PublishedTopology(Reader(other))
    for _ in range(3):
        assert view.augment(state, host) is host
    assert view.unpublished == {state.uuid}
    assert len(caplog.records) == 1


def test_an_empty_cloud_is_logged_once_not_per_host(host, caplog):
    caplog.set_level('INFO')
    view = published_topology.PublishedTopology(Reader())
    for name in ('a', 'b'):
        view.augment(scheduling.host_state(scene(), name), host)
    (record,) = caplog.records
    assert 'No host topology is published' in record.getMessage()


def test_before_the_first_snapshot_hosts_are_decided_on_their_report(
    state, host, topology
):
    reader = Reader(topology, taken=None)
    view = published_topology.PublishedTopology(reader)
    assert view.augment(state, host) is host
    assert reader.started
    assert not view.unpublished


def test_the_topologies_in_hand_are_those_of_the_last_answer(topology):
    reader = Reader(topology)
    view = published_topology.PublishedTopology(reader)
    assert view.hosts()[topology.uuid] is topology
    assert reader.started
    reader.snapshot = Snapshot(hosts={}, taken=2.0)
    assert (
        view.hosts()
        == {}
        == published_topology.PublishedTopology(None).hosts()
    )


def test_nothing_is_read_where_the_option_says_so(nova_options):
    nova_options.set_override('read_topology', False, 'nfv_sched')
    assert process.current().published.reader is None


def test_the_reader_is_made_from_the_options(nova_options, monkeypatch):
    readers = types.SimpleNamespace(calls=[])
    monkeypatch.setattr(
        published_topology,
        'TopologyReader',
        lambda connect, **options: readers.calls.append(options),
    )
    nova_options.set_override('topology_refresh_interval', 7, 'nfv_sched')
    nova_options.set_override('placement_deadline', 3, 'nfv_sched')
    assert process.current().published is process.current().published
    assert readers.calls == [{'interval': 7, 'deadline': 3}]
