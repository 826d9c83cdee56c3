"""The affinity weighers in Nova's own weigher pipeline."""

from nova import objects
from nova.scheduler import host_manager
from nova.scheduler import weights
import pytest

from nfv_sched import weighers
from nfv_sched.weighers.affinity import AffinityWeigher
from nfv_sched.weighers.affinity import AntiAffinityWeigher

MEMBERS = [f'00000000-0000-0000-0000-00000000000{i}' for i in range(6)]
OTHER = '00000000-0000-0000-0000-0000000000ff'


def state(name, instances, **metadata):
    host = host_manager.HostState(name, name, MEMBERS[0])
    host.instances = dict.fromkeys(instances)
    host.aggregates = [objects.Aggregate(metadata=metadata)]
    return host


def spec(policy, rules=None, uuid=MEMBERS[5]):
    group = None
    if policy:
        group = objects.InstanceGroup(
            policy=policy, rules=rules or {}, members=MEMBERS
        )
    return objects.RequestSpec(instance_group=group, instance_uuid=uuid)


def order(weigher, states, request):
    """Host names from best to worst, with their weights."""
    weighed = weights.HostWeightHandler().get_weighed_objects(
        [weigher()], states, request
    )
    return [(w.obj.host, w.weight) for w in weighed]


@pytest.fixture
def hosts():
    return [
        state('none', [OTHER]),
        state('one', MEMBERS[:1]),
        state('three', [*MEMBERS[1:4], OTHER]),
    ]


def test_nova_loads_both_through_the_loader():
    found = weights.HostWeightHandler().get_matching_classes(
        ['nfv_sched.weighers.all_weighers']
    )
    assert {AffinityWeigher, AntiAffinityWeigher} <= set(found)
    assert found == weighers.all_weighers()


@pytest.mark.parametrize('policy', ['affinity', 'soft-affinity'])
def test_affinity_prefers_hosts_with_more_members(hosts, policy):
    assert order(AffinityWeigher, hosts, spec(policy)) == [
        ('three', 1.0),
        ('one', pytest.approx(1 / 3)),
        ('none', 0.0),
    ]


@pytest.mark.parametrize('policy', ['anti-affinity', 'soft-anti-affinity'])
def test_anti_affinity_prefers_hosts_with_fewer_members(hosts, policy):
    ordered = order(AntiAffinityWeigher, hosts, spec(policy))
    assert [name for name, _ in ordered] == ['none', 'one', 'three']


def test_a_full_host_weighs_less_than_any_with_room():
    """Two members are room for a third, one is not, by their rules."""
    hosts = [state('full', MEMBERS[:2]), state('room', MEMBERS[2:3])]
    rules = {'max_server_per_host': '2'}
    request = spec('anti-affinity', rules)
    full, room = (
        AntiAffinityWeigher()._weigh_object(host, request) for host in hosts
    )
    assert room == -1.0
    assert full < -len(MEMBERS)


def test_a_guest_that_moves_does_not_keep_itself_company(hosts):
    request = spec('soft-affinity', uuid=MEMBERS[0])
    weigher = AffinityWeigher()
    assert [weigher._weigh_object(h, request) for h in hosts] == [0, 0, 3]


@pytest.mark.parametrize(
    ('weigher', 'policy'),
    [
        (AffinityWeigher, 'anti-affinity'),
        (AffinityWeigher, None),
        (AntiAffinityWeigher, 'soft-affinity'),
        (AntiAffinityWeigher, None),
    ],
)
def test_other_policies_weigh_nothing(hosts, weigher, policy):
    assert {w for _, w in order(weigher, hosts, spec(policy))} == {0.0}


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
    assert weigher().weight_multiplier(plain) == 1.0
    nova_options.set_override(name, 3.0, 'nfv_sched')
    assert weigher().weight_multiplier(plain) == 3.0
    assert weigher().weight_multiplier(special) == 7.5
    assert weigher().weight_multiplier(broken) == 3.0
