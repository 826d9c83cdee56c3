"""What the weights of places promise, whatever the cloud looks like."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
import pytest

from nfv_sched.fit.topology_spread import affinity_scores
from nfv_sched.fit.topology_spread import lexicographic_score
from nfv_sched.fit.topology_spread import spread_scores

# Racks have unlike numbers of hosts, rows of racks.
CLOUD = [
    ('a1', 'a', 'row1'),
    ('a2', 'a', 'row1'),
    ('a3', 'a', 'row1'),
    ('b1', 'b', 'row1'),
    ('b2', 'b', 'row1'),
    ('c1', 'c', 'row2'),
]


@st.composite
def clouds(draw):
    """Places of some hosts; racks belong to one row each, or to none."""
    depth = draw(st.integers(0, 2))
    racks = draw(
        st.dictionaries(
            st.sampled_from('abcdef'),
            st.sampled_from(['row1', 'row2', 'row3', None]),
            min_size=1,
        )
    )
    rack_of = draw(
        st.lists(
            st.sampled_from([*sorted(racks), None]), min_size=1, max_size=12
        )
    )
    return [
        (f'host{number}', rack, racks.get(rack))[: depth + 1]
        for number, rack in enumerate(rack_of)
    ]


@st.composite
def scenes(draw):
    """Hosts that may be chosen, and the places of members on any hosts."""
    everywhere = draw(clouds())
    hosts = draw(
        st.lists(st.sampled_from(everywhere), min_size=1, unique=True)
    )
    members = draw(st.lists(st.sampled_from(everywhere), max_size=9))
    strangers = draw(st.integers(0, 2))
    return hosts, [*members, *[('elsewhere',)] * strangers]


_numbers = st.lists(st.integers(0, 12), min_size=3, max_size=3)


@given(_numbers, _numbers)
def test_grades_are_ordered_as_the_numbers_are(numbers, other):
    assert (lexicographic_score(numbers) < lexicographic_score(other)) == (
        numbers < other
    )
    assert 0 <= lexicographic_score(numbers) < 1


def test_each_grade_takes_half_of_what_is_left():
    assert [
        lexicographic_score(numbers)
        for numbers in ([0, 0], [0, 1], [1, 0], [1, 1])
    ] == [
        0.0,
        0.25,
        0.5,
        0.625,
    ]
    assert lexicographic_score([10**6, 10**6]) == 1.0


@given(scenes())
def test_weights_are_on_an_absolute_scale(scene):
    hosts, members = scene
    for weigh in (affinity_scores, spread_scores):
        weights = weigh(hosts, members)
        assert len(weights) == len(hosts)
        assert all(0 <= weight <= 1 for weight in weights)
    # However full the cloud: there is a best place, and it has no skew.
    assert max(spread_scores(hosts, members)) == 1
    assert all(weight < 1 for weight in affinity_scores(hosts, members))


@given(scenes())
def test_nobody_is_near_to_nobody(scene):
    hosts, _ = scene
    assert set(affinity_scores(hosts, [])) == {0.0}
    assert set(spread_scores(hosts, [])) == {1.0}


@given(scenes())
def test_a_host_with_a_member_is_nearest_then_its_rack_then_its_row(scene):
    hosts, members = scene
    for place, weight in zip(
        hosts, affinity_scores(hosts, members), strict=True
    ):
        shared = [
            any(
                name is not None
                and len(member) > level
                and member[level] == name
                for member in members
            )
            for level, name in enumerate(place)
        ]
        first = shared.index(True) if True in shared else None
        if first is None:
            assert weight == 0
        else:
            assert 0.5 ** (first + 1) <= weight < 0.5**first


@given(scenes(), st.data())
def test_company_only_ever_attracts(scene, data):
    """A member more, here or elsewhere, makes no host less near."""
    hosts, members = scene
    more = data.draw(st.sampled_from([*hosts, *members]))
    before = affinity_scores(hosts, members)
    after = affinity_scores(hosts, [*members, more])
    assert all(x <= y for x, y in zip(before, after, strict=True))


@given(scenes(), st.data())
def test_of_two_hosts_a_member_more_makes_one_the_nearer(scene, data):
    hosts, members = scene
    host, other = (data.draw(st.sampled_from(hosts)) for _ in range(2))
    on = Counter(member[0] for member in members)
    by_host = dict(zip(hosts, affinity_scores(hosts, members), strict=True))
    if on[host[0]] > on[other[0]]:
        assert by_host[host] > by_host[other]


def _count(members, level):
    return Counter(m[level] for m in members if len(m) > level)


@given(scenes())
def test_racks_come_before_hosts_and_rows_before_racks(scene):
    """The order is that of the skews, from the widest domain inwards."""
    hosts, members = scene
    counts = [_count(members, level) for level in range(len(hosts[0]))]
    weights = spread_scores(hosts, members)
    for host, weight in zip(hosts, weights, strict=True):
        for other, other_weight in zip(hosts, weights, strict=True):
            for level in reversed(range(len(host))):
                mine = counts[level][host[level]]
                theirs = counts[level][other[level]]
                if mine != theirs:
                    assert (weight > other_weight) == (mine < theirs)
                    break
                if host[level:] != other[level:]:
                    # Unlike domains that are as full: what is inside of
                    # them is compared with what they offer themselves.
                    break
            else:
                assert weight == other_weight


@given(clouds(), st.integers(1, 12))
def test_the_skew_never_grows_while_there_is_a_choice(cloud, guests):
    """The best host is in the emptiest of the widest domains, always."""
    members = []
    widest = len(cloud[0]) - 1
    domains = {place[widest] for place in cloud}
    for _ in range(guests):
        weights = spread_scores(cloud, members)
        members.append(cloud[weights.index(max(weights))])
        counts = _count(members, widest)
        held = [counts[name] for name in domains]
        assert max(held) - min(held) <= 1


@given(scenes(), st.data())
def test_members_of_a_domain_push_all_of_its_hosts_alike(scene, data):
    """Also those on hosts that cannot be chosen, as long as they are known."""
    hosts, members = scene
    domain = data.draw(st.sampled_from(hosts))[1:]
    gone = ('gone', *domain)
    before = dict(zip(hosts, spread_scores(hosts, members), strict=True))
    after = dict(
        zip(hosts, spread_scores(hosts, [*members, gone]), strict=True)
    )
    inside = [place for place in hosts if place[1:] == domain]
    order = sorted(inside, key=before.__getitem__)
    assert order == sorted(order, key=after.__getitem__)
    for place in inside:
        for other in hosts:
            if place[-1] != other[-1] and before[place] <= before[other]:
                assert after[place] <= after[other]


def test_six_guests_over_three_racks_are_two_each():
    members = []
    for _ in range(6):
        weights = spread_scores(CLOUD, members)
        members.append(CLOUD[weights.index(max(weights))])
    assert _count(members, 2) == {'row1': 3, 'row2': 3}
    flat = [place[:2] for place in CLOUD]
    members = []
    for _ in range(6):
        weights = spread_scores(flat, members)
        members.append(flat[weights.index(max(weights))])
    # Though rack c has one host only.
    assert _count(members, 1) == {'a': 2, 'b': 2, 'c': 2}
    assert _count(members, 0) == {
        'a1': 1,
        'a2': 1,
        'b1': 1,
        'b2': 1,
        'c1': 2,
    }


def test_skew_costs_half_then_a_quarter():
    hosts = [place[:2] for place in CLOUD]
    weights = spread_scores(hosts, [('a1', 'a'), ('gone', 'b')])
    assert dict(zip(hosts, weights, strict=True)) == {
        ('a1', 'a'): pytest.approx(1 - 0.5 - 0.125),
        ('a2', 'a'): 0.5,
        ('a3', 'a'): 0.5,
        ('b1', 'b'): 0.5,
        ('b2', 'b'): 0.5,
        ('c1', 'c'): 1.0,
    }


def test_hosts_without_a_rack_are_in_one_together_and_near_nobody():
    hosts = [('x1', None), ('x2', None), ('a1', 'a')]
    members = [('x1', None)]
    assert spread_scores(hosts, members) == [1 - 0.5 - 0.125, 0.5, 1.0]
    assert affinity_scores(hosts, members) == [0.5, 0.0, 0.0]


def test_members_in_domains_that_nobody_knows_count_on_their_host_only():
    hosts = [('x1', None), ('a1', 'a')]
    members = [('somewhere',), ('a1',)]
    assert spread_scores(hosts, members) == [1.0, 1.0]
    assert affinity_scores(hosts, members) == [0.0, 0.5]
