"""What the first publication of a host costs, and how it is resumed."""

import dataclasses
import logging
import threading
import uuid

import pytest

from nfv_sched.placement import api
from nfv_sched.placement import patience
from nfv_sched.placement import publisher
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import Unavailable
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.publisher import Round
from nfv_sched_testing import providers
from nfv_sched_testing.patience import PATIENCE
from nfv_sched_testing.placement_fixtures import adapter_of
from tests.placement.examples import host
from tests.placement.examples import read
from tests.placement.examples import reported
from tests.placement.examples import with_guest
from tests.placement.killed import Killed
from tests.placement.killed import KillingWSGI

#: What every round asks first: the roots, the known classes, the known traits.
ROUND = [
    ('GET', '/resource_providers'),
    ('GET', '/resource_classes'),
    ('GET', '/traits'),
]
#: Providers of a host with 8 NUMA nodes and 4 pools.
PROVIDERS = 1 + 8 + 4


def large(number=0):
    return reported(number, cells=8, pools=4)


@pytest.fixture
def named_client(client):
    """A client of a Placement that has the names of the large host."""
    publish(client, [large(99)])
    return client


@pytest.mark.parametrize('usage', [False, True])
@pytest.mark.parametrize(
    ('roles', 'before', 'after'),
    [
        # Each provider is created, and its traits are set. All inventories
        # are one call. Before: a call for those of each, and a read.
        ('service', 3 * PROVIDERS + 1, 2 * PROVIDERS + 1),
        # Without that call, only the read is saved.
        ('admin', 3 * PROVIDERS + 1, 3 * PROVIDERS),
    ],
)
def test_calls_of_a_large_host(
    named_client, wsgi, roles, usage, before, after
):
    topology = with_guest(large()) if usage else large()
    wsgi.calls.clear()
    (report,) = publish(named_client, [topology]).hosts
    assert report.error is None
    assert wsgi.calls[:3] == ROUND
    calls = wsgi.calls[3:]
    print(f'{roles}: {before + usage} calls before, {len(calls)} now')  # noqa: T201
    assert len(calls) == len(report.calls) == after + usage
    # Nothing of a new tree is read.
    assert not [call for call in calls if call[0] == 'GET']
    assert read(named_client, topology) == topology


def test_each_provider_is_created_once_and_has_traits(named_client, wsgi):
    """The floor: Placement creates and marks providers one by one."""
    wsgi.calls.clear()
    publish(named_client, [large()])
    kinds = [path.rpartition('/')[2] for _, path in wsgi.calls[3:]]
    assert kinds.count('resource_providers') == PROVIDERS
    assert kinds.count('traits') == PROVIDERS
    assert kinds[-1] == 'reshaper'
    tree = api.summaries(
        named_client, in_tree=schema.root_uuid(large().uuid)
    ).popitem()[1]
    assert all(summary.traits for summary in tree.values())


@pytest.mark.parametrize('roles', ['admin'])
@pytest.mark.usefixtures('roles')
def test_the_one_call_is_refused_once(client, wsgi, caplog):
    caplog.set_level(logging.INFO)
    publish(client, [host(0), host(1)])
    assert wsgi.calls.count(('POST', '/reshaper')) == 1
    assert caplog.text.count('lack the role "service"') == 1
    for number in (0, 1):
        assert read(client, host(number)) == host(number)


def test_a_refusal_for_another_reason_is_reported(client, wsgi):
    """Another client uses what a NUMA node no longer has."""
    publish(client, [host()])
    root = schema.root_uuid(host().uuid)
    cell = schema.cell_uuid(root, 0)
    client.put(
        f'/allocations/{uuid.uuid4()}',
        {
            'allocations': {cell: {'resources': {schema.CORES: 1}}},
            'project_id': 'p',
            'user_id': 'u',
            'consumer_type': 'FOREIGN',
            'consumer_generation': None,
        },
    )
    without = dataclasses.replace(host().cells[0], cores=0)
    new = dataclasses.replace(host(), cells=(without, host().cells[1]))
    (report,) = publish(client, [new]).hosts
    assert report.outcome == 'failed'
    assert 'POST /reshaper: 409' in report.error
    # It is one transaction: nothing was changed.
    assert read(client, host()) == host()


@pytest.mark.parametrize('single', [2, 8])
def test_a_complete_host_costs_at_most_one_read(
    client, wsgi, single, monkeypatch
):
    monkeypatch.setattr(publisher, 'MAX_SINGLE_READS', single)
    topologies = [reported(number) for number in range(6)]
    killing = KillingWSGI(wsgi.app)
    # In the middle of the fifth host, each of which has five providers.
    killing.arm(len(ROUND) + 4 * (2 * 5 + 1) + 4)
    with pytest.raises(Killed):
        publish(PlacementClient(adapter_of(killing)), topologies)
    wsgi.calls.clear()
    report = publish(client, topologies)
    outcomes = [result.outcome for result in report.hosts]
    assert outcomes == ['unchanged'] * 4 + ['written'] * 2
    reads = 1 if single == 2 else 4
    assert (
        wsgi.calls[1 : 1 + reads]
        == [('GET', '/allocation_candidates')] * reads
    )
    mine = [schema.root_uuid(each.uuid) for each in topologies[:4]]
    assert not [c for c in wsgi.calls if any(root in c[1] for root in mine)]
    # No concurrent write: the publisher itself was interrupted.
    assert [result.conflicts for result in report.hosts] == [0] * 6
    for topology in topologies:
        assert read(client, topology) == topology
    assert publish(client, topologies).writes == 0


def test_several_hosts_are_written_at_the_same_time(client, wsgi):
    topologies = [with_guest(host(number)) for number in range(4)]
    publish(client, topologies[:1])
    meeting = threading.Barrier(3, timeout=PATIENCE)

    def meet(method, path):
        if (method, path) == ('POST', '/reshaper'):
            meeting.wait()

    wsgi.before = meet
    reported = []
    report = Round(client, concurrency=4).publish(
        topologies, lambda result: reported.append(threading.get_ident())
    )
    assert [result.name for result in report.hosts] == [
        topology.name for topology in topologies
    ]
    outcomes = [result.outcome for result in report.hosts]
    assert outcomes == ['unchanged', 'written', 'written', 'written']
    assert set(reported) == {threading.get_ident()}
    for topology in topologies:
        assert read(client, topology) == topology
    again = Round(client, concurrency=4).publish(topologies)
    assert again.writes == 0


def test_hosts_that_have_not_begun_are_skipped(client):
    topologies = [host(number) for number in range(9)]
    reports = []
    report = Round(client, concurrency=2).publish(
        topologies, reports.append, lambda: len(reports) < 2
    )
    assert 2 <= len(reports) < 9
    assert {result.name for result in report.hosts} == {
        result.name for result in reports
    }
    for result in reports:
        number = int(result.name.removeprefix('host'))
        assert read(client, host(number)) == host(number)


def test_an_unavailable_placement_ends_all_hosts(client, wsgi):
    topologies = [host(number) for number in range(20)]
    posts = []

    def fail(method, path):
        if (method, path) == ('POST', '/resource_providers'):
            posts.append(path)
            raise OSError('no route to host')

    wsgi.before = fail
    with pytest.raises(Unavailable, match='no route'):
        Round(client, concurrency=2).publish(topologies)
    assert len(posts) < 20


@pytest.mark.parametrize('concurrency', [1, 4])
def test_every_lost_connection_is_made_again(
    client, wsgi, monkeypatch, concurrency
):
    """Each request of a round is lost once."""
    monkeypatch.setattr(patience, '_LONGEST', 0.0)
    topologies = [host(number) for number in range(3)]
    lost = set()

    def lose(method, path):
        if (method, path) not in lost:
            lost.add((method, path))
            raise OSError('connection reset by peer')

    wsgi.before = lose
    report = Round(client, concurrency=concurrency, patience=300).publish(
        topologies
    )
    wsgi.before = None
    assert [each.error for each in report.hosts] == [None] * 3
    assert len(lost) > 10
    for topology in topologies:
        assert read(client, topology) == topology


def test_a_host_without_an_answer_does_not_stop_the_others(client, wsgi):
    topologies = [host(number) for number in range(3)]
    bad = schema.root_uuid(topologies[1].uuid)

    def fail(method, path):
        if method == 'PUT' and bad in path:
            raise OSError('connection reset by peer')

    wsgi.before = fail
    report = Round(client, patience=0.3).publish(topologies)
    wsgi.before = None
    errors = {each.name: each.error for each in report.hosts}
    assert 'connection reset' in errors.pop(topologies[1].name)
    assert set(errors.values()) == {None}
    publish(client, topologies)
    for topology in topologies:
        assert read(client, topology) == topology


def test_placement_that_is_gone_is_not_asked_for_each_host(client, wsgi):
    topologies = [host(number) for number in range(20)]
    asked = []

    def fail(method, path):
        if method != 'GET' and not path.startswith(('/traits', '/resource_c')):
            asked.append(path)
            raise OSError('no route to host')

    wsgi.before = fail
    report = Round(client, patience=0.3).publish(topologies)
    assert report.count('failed') == 20
    errors = [each.error for each in report.hosts]
    assert [error.startswith('not tried') for error in errors] == [
        number >= 3 for number in range(20)
    ]
    assert len(asked) < 20


@pytest.mark.parametrize('concurrency', [1, 4])
def test_hosts_that_take_the_name_of_another_are_written_in_turn(
    client, concurrency
):
    publish(client, [host(0), host(1), host(2)])
    swapped = [host(0, name='host1'), host(1, name='host0'), host(2)]
    new = host(3)
    same = [host(4, name='same'), host(5, name='same')]
    hosts = [*swapped, new, *same]
    live_nodes = {topology.uuid: topology.name for topology in hosts}
    report = Round(client, live_nodes, concurrency=concurrency).publish(hosts)
    errors = [result.error for result in report.hosts]
    assert errors[:5] == [None] * 5
    assert 'have the same name' in errors[5]
    for topology in [*swapped, new, same[0]]:
        assert read(client, topology) == topology


def test_a_foreign_tree_of_the_wanted_name_stays(client):
    foreign = providers.create(
        client, 'host0:nfv', None, inventories={'VCPU': {'total': 8}}
    )
    hosts = [host(0), host(1), host(2)]
    report = publish(client, hosts, concurrency=3)
    outcomes = [result.outcome for result in report.hosts]
    assert outcomes == ['failed', 'written', 'written']
    assert foreign in api.tree_of(client, foreign)
