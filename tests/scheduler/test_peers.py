"""Schedulers that know of each other have no host in common."""

import itertools
import uuid

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nfv_sched.scheduler import peers as peers_module
from nfv_sched.scheduler.peers import Peers

HOSTS = [str(uuid.UUID(int=number << 64)) for number in range(36)]


def among(names, clock=lambda: 1000.0):
    """Schedulers of those names, who all know of each other."""
    found = [Peers(name, clock) for name in names]
    for one, name in itertools.product(found, names):
        one.hear(name)
    return found


def own(peers, hosts):
    """The hosts that are in the scheduler's partition."""
    partition = peers.partition(hosts)
    return {host for host, mine in zip(hosts, partition, strict=True) if mine}


@given(
    st.sets(st.text(min_size=1), min_size=1, max_size=20),
    st.lists(st.uuids().map(str), max_size=50, unique=True),
)
def test_each_host_is_in_one_partition_of_equal_ones(names, hosts):
    partitions = [own(each, hosts) for each in among(sorted(names))]
    assert sorted(itertools.chain.from_iterable(partitions)) == sorted(hosts)
    assert max(map(len, partitions)) - min(map(len, partitions)) <= 1


@given(
    st.integers(1, 20),
    st.lists(st.uuids().map(str), min_size=1, max_size=50, unique=True),
)
def test_a_host_that_is_full_moves_each_boundary_by_one(count, hosts):
    for each in among(list(map(str, range(count)))):
        before, after = own(each, hosts), own(each, hosts[1:])
        assert len(after - before) <= 2
        assert len(before - after - {hosts[0]}) <= 2


def test_the_order_of_hosts_does_not_matter():
    one = among('abc')[1]
    assert own(one, HOSTS) == own(one, HOSTS[::-1])


def test_all_hosts_are_those_of_a_scheduler_that_is_alone():
    assert own(Peers('a', lambda: 0.0), HOSTS) == set(HOSTS)
    assert among('a')[0].partition([]) == []


def test_a_scheduler_that_is_silent_has_no_partition():
    now = [1000.0]
    one, _, _ = among('abc', lambda: now[0])
    assert len(own(one, HOSTS)) == 12
    now[0] += peers_module.HEARD
    assert len(own(one, HOSTS)) == 12
    one.hear('b')
    now[0] += 1
    assert len(own(one, HOSTS)) == 18
    now[0] += peers_module.HEARD
    assert len(own(one, HOSTS)) == 36


def test_the_number_of_schedulers_is_bounded(monkeypatch):
    monkeypatch.setattr(peers_module, 'MOST', 2)
    one = Peers('d', lambda: 1000.0)
    for name in 'abcb':
        one.hear(name)
        assert len(one._heard) <= 2
    # The one that was silent for longest is forgotten.
    assert set(one._heard) == {'b', 'c'}


@pytest.mark.parametrize('name', ['a', 'c'])
def test_a_partition_may_be_empty(name):
    """With more schedulers than hosts."""
    [one] = [each for each in among('abc') if each._own == name]
    assert len(own(one, HOSTS[:1])) == (name == 'c')
