"""Failure domains out of aggregates, as nova-scheduler holds them."""

from nova import objects
from nova.scheduler import host_manager
import pytest

from nfv_sched.nova import failure_domains

KINDS = ('rack', 'row')


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(failure_domains, '_WARNED', set())


def aggregate(hosts=(), **metadata):
    return objects.Aggregate(hosts=list(hosts), metadata=metadata)


def state(name, *aggregates):
    host = host_manager.HostState(name, name, 'cell')
    host.aggregates = list(aggregates)
    return host


def never():
    pytest.fail('asked for published domains without need')


def test_keys_are_named_once_and_without_blanks():
    assert failure_domains.domain_keys([' rack', 'row', '', 'rack']) == (
        'rack',
        'row',
    )


def test_places_are_read_from_aggregates():
    rack = aggregate(['a1', 'a2'], rack='a', ssd='true')
    row = aggregate(['a1', 'a2', 'b1'], row='1')
    states = [state('a1', rack, row), state('b1', row), state('x')]
    assert failure_domains.domain_paths(states, (), KINDS, never) == {
        'a1': ('a1', 'a', '1'),
        'b1': ('b1', None, '1'),
        'x': ('x', None, None),
    }
    assert failure_domains.domain_paths(states, ['gone'], (), never) == {
        'a1': ('a1',),
        'b1': ('b1',),
        'x': ('x',),
        'gone': ('gone',),
    }


def test_hosts_without_a_state_are_found_in_the_aggregates_of_others():
    rack = aggregate(['a1', 'a2'], rack='a')
    row = aggregate(['a1', 'a2', 'c1'], row='1')
    places = failure_domains.domain_paths(
        [state('a1', rack, row)], ['a2', 'c1'], KINDS, never
    )
    assert places['a2'] == ('a2', 'a', '1')
    assert places['c1'] == ('c1', None, '1')


def test_hosts_that_no_aggregate_lists_are_looked_up_among_the_published():
    places = failure_domains.domain_paths(
        [state('a1', aggregate(['a1'], rack='a'))],
        ['z1', 'nowhere'],
        KINDS,
        lambda: {'z1': {'rack': 'a', 'hall': 'h'}},
    )
    assert places['z1'] == ('z1', 'a', None)
    assert places['nowhere'] == ('nowhere',)


def test_a_changed_aggregate_counts_at_once():
    old = aggregate(['a1', 'a2'], rack='a')
    new = aggregate(['a1'], rack='a7')
    places = failure_domains.domain_paths(
        [state('a1', old)], ['a2'], KINDS, dict
    )
    assert places['a1'][1] == places['a2'][1] == 'a'
    places = failure_domains.domain_paths(
        [state('a1', new)], ['a2'], KINDS, dict
    )
    assert (places['a1'][1], places['a2']) == ('a7', ('a2',))


def test_a_host_in_two_racks_is_in_the_first_and_told_once(caplog):
    both = [aggregate(['a1'], rack='b'), aggregate(['a1'], rack='a')]
    for _ in range(3):
        places = failure_domains.domain_paths(
            [state('a1', *both)], (), KINDS, never
        )
        assert places['a1'] == ('a1', 'a', None)
    assert caplog.text.count('several failure domains') == 1
    assert 'a, b' in caplog.text
    # Two aggregates of one rack are no contradiction.
    caplog.clear()
    same = [aggregate(['a2'], rack='a'), aggregate(['a2'], rack='a')]
    failure_domains.domain_paths([state('a2', *same)], (), KINDS, never)
    assert not caplog.text


def test_blank_names_are_none():
    places = failure_domains.domain_paths(
        [state('a1', aggregate(['a1'], rack=' ', row=' 1 '))], (), KINDS, never
    )
    assert places['a1'] == ('a1', None, '1')


def test_all_hosts_at_once_for_the_publisher():
    by_host = failure_domains.domains_by_host(
        [
            aggregate(['a1', 'a2'], rack='a'),
            aggregate(['a1'], row='1', zone='z'),
            aggregate(['b1'], ssd='true'),
        ],
        KINDS,
    )
    assert by_host == {'a1': {'rack': 'a', 'row': '1'}, 'a2': {'rack': 'a'}}
