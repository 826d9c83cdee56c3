"""What Placement rejects a host for, where its resources are on a tree."""

import pytest

from nfv_sched.dryrun.candidates import PlacementCandidates
from nfv_sched.nova.scheduler_pipeline import PlacementQuery
from nfv_sched_testing import provider_trees
from nfv_sched_testing.provider_trees import Amount
from nfv_sched_testing.provider_trees import CONTEXTS
from nfv_sched_testing.provider_trees import create
from nfv_sched_testing.provider_trees import create_shared
from nfv_sched_testing.provider_trees import DEVICE
from nfv_sched_testing.provider_trees import EGRESS
from nfv_sched_testing.provider_trees import INGRESS
from nfv_sched_testing.provider_trees import PACKETS

RACK = '5f0a3a3c-1f7d-4c55-8f0a-8a52cf6b3d11'
SMALL = 'resources=VCPU:1,MEMORY_MB:512'


@pytest.fixture(autouse=True)
def names(client):
    provider_trees.create_names(client)


def host(client, name='host', traits=(), **amounts):
    """A compute node with 8 CPUs and 1 GiB, of which a half is used."""
    own = {'VCPU': Amount(8, 1), 'MEMORY_MB': Amount(1024, 512), **amounts}
    return create(client, name, None, traits, [RACK], **own)


def candidates(client, query):
    return PlacementCandidates(client, PlacementQuery((query,)))


def reasons(client, root, query, detailed=True):
    """Conditions and texts of all blockers; nothing else is short."""
    blockers, complete = candidates(client, query).blockers(
        root, detailed=detailed
    )
    assert complete
    return [(blocker.condition, blocker.text) for blocker in blockers]


def two_cards(client, root, free=3, traits=('CUSTOM_NVIDIA_11',)):
    for number in range(2):
        create(
            client,
            f'host_card{number}',
            root,
            traits,
            VGPU=Amount(4, 4 - free),
        )


MEMORY = ('MEMORY_MB', '512 of 1024 MEMORY_MB in Placement')


def test_what_children_have_is_there(client):
    root = host(client)
    two_cards(client, root)
    query = 'resources=VCPU:1,MEMORY_MB:1024,VGPU:1'
    assert reasons(client, root, query) == [MEMORY]
    assert reasons(client, root, f'{query}&required=CUSTOM_NVIDIA_11') == [
        MEMORY
    ]
    assert reasons(client, root, 'resources=VCPU:1,VGPU:3') == []


def test_one_provider_has_to_give_all_of_a_class(client):
    root = host(client)
    two_cards(client, root)
    [(condition, text)] = reasons(client, root, 'resources=VCPU:1,VGPU:4')
    assert condition == 'VGPU'
    assert text in (
        '3 of 4 VGPU in Placement on host_card0 (6 on 2 providers)',
        '3 of 4 VGPU in Placement on host_card1 (6 on 2 providers)',
    )
    [blocker], _ = candidates(client, 'resources=VCPU:1,VGPU:4').blockers(root)
    assert (blocker.asked, blocker.available) == (4, 3)
    # Names are read only for hosts that are explained in detail.
    assert (
        blocker.text
        == '3 of 4 VGPU in Placement on one provider (6 on 2 providers)'
    )


def test_a_trait_of_a_child_counts_for_what_the_child_gives(client):
    root = host(client)
    sev = 'HW_CPU_X86_AMD_SEV'
    contexts = {CONTEXTS: Amount(16, 14, max_unit=1)}
    create(client, 'host_amd_sev', root, [sev], **contexts)
    query = f'resources=VCPU:1,MEMORY_MB:1024,{CONTEXTS}:1&required={sev}'
    assert reasons(client, root, query) == [MEMORY]
    assert reasons(client, root, f'{SMALL}&required={sev}') == [
        (
            f'trait {sev}',
            f'the trait {sev} is only on host_amd_sev, which does not supply '
            'MEMORY_MB, VCPU',
        )
    ]
    other = 'HW_CPU_X86_AMD_SEV_ES'
    query = f'resources=VCPU:1,{CONTEXTS}:1&required={other}'
    assert reasons(client, root, query) == [
        (f'trait {other}', f'it lacks the trait {other}')
    ]


def test_what_is_shared_is_there(client):
    root = host(client)
    create_shared(client, 'nfs', RACK, DISK_GB=Amount(200, 100))
    query = 'resources=VCPU:1,MEMORY_MB:1024,DISK_GB:20'
    assert reasons(client, root, query) == [MEMORY]
    assert reasons(client, root, f'{SMALL},DISK_GB:120') == [
        (
            'DISK_GB',
            '100 of 120 DISK_GB in Placement on nfs, which is shared',
        )
    ]
    alone = create(client, 'alone', None, VCPU=Amount(8))
    assert reasons(client, alone, 'resources=VCPU:1,DISK_GB:20') == [
        ('DISK_GB', '0 of 20 DISK_GB in Placement, no provider has any')
    ]


def test_hosts_whose_memory_is_shared_are_explained(client):
    create_shared(client, 'cxl', RACK, MEMORY_MB=Amount(4096, 1024))
    root = create(client, 'host', None, (), [RACK], VCPU=Amount(8, 6))
    assert reasons(client, root, 'resources=VCPU:4,MEMORY_MB:2048') == [
        ('VCPU', '2 of 4 VCPU in Placement')
    ]
    assert reasons(client, root, 'resources=VCPU:1,MEMORY_MB:4096') == [
        (
            'MEMORY_MB',
            '3072 of 4096 MEMORY_MB in Placement on cxl, which is shared',
        )
    ]


def test_groups_that_ask_alike_are_counted_together(client):
    root = host(client)
    for number in range(3):
        create(
            client,
            f'host_0000:0{number}:00.0',
            root,
            **{DEVICE: Amount(1, int(number > 0))},
        )
    query = (
        f'{SMALL}&resources_a-0={DEVICE}:1&resources_a-1={DEVICE}:1'
        '&group_policy=none'
    )
    assert reasons(client, root, query) == [
        (DEVICE, f'1 of 2 {DEVICE} in Placement for 2 groups')
    ]
    assert reasons(client, root, f'{SMALL}&resources_a-0={DEVICE}:1') == []


def test_a_device_that_is_reserved_after_its_use_is_not_free(client):
    root = host(client)
    device = {DEVICE: Amount(1, 0, reserved=1)}
    create(client, 'host_0000:01:00.0', root, **device)
    assert reasons(client, root, f'{SMALL}&resources1={DEVICE}:1') == [
        (
            DEVICE,
            f'0 of 1 {DEVICE} in Placement on host_0000:01:00.0 for group 1 '
            '(1 reserved)',
        )
    ]


def test_limits_of_inventories_are_named(client):
    root = host(client)
    create(client, 'card', root, VGPU=Amount(8, max_unit=2, step_size=2))
    assert reasons(client, root, f'{SMALL},VGPU:4') == [
        (
            'VGPU',
            '4 VGPU are not allowed for one instance on card (max_unit 2 in '
            'Placement)',
        )
    ]
    [(_, text)] = reasons(client, root, f'{SMALL},VGPU:1')
    assert 'step_size 2' in text
    [(_, text)] = reasons(client, root, f'{SMALL},VGPU:4', detailed=False)
    assert text == (
        '4 VGPU are not allowed for one instance on one provider (min_unit, '
        'max_unit or step_size in Placement)'
    )


def interfaces(client, root):
    """An agent, and interfaces with bandwidth in one direction each."""
    agent = create(client, 'host:agent', root, **{PACKETS: Amount(10)})
    for name, bandwidth in (('eth0', EGRESS), ('eth1', INGRESS)):
        create(
            client,
            f'host:agent:{name}',
            agent,
            ['CUSTOM_PHYSNET_1'],
            **{bandwidth: Amount(10)},
        )


def test_what_is_there_but_not_on_one_provider_is_a_reason(client):
    root = host(client)
    interfaces(client, root)
    query = (
        f'{SMALL}&resources_port={EGRESS}:5,{INGRESS}:5'
        '&required_port=CUSTOM_PHYSNET_1'
    )
    assert reasons(client, root, query) == [
        (
            'combination',
            f'no provider has {EGRESS} and {INGRESS} together for group _port',
        )
    ]
    query = (
        f'{SMALL}&resources_a={EGRESS}:5&resources_b={INGRESS}:5'
        '&group_policy=none'
    )
    assert reasons(client, root, query) == []
    assert reasons(client, root, f'{query}&same_subtree=_a,_b') == [
        (
            'same subtree',
            'enough is free, but not below one provider for 2 groups '
            '(same_subtree)',
        )
    ]
    isolated = query.replace(INGRESS, EGRESS).replace('none', 'isolate')
    assert reasons(client, root, isolated) == [
        (
            'group policy',
            'enough is free, but not on one provider for each of 2 groups '
            '(group_policy=isolate)',
        )
    ]
    other = query.replace('_b', '_c')
    assert reasons(client, root, f'{other}&required_c=CUSTOM_GOLD') == [
        (
            'trait CUSTOM_GOLD',
            'it lacks the trait CUSTOM_GOLD for group _c',
        )
    ]


def test_traits_and_aggregates_are_those_of_the_tree(client):
    root = host(client, traits=['CUSTOM_SLOW', 'COMPUTE_STATUS_DISABLED'])
    query = f'{SMALL}&required=!COMPUTE_STATUS_DISABLED,!CUSTOM_SLOW'
    assert [name for name, _ in reasons(client, root, query)] == [
        'disabled',
        'trait CUSTOM_SLOW',
    ]
    other = '0b6a3d1e-6a0c-4c6e-9d43-2f5f9f5e6c11'
    for words, condition in (
        (f'member_of=in:{other}', 'aggregate'),
        (f'member_of=!in:{RACK}', 'aggregate'),
        (f'in_tree={host(client, "second")}', 'host'),
        ('root_required=CUSTOM_GOLD', 'trait CUSTOM_GOLD'),
    ):
        [(name, _)] = reasons(client, root, f'{SMALL}&{words}')
        assert name == condition


def test_a_host_without_anything_left_is_read_by_itself(client):
    full = create(
        client, 'full', None, VCPU=Amount(8, 8), MEMORY_MB=Amount(512, 512)
    )
    assert reasons(client, full, SMALL, detailed=False) == [
        ('MEMORY_MB', '0 of 512 MEMORY_MB in Placement'),
        ('VCPU', '0 of 1 VCPU in Placement'),
    ]


def unexplained(client, root, query):
    """Conditions and texts of a host of which not all is known."""
    blockers, complete = candidates(client, query).blockers(root)
    assert not complete
    return [(blocker.condition, blocker.text) for blocker in blockers]


def test_what_placement_refuses_is_a_reason(client):
    root = host(client)
    two_cards(client, root)
    # Placement requires a group policy here.
    query = f'{SMALL}&resources1=VGPU:1&resources2=VGPU:1'
    [(condition, text)] = unexplained(client, root, query)
    assert condition == 'candidates'
    assert 'group_policy' in text
    names = [name for name, _ in unexplained(client, root, f'{query}00')]
    assert names == ['VGPU', 'candidates']
    for words, condition in (
        ('required=CUSTOM_TYPO', 'trait CUSTOM_TYPO'),
        ('resources1=CUSTOM_TYPO:1', 'CUSTOM_TYPO'),
    ):
        [(name, _)] = unexplained(client, root, f'{SMALL}&{words}')
        assert name == condition


def test_candidates_without_the_compute_node_are_ignored(client):
    root = create(client, 'host', None, MEMORY_MB=Amount(1024))
    create(client, 'host_node0', root, VCPU=Amount(8))
    [(condition, text)] = unexplained(client, root, 'resources=VCPU:1')
    assert condition == 'candidates'
    assert 'none with resources of the compute node itself' in text


def test_a_host_without_provider_is_named(client):
    [(condition, text)] = unexplained(client, RACK, SMALL)
    assert condition == 'candidates'
    assert 'no provider' in text


def test_calls_do_not_grow_with_the_hosts(client, wsgi):
    roots = [host(client, f'host{number}') for number in range(6)]
    for root in roots:
        create(client, f'card-{root}', root, VGPU=Amount(2))
    query = 'resources=VCPU:1,MEMORY_MB:1024,VGPU:1&required=!CUSTOM_SLOW'
    asked = candidates(client, query)
    del wsgi.calls[:]
    for root in roots:
        assert asked.blockers(root)[0]
    # Trees, sharing providers, and those that give so much VCPU and VGPU.
    assert len(wsgi.calls) == 4
    del wsgi.calls[:]
    asked.blockers(roots[0], detailed=True)
    # The providers by name, and the inventory that is short.
    assert len(wsgi.calls) == 2


@pytest.mark.parametrize('answers', range(12))
def test_where_placement_stops_answering_the_reason_is_unknown(
    client, wsgi, answers
):
    roots = [host(client), host(client, 'second')]
    for root in roots:
        create(client, f'card-{root}', root, VGPU=Amount(2))
    create_shared(client, 'nfs', RACK, DISK_GB=Amount(200))
    asked = candidates(client, 'resources=VCPU:1,MEMORY_MB:1024,VGPU:1')
    calls = []

    def stop(*call):
        calls.append(call)
        if len(calls) > answers:
            raise OSError('gone')

    wsgi.before = stop
    # All hosts first, then the nearest in detail.
    for root in roots:
        asked.blockers(root)
    for root in roots:
        [blocker], complete = asked.blockers(root, detailed=True)
        # Trees, limits of two classes, and six for the sharing provider.
        if answers < 9:
            assert blocker.condition == 'candidates'
            assert 'the reason is unknown' in blocker.text
            assert not complete
            assert asked.tree(root) is None
        else:
            assert (blocker.condition, blocker.text) == MEMORY
            assert complete
    # It is not waited for again.
    assert len(calls) <= answers + 1
