import dataclasses
import logging
import os
import threading
import time

import pytest

from nfv_sched.placement import api
from nfv_sched.placement import incremental_read
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import Unavailable
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.placement.removal import prune
from nfv_sched_testing.patience import PATIENCE
from nfv_sched_testing.placement_fixtures import adapter_of
from tests.placement.examples import host
from tests.placement.examples import with_guest


@pytest.fixture
def reader(client):
    reader = TopologyReader(lambda: client, interval=0.02, full_every=1000)
    yield reader
    assert reader.stop()


def small(number):
    return host(number, cells=1, pools=0)


def by_uuid(*topologies):
    return {topology.uuid: topology for topology in topologies}


def warnings(caplog):
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING
        and record.name.startswith('nfv_sched')
    ]


def eventually(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def put_traits(client, uuid, change):
    generation, traits = api.traits(client, uuid)
    for trait in change(traits) - traits:
        client.put(f'/traits/{trait}')
    client.put(
        f'/resource_providers/{uuid}/traits',
        {
            'resource_provider_generation': generation,
            'traits': sorted(change(traits)),
        },
    )


def cell_of(topology, cell=0):
    return schema.cell_uuid(schema.root_uuid(topology.uuid), cell)


def test_the_first_snapshot_is_empty_and_sends_no_request():
    def factory():
        raise AssertionError

    reader = TopologyReader(factory)
    assert reader.snapshot.hosts == {}
    assert reader.snapshot.age is None
    assert reader.snapshot.get('no such host') is None


def test_a_placement_without_our_names_is_no_error(
    placement, template, caplog
):
    client = PlacementClient(adapter_of(placement(template)))
    reader = TopologyReader(lambda: client)
    assert reader.refresh()
    assert reader.snapshot.hosts == {}
    assert reader.snapshot.age < 5
    assert not warnings(caplog)


@pytest.mark.parametrize(('single', 'requests'), [(16, 6), (2, 4)])
def test_reader_sees_what_the_publisher_wrote(
    reader, client, wsgi, monkeypatch, single, requests
):
    monkeypatch.setattr(incremental_read, 'MAX_SINGLE_READS', single)
    topologies = [with_guest(host(0)), small(1), small(2)]
    publish(client, topologies)
    wsgi.calls.clear()
    assert reader.refresh()
    assert reader.snapshot.hosts == by_uuid(*topologies)
    assert reader.snapshot.get(topologies[0].uuid) == topologies[0]
    assert reader.snapshot.counters.read == 3
    assert len(wsgi.calls) == requests


def test_an_unchanged_cloud_costs_one_request(reader, client, wsgi):
    publish(client, [small(0), small(1)])
    reader.refresh()
    wsgi.calls.clear()
    reader.refresh()
    assert wsgi.calls == [('GET', '/resource_providers')]


def test_only_the_changed_tree_is_read_again(reader, client, wsgi):
    publish(client, [small(0), small(1)])
    reader.refresh()
    kept = reader.snapshot.get(small(0).uuid)
    publish(client, [host(1)])
    wsgi.calls.clear()
    reader.refresh()
    assert len(wsgi.calls) == 2
    assert reader.snapshot.hosts == by_uuid(small(0), host(1))
    assert reader.snapshot.get(small(0).uuid) is kept


def test_a_removed_tree_leaves_the_snapshot(reader, client):
    publish(client, [small(0), small(1)])
    reader.refresh()
    prune(client, [small(1).uuid])
    reader.refresh()
    assert reader.snapshot.hosts == by_uuid(small(1))


def test_all_trees_are_read_again_in_every_full_refresh(client):
    publish(client, [small(0)])
    reader = TopologyReader(lambda: client, full_every=2)
    reader.refresh()
    guest = dataclasses.replace(
        small(0), usage=dataclasses.replace(small(0).usage, memory_mib={0: 5})
    )
    publish(client, [guest])
    reader.refresh()
    assert reader.snapshot.hosts == by_uuid(small(0))
    reader.refresh()
    assert reader.snapshot.hosts == by_uuid(guest)


def _tear(client, topology):
    put_traits(
        client, cell_of(topology), lambda t: t - {'CUSTOM_NFV_SOCKET_0'}
    )


def _lose_cell(client, topology):
    client.delete(f'/resource_providers/{cell_of(topology)}')


def _add_unknown(client, topology):
    put_traits(client, cell_of(topology), lambda t: t | {'CUSTOM_NFV_CXL'})


@pytest.mark.parametrize(
    ('spoil', 'counter'),
    [
        (_tear, 'incomplete'),
        (_lose_cell, 'incomplete'),
        (_add_unknown, 'unknown'),
    ],
)
@pytest.mark.parametrize('single', [1, 16])
def test_a_bad_tree_affects_only_its_host(
    reader, client, caplog, spoil, counter, single, monkeypatch
):
    # Read in bulk or singly.
    monkeypatch.setattr(incremental_read, 'MAX_SINGLE_READS', single)
    count = 3
    topologies = [small(number) for number in range(count)]
    publish(client, topologies)
    spoil(client, topologies[1])
    for _ in range(3):
        assert reader.refresh()
    good = [
        topology for topology in topologies if topology is not topologies[1]
    ]
    assert reader.snapshot.hosts == by_uuid(*good)
    assert list(reader.snapshot.bad) == ['host1:nfv']
    counters = dataclasses.asdict(reader.snapshot.counters)
    assert counters.pop('read') == count - 1
    assert counters.pop(counter) == 1
    assert not any(counters.values())
    (text,) = warnings(caplog)
    assert 'host1:nfv' in text
    # Repaired, possibly without a change of the root.
    publish(client, [topologies[1]])
    reader.refresh()
    if counter == 'incomplete':
        assert reader.snapshot.hosts == by_uuid(*topologies)
        assert reader.snapshot.bad == {}


def test_a_new_reason_of_a_bad_tree_is_logged(reader, client, caplog):
    publish(client, [small(0)])
    _tear(client, small(0))
    reader.refresh()
    _add_unknown(client, small(0))
    reader.refresh()
    reader.refresh()
    assert len(warnings(caplog)) == 2


def test_a_tree_repaired_below_its_root_is_read_again(reader, client):
    publish(client, [small(0)])
    _tear(client, small(0))
    reader.refresh()
    assert reader.snapshot.hosts == {}
    put_traits(
        client, cell_of(small(0)), lambda t: t | {'CUSTOM_NFV_SOCKET_0'}
    )
    reader.refresh()
    assert reader.snapshot.hosts == by_uuid(small(0))


def test_some_of_many_bad_trees_are_read_again(reader, client, monkeypatch):
    monkeypatch.setattr(incremental_read, 'RETRIED_PER_REFRESH', 2)
    monkeypatch.setattr(incremental_read, 'MAX_SINGLE_READS', 3)
    topologies = [small(number) for number in range(6)]
    publish(client, topologies)
    for topology in topologies[:5]:
        _add_unknown(client, topology)
    reader.refresh()
    assert reader.snapshot.counters.unknown == 5
    queries = []
    real = api.summaries

    def summaries(client, **params):
        queries.append(params)
        return real(client, **params)

    monkeypatch.setattr(api, 'summaries', summaries)
    reader.refresh()
    assert reader.snapshot.counters.unknown == 5
    assert reader.snapshot.hosts == by_uuid(topologies[5])
    assert len(queries) == 2
    assert all('in_tree' in params for params in queries)


def test_a_server_too_slow_for_all_trees_still_returns_the_changed_ones(
    client, monkeypatch
):
    monkeypatch.setattr(incremental_read, 'MAX_SINGLE_READS', 1)
    publish(client, [host(0), host(1)])
    reader = TopologyReader(lambda: client, full_every=2)
    assert reader.refresh()
    assert reader.refresh()
    moved = dataclasses.replace(host(0), domains={'rack': 'r7'})
    publish(client, [moved])
    real = api.summaries

    def slow(client, **params):
        if not params:
            raise Unavailable('no answer in 20 s')
        return real(client, **params)

    monkeypatch.setattr(api, 'summaries', slow)
    assert not reader.refresh()
    assert reader.refresh()
    assert reader.snapshot.hosts == by_uuid(moved, host(1))


def test_trees_missing_from_a_bulk_answer_are_read_singly(
    placement, monkeypatch, caplog
):
    client = PlacementClient(
        adapter_of(placement(max_allocation_candidates=2))
    )
    monkeypatch.setattr(incremental_read, 'MAX_SINGLE_READS', 3)
    topologies = [small(number) for number in range(6)]
    publish(client, topologies)
    reader = TopologyReader(lambda: client)
    reader.refresh()
    assert reader.snapshot.hosts == by_uuid(*topologies)
    assert reader.snapshot.counters.truncated == 0
    assert not warnings(caplog)


def test_truncated_trees_beyond_the_limit_are_counted_and_logged_once(
    placement, monkeypatch, caplog
):
    client = PlacementClient(
        adapter_of(placement(max_allocation_candidates=2))
    )
    monkeypatch.setattr(incremental_read, 'MAX_SINGLE_READS', 3)
    topologies = [small(number) for number in range(6)]
    publish(client, topologies)
    monkeypatch.setattr(incremental_read, 'SINGLE_READS_PER_REFRESH', 1)
    reader = TopologyReader(lambda: client)
    reader.refresh()
    assert reader.snapshot.counters.read == 3
    assert reader.snapshot.counters.truncated == 3
    (text,) = warnings(caplog)
    assert 'max_allocation_candidates' in text
    # Each refresh reads some of the truncated trees.
    for _ in range(3):
        reader.refresh()
    assert reader.snapshot.hosts == by_uuid(*topologies)
    assert reader.snapshot.counters.truncated == 0
    assert len(warnings(caplog)) == 1


def test_a_failing_placement_keeps_the_snapshot(reader, client, wsgi, caplog):
    publish(client, [small(0)])
    reader.refresh()
    before = reader.snapshot

    def fail(method, path):
        raise OSError('out of order')

    wsgi.before = fail
    for _ in range(3):
        assert not reader.refresh()
    assert reader.snapshot.hosts is before.hosts
    assert reader.snapshot.taken == before.taken
    assert reader.snapshot.counters.errors == 3
    assert reader.snapshot.counters.read == 1
    (text,) = warnings(caplog)
    assert 'out of order' in text
    wsgi.before = None
    caplog.clear()
    caplog.set_level(logging.INFO, 'nfv_sched')
    assert reader.refresh()
    assert reader.refresh()
    assert 'answers again after 3 failed refreshes' in caplog.text
    assert caplog.text.count('answers again') == 1
    assert reader.snapshot.counters.errors == 3
    assert reader.snapshot.counters.failing == 0
    line = 'Trees of host topology in Placement: 1 read, 0 incomplete, '
    assert caplog.text.count(line) == 1
    assert '0 truncated; 3 failed refreshes' in caplog.text
    # The next outage is logged again.
    wsgi.before = fail
    reader.refresh()
    assert len(warnings(caplog)) == 1


def test_a_client_factory_that_fails_is_called_again(client, caplog):
    publish(client, [small(0)])
    answers = [Unavailable('no Keystone'), ValueError('no config'), None]

    def factory():
        if error := answers.pop(0):
            raise error
        return client

    reader = TopologyReader(factory, interval=0.01)
    reader.ensure_started()
    eventually(lambda: reader.snapshot.hosts)
    assert reader.stop()
    assert reader.snapshot.counters.errors == 2
    assert len(warnings(caplog)) == 1


def test_the_thread_follows_the_publisher(reader, client):
    reader.ensure_started()
    reader.ensure_started()
    names = [thread.name for thread in threading.enumerate()]
    assert names.count('nfv-topology-reader') == 1
    for number in range(3):
        publish(client, [small(number)])
        eventually(lambda: len(reader.snapshot.hosts) == number + 1)  # noqa: B023
    assert reader.stop()
    names = [thread.name for thread in threading.enumerate()]
    assert 'nfv-topology-reader' not in names
    reader.ensure_started()
    names = [thread.name for thread in threading.enumerate()]
    assert 'nfv-topology-reader' not in names


def test_a_reader_never_sees_an_incomplete_tree_as_complete(
    reader, client, wsgi
):
    """In any interleaving: a complete tree, old or new, or none."""
    old = host(0)
    new = host(0, cells=1, pools=1)
    publish(client, [old])
    second = PlacementClient(adapter_of(wsgi))
    seen = set()

    def peek(method, path):
        if method == 'GET' or threading.current_thread() is not writer:
            return
        wsgi.before = None
        fresh = TopologyReader(lambda: second)
        fresh.refresh()
        (topology,) = fresh.snapshot.hosts.values() or [None]
        assert topology in (old, new, None)
        seen.add(None if topology is None else len(topology.cells))
        wsgi.before = peek

    writer = threading.current_thread()
    wsgi.before = peek
    for topology in (new, old, new):
        publish(client, [topology])
    assert seen == {None, 1, 2}
    assert reader.refresh()
    assert reader.snapshot.hosts == by_uuid(new)


def test_a_forked_child_starts_its_own_thread(client):
    publish(client, [small(0)])
    reader = TopologyReader(lambda: client, interval=0.02)
    reader.ensure_started()
    eventually(lambda: reader.snapshot.hosts)
    # As if another thread were starting the reader.
    reader._lock.acquire()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            before = reader.snapshot.taken
            alone = threading.active_count() == 1
            reader.ensure_started()
            end = time.monotonic() + PATIENCE
            while reader.snapshot.taken == before and time.monotonic() < end:
                time.sleep(0.01)
            if alone and reader.snapshot.taken != before and reader.stop():
                status = 0
        finally:
            os._exit(status)
    reader._lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert reader.stop()
