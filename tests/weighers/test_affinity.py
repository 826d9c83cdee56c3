"""The affinity weighers in Nova's own weigher pipeline."""

import logging

from nova import objects
from nova.scheduler import host_manager
from nova.scheduler import weights
import pytest

from nfv_sched import weighers
from nfv_sched.nova import instances
from nfv_sched.scheduler import process
from nfv_sched.weighers import affinity
from nfv_sched.weighers.affinity import AffinityWeigher
from nfv_sched.weighers.affinity import AntiAffinityWeigher

MEMBERS = [f'00000000-0000-0000-0000-00000000000{i}' for i in range(6)]
OTHER = '00000000-0000-0000-0000-0000000000ff'
STRANGER = '00000000-0000-0000-0000-0000000000ee'
GROUP = '00000000-0000-0000-0000-0000000000aa'

BOTH = [AffinityWeigher, AntiAffinityWeigher]


@pytest.fixture(autouse=True)
def published(no_placement):
    """Nothing is read from Placement."""


@pytest.fixture
def lookups(monkeypatch):
    """What the databases are asked, and what they answer: nothing at first."""
    calls = []

    def of_guests(uuids, project):
        calls.append(('guests', set(uuids), project))
        return lookups.guests

    def of_groups(uuids, project):
        calls.append(('groups', set(uuids), project))
        return lookups.groups

    def lookups():
        taken, calls[:] = calls[:], []
        return taken

    lookups.guests = {}
    lookups.groups = {}
    monkeypatch.setattr(instances, 'find_hosts', of_guests)
    monkeypatch.setattr(instances, 'group_members', of_groups)
    return lookups


@pytest.fixture
def racks(nova_options):
    nova_options.set_override('failure_domains', ['rack'], 'nfv_sched')


def state(name, instances, aggregates=(), **metadata):
    host = host_manager.HostState(name, name, MEMBERS[0])
    host.instances = dict.fromkeys(instances)
    host.aggregates = [objects.Aggregate(metadata=metadata), *aggregates]
    return host


def spec(policy, rules=None, uuid=MEMBERS[5], hosts=None, **fields):
    group = None
    if policy:
        group = objects.InstanceGroup(
            uuid=GROUP, policy=policy, rules=rules or {}, members=MEMBERS
        )
        if hosts is not None:
            group.hosts = hosts
    return objects.RequestSpec(
        instance_group=group, instance_uuid=uuid, **fields
    )


def hinted(near=(), apart=(), **fields):
    hints = {'nfv:near': list(near), 'nfv:apart': list(apart), 'other': ['x']}
    return spec(
        None,
        scheduler_hints={
            name: texts for name, texts in hints.items() if texts
        },
        **fields,
    )


def order(weigher, states, request):
    """Host names from best to worst, with their weights."""
    weighed = weights.HostWeightHandler().get_weighed_objects(
        [weigher()], states, request
    )
    return [(w.obj.host, w.weight) for w in weighed]


def raw(weigher, states, request):
    """The weights of the hosts before Nova multiplies them."""
    return weigher().weigh_objects(
        [weights.WeighedHost(state, 0.0) for state in states], request
    )


@pytest.fixture
def hosts():
    return [
        state('none', [OTHER]),
        state('one', MEMBERS[:1]),
        state('three', [*MEMBERS[1:4], STRANGER]),
    ]


def test_nova_loads_both_through_the_loader():
    classes = weights.HostWeightHandler().get_matching_classes(
        ['nfv_sched.weighers.all_weighers']
    )
    assert {AffinityWeigher, AntiAffinityWeigher} <= set(classes)
    assert classes == weighers.all_weighers()


@pytest.mark.parametrize('policy', ['affinity', 'soft-affinity'])
def test_affinity_prefers_hosts_with_more_members(hosts, policy):
    assert order(AffinityWeigher, hosts, spec(policy)) == [
        ('three', 8.75),
        ('one', 5.0),
        ('none', 0.0),
    ]


@pytest.mark.parametrize('policy', ['anti-affinity', 'soft-anti-affinity'])
def test_anti_affinity_prefers_hosts_with_fewer_members(hosts, policy):
    rules = {'max_server_per_host': '9'} if policy == 'anti-affinity' else {}
    ordered = order(AntiAffinityWeigher, hosts, spec(policy, rules))
    assert ordered == [('none', 10.0), ('one', 5.0), ('three', 1.25)]


def test_the_scale_is_the_same_on_every_request(hosts):
    """Nova does not stretch the weights to what hosts there are."""
    full = order(AffinityWeigher, hosts, spec('soft-affinity'))
    few = order(AffinityWeigher, hosts[:2], spec('soft-affinity'))
    assert few == [(name, w) for name, w in full if name != 'three']


def test_a_full_host_weighs_less_than_any_with_room():
    """Two members are room for a third, one is not, by their rules."""
    hosts = [state('full', MEMBERS[:2]), state('room', MEMBERS[2:3])]
    rules = {'max_server_per_host': '2'}
    request = spec('anti-affinity', rules)
    assert raw(AntiAffinityWeigher, hosts, request) == [0.0, 1.0]
    crowd = [
        state('full', MEMBERS[:3]),
        state('room', MEMBERS[3:5]),
        state('empty', []),
    ]
    request = spec('anti-affinity', {'max_server_per_host': '3'})
    assert raw(AntiAffinityWeigher, crowd, request) == [0.0, 0.25, 1.0]


def test_a_guest_that_moves_does_not_keep_itself_company(hosts):
    request = spec('soft-affinity', uuid=MEMBERS[0])
    assert raw(AffinityWeigher, hosts, request) == [0, 0, 0.875]


@pytest.mark.parametrize(
    ('weigher', 'policy'),
    [
        (AffinityWeigher, 'anti-affinity'),
        (AffinityWeigher, None),
        (AntiAffinityWeigher, 'soft-affinity'),
        (AntiAffinityWeigher, None),
    ],
)
def test_other_policies_weigh_nothing(hosts, weigher, policy, lookups, racks):
    assert {w for _, w in order(weigher, hosts, spec(policy))} == {0.0}
    assert not lookups()


@pytest.mark.parametrize('weigher', BOTH)
def test_a_request_of_which_little_is_set_weighs_nothing(hosts, weigher):
    assert raw(weigher, hosts, objects.RequestSpec()) == [0.0, 0.0, 0.0]


def test_whoever_asks_nothing_costs_nothing(hosts, monkeypatch):
    """Not even a look at the hosts."""
    monkeypatch.setattr(affinity.failure_domains, 'domain_paths', None)
    monkeypatch.setattr(affinity.server_group, 'AffinityContext', None)
    for host in hosts:
        del host.instances, host.aggregates
    for weigher in BOTH:
        assert raw(weigher, hosts, spec(None)) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize('weigher', BOTH)
def test_whatever_goes_wrong_a_boot_does_not(hosts, weigher, caplog):
    hosts[1].instances = 7
    request = spec(
        'soft-affinity' if weigher is AffinityWeigher else 'anti-affinity'
    )
    assert raw(weigher, hosts, request) == [0.0, 0.0, 0.0]
    assert f'{weigher.__name__} weighs nothing' in caplog.text


@pytest.mark.parametrize(
    ('weigher', 'name'),
    [
        (AffinityWeigher, 'affinity_weight_multiplier'),
        (AntiAffinityWeigher, 'anti_affinity_weight_multiplier'),
    ],
)
def test_the_multiplier_is_an_option_that_aggregates_override(
    nova_options, weigher, name
):
    plain = state('plain', [])
    special = state('special', [], **{f'nfv_{name}': '7.5'})
    broken = state('broken', [], **{f'nfv_{name}': 'much'})
    assert weigher().weight_multiplier(plain) == 10.0
    nova_options.set_override(name, 3.0, 'nfv_sched')
    assert weigher().weight_multiplier(plain) == 3.0
    assert weigher().weight_multiplier(special) == 7.5
    assert weigher().weight_multiplier(broken) == 3.0


@pytest.mark.parametrize('weigher', BOTH)
def test_zero_asks_no_database(nova_options, racks, lookups, hosts, weigher):
    request = spec(
        'soft-affinity' if weigher is AffinityWeigher else 'anti-affinity'
    )
    raw(weigher, hosts, request)
    assert lookups()
    nova_options.set_override(weigher.option, 0.0, 'nfv_sched')
    assert raw(weigher, hosts, request) == [0.0, 0.0, 0.0]
    assert not lookups()


# Racks


def rack(name, *hosts):
    return objects.Aggregate(hosts=list(hosts), metadata={'rack': name})


@pytest.fixture
def racked(racks):
    """Rack a has lost a host to the filters, d altogether."""
    a, b = rack('a', 'a1', 'a2', 'a3'), rack('b', 'b1')
    return [
        state('a1', [], [a]),
        state('a2', [MEMBERS[0]], [a]),
        state('b1', [], [b]),
    ]


def test_the_rack_of_members_is_next_best(racked, lookups):
    request = spec('soft-affinity', hosts=['a2'])
    assert raw(AffinityWeigher, racked, request) == [0.25, 0.625, 0.0]


def test_members_on_hosts_that_were_filtered_out_count(racked, lookups):
    """Nova tells the group's hosts: one member each can be on them only."""
    request = spec('anti-affinity', hosts=['a2', 'a3', 'b7'])
    racked[2].aggregates.append(rack('b', 'b1', 'b7'))
    # Two in a, of them one on a2; one in b.
    assert raw(AntiAffinityWeigher, racked, request) == [0.5, 0.0, 1.0]
    assert not lookups()


def test_no_host_of_the_group_is_missing(racked, lookups):
    request = spec('soft-affinity', hosts=['a2'])
    raw(AffinityWeigher, racked, request)
    assert not lookups()


def test_the_cells_are_asked_where_it_is_not_plain(racked, lookups):
    """Four members are on one host or on the other."""
    lookups.guests = {
        MEMBERS[1]: 'a3',
        MEMBERS[2]: 'b7',
        MEMBERS[3]: 'b7',
        MEMBERS[4]: None,
    }
    racked[2].aggregates.append(rack('b', 'b1', 'b7'))
    request = spec('soft-anti-affinity', hosts=['a2', 'a3', 'b7'])
    # Two each: within a, a2 has one too many.
    expected = [1.0, 0.75, 1.0]
    assert raw(AntiAffinityWeigher, racked, request) == expected
    assert lookups() == [('guests', set(MEMBERS[1:5]), None)]
    # Not again for the same request.
    assert raw(AntiAffinityWeigher, racked, request) == expected
    assert not lookups()


def test_without_an_answer_each_host_of_the_group_has_one(racked, lookups):
    racked[2].aggregates.append(rack('b', 'b1', 'b7'))
    request = spec('soft-anti-affinity', hosts=['a2', 'b7'])
    assert raw(AntiAffinityWeigher, racked, request) == [1.0, 0.75, 1.0]
    assert len(lookups()) == 1


def test_the_host_that_a_guest_leaves_is_not_one_of_its_company(
    racked, lookups
):
    """Nova counts it among the group's hosts, for the guest itself."""
    lookups.guests = {MEMBERS[1]: 'b7', MEMBERS[2]: 'b7'}
    racked[1].instances |= dict.fromkeys(MEMBERS[3:5])
    racked[2].aggregates.append(rack('b', 'b1', 'b7'))
    request = spec(
        'soft-affinity', hosts=['a2', 'a3', 'b7'], ignore_hosts=['a3']
    )
    # Two members to be found and two hosts, of which one has none.
    a1, a2, b1 = raw(AffinityWeigher, racked, request)
    assert (a1, b1) == ((1 - 0.5**3) / 2, (1 - 0.5**2) / 2)
    assert a2 > 1 - 0.5**3
    assert len(lookups()) == 1


def test_an_old_group_without_hosts_is_asked_for(racked, lookups):
    lookups.guests = {MEMBERS[1]: 'a3'}
    assert raw(AffinityWeigher, racked, spec('soft-affinity')) == [
        0.375,
        0.6875,
        0.0,
    ]


def test_hosts_alone_need_no_question(hosts, lookups):
    """Where members are elsewhere makes no difference between hosts."""
    request = spec('soft-anti-affinity', hosts=['gone', 'lost'])
    raw(AntiAffinityWeigher, hosts, request)
    assert not lookups()


def test_published_domains_tell_of_hosts_in_no_aggregate_at_hand(
    racked, lookups, monkeypatch
):
    monkeypatch.setattr(
        process.current().published,
        'domains',
        lambda: {'b9': {'rack': 'b'}},
    )
    request = spec('soft-affinity', hosts=['a2', 'b9'])
    lookups.guests = {MEMBERS[1]: 'b9'}
    assert raw(AffinityWeigher, racked, request) == [0.25, 0.625, 0.25]


def test_guests_of_one_request_know_each_other(racked, lookups):
    """Nova notes the host of each before the next one is weighed."""
    request = spec('soft-anti-affinity', uuid=MEMBERS[1], hosts=['a2'])
    assert raw(AntiAffinityWeigher, racked, request) == [0.5, 0.375, 1.0]
    request.instance_group.hosts.append('b1')
    racked[2].instances[MEMBERS[1]] = None
    request.instance_uuid = MEMBERS[2]
    assert raw(AntiAffinityWeigher, racked, request) == [1.0, 0.75, 1.0]
    # The third one filled a1, which does not come back.
    request.instance_group.hosts.append('a1')
    request.instance_uuid = MEMBERS[3]
    assert raw(AntiAffinityWeigher, racked[1:], request) == [0.5, 1.0]
    assert not lookups()


def test_a_member_that_filled_its_host_is_not_forgotten(racked, lookups):
    """It was seen there before the second guest of the request."""
    request = spec('soft-affinity', uuid=MEMBERS[1], hosts=['a2'])
    raw(AffinityWeigher, racked, request)
    request.instance_uuid = MEMBERS[2]
    request.instance_group.hosts.append('a2')
    assert raw(AffinityWeigher, [racked[0], racked[2]], request) == [0.375, 0]


# Hints


def test_hints_pull_and_push_without_a_group(hosts, lookups):
    request = hinted(near=[OTHER], apart=[MEMBERS[0].upper()])
    assert raw(AffinityWeigher, hosts, request) == [0.5, 0.0, 0.0]
    assert raw(AntiAffinityWeigher, hosts, request) == [1.0, 0.5, 1.0]
    assert not lookups()


def test_hints_come_on_top_of_the_group(hosts):
    request = spec('soft-affinity', scheduler_hints={'nfv:near': [OTHER]})
    assert raw(AffinityWeigher, hosts, request) == [0.5, 0.5, 0.875]


def test_a_hint_may_name_a_group(hosts, lookups):
    lookups.groups = {GROUP: frozenset(MEMBERS[1:])}
    request = hinted(near=[GROUP], apart=[GROUP], project_id='p')
    assert raw(AffinityWeigher, hosts, request) == [0.0, 0.0, 0.875]
    assert raw(AntiAffinityWeigher, hosts, request) == [1.0, 1.0, 0.125]
    assert lookups() == [('groups', {GROUP}, 'p')]


def test_a_hint_may_name_the_own_group(hosts, lookups):
    request = spec(
        'anti-affinity',
        {'max_server_per_host': '9'},
        scheduler_hints={'nfv:near': [GROUP]},
    )
    assert raw(AffinityWeigher, hosts, request) == [0.0, 0.5, 0.875]
    assert raw(AntiAffinityWeigher, hosts, request) == [1.0, 0.5, 0.125]
    assert not lookups()


def test_a_guest_on_another_host_pulls_into_its_rack(racked, lookups):
    lookups.guests = {OTHER: 'a3', MEMBERS[4]: 'b1'}
    request = hinted(near=[OTHER], project_id='p')
    assert raw(AffinityWeigher, racked, request) == [0.25, 0.25, 0.0]
    assert lookups() == [('guests', {OTHER}, 'p')]


def test_members_of_a_hinted_group_on_other_hosts_count(racked, lookups):
    lookups.guests = {MEMBERS[4]: 'a3', OTHER: 'b1'}
    lookups.groups = {GROUP: frozenset(MEMBERS[3:5])}
    request = hinted(near=[GROUP], project_id='p')
    assert raw(AffinityWeigher, racked, request) == [0.25, 0.25, 0.0]
    assert lookups() == [('guests', {GROUP}, 'p'), ('groups', {GROUP}, 'p')]


def test_a_rule_of_the_group_is_not_about_hinted_guests(hosts):
    request = spec(
        'anti-affinity',
        {'max_server_per_host': '2'},
        scheduler_hints={'nfv:apart': [OTHER]},
    )
    hosts[0].instances = dict.fromkeys([OTHER])
    assert raw(AntiAffinityWeigher, hosts, request) == [1.0, 1.0, 0.0]


@pytest.mark.parametrize('weigher', BOTH)
@pytest.mark.parametrize('texts', [['rack7'], ['rack7', ''], [None, 'x' * 99]])
def test_what_is_no_uuid_is_ignored_and_told_once(
    hosts, weigher, lookups, caplog, texts
):
    caplog.set_level(logging.INFO)
    request = hinted(near=['rack7'])
    request.obj_reset_changes()
    hints = {'nfv:near': texts, 'nfv:apart': texts}
    object.__setattr__(request, '_obj_scheduler_hints', hints)
    for _ in range(2):
        for affinity_weigher in BOTH:
            assert raw(affinity_weigher, hosts, request) == [0.0, 0.0, 0.0]
    assert caplog.text.count('are no uuids') == 1
    assert len(caplog.text) < 500
    assert not lookups()


def test_unknown_uuids_are_ignored_and_told_once(hosts, lookups, caplog):
    caplog.set_level(logging.INFO)
    request = hinted(near=[GROUP, OTHER], apart=[GROUP])
    for _ in range(2):
        assert raw(AffinityWeigher, hosts, request) == [0.5, 0.0, 0.0]
        raw(AntiAffinityWeigher, hosts, request)
    assert caplog.text.count('are ignored') == 1
    assert GROUP in caplog.text
    assert OTHER not in caplog.text


def test_without_an_answer_nothing_is_called_unknown(hosts, lookups, caplog):
    caplog.set_level(logging.INFO)
    lookups.groups = None
    request = hinted(near=[GROUP, OTHER])
    assert raw(AffinityWeigher, hosts, request) == [0.5, 0.0, 0.0]
    assert 'ignored' not in caplog.text
