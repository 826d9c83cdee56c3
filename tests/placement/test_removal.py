"""Trees, classes and traits are removed, and nothing of other clients."""

import dataclasses

from nfv_sched.placement import api
from nfv_sched.placement import removal
from nfv_sched.placement import schema
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.removal import prune
from tests.placement.examples import host
from tests.placement.examples import read
from tests.placement.examples import with_guest


def networked():
    """A host with two physical networks."""
    plain = host()
    cells = [
        dataclasses.replace(cell, physnets=frozenset((f'net{cell.id}', 'all')))
        for cell in plain.cells
    ]
    return dataclasses.replace(plain, cells=tuple(cells))


def ours(client):
    classes, traits = api.custom_names(client)
    return {
        name for name in classes | traits if name.startswith(schema.NAMESPACE)
    }


def test_everything_of_ours_is_removed(client):
    publish(client, [host()])
    expected = {
        (removed.kind, removed.name) for removed in removal.removable(client)
    }
    assert {'tree', 'class', 'trait'} == {kind for kind, _ in expected}
    done = list(removal.purge(client))
    assert {(removed.kind, removed.name) for removed in done} == expected
    assert not any(removed.problem for removed in done)
    assert ours(client) == set()
    assert api.roots(client) == {}
    assert removal.removable(client) == []


def test_a_purged_host_can_be_published_again(client):
    publish(client, [host()])
    list(removal.purge(client))
    report = publish(client, [host()])
    assert report.count('written') == 1
    assert list(api.roots(client)) == [schema.root_uuid(host().uuid)]


def test_listing_what_is_removable_only_reads(client, wsgi):
    publish(client, [host()])
    wsgi.calls.clear()
    removal.removable(client)
    assert {method for method, _ in wsgi.calls} == {'GET'}


def test_names_of_other_clients_stay(client):
    client.put('/traits/CUSTOM_OTHERS')
    client.put('/resource_classes/CUSTOM_OTHERS')
    publish(client, [host()])
    list(removal.purge(client))
    classes, traits = api.custom_names(client)
    assert 'CUSTOM_OTHERS' in traits
    assert 'CUSTOM_OTHERS' in classes


def test_traits_of_networks_stay_with_those_who_use_them(client):
    agent = '5a0c5f52-1f7e-4a6c-9d3e-0d6b2f7f1a11'
    client.post('/resource_providers', {'name': 'agent', 'uuid': agent})
    publish(client, [networked()])
    _, before = api.custom_names(client)
    physnets = {name for name in before if name.startswith(schema.PHYSNET)}
    shared, *mine = sorted(physnets)
    assert mine
    client.put(
        f'/resource_providers/{agent}/traits',
        {'traits': [shared], 'resource_provider_generation': 0},
    )
    for found in (removal.removable(client), list(removal.purge(client))):
        kept = {each.name: each.kept for each in found if each.kept}
        assert kept == {shared: 'agent has it'}
        assert not any(each.problem for each in found)
    _, after = api.custom_names(client)
    assert {name for name in after if name.startswith(schema.PHYSNET)} == {
        shared
    }
    assert [each.kept for each in removal.removable(client)] == [
        'agent has it'
    ]


def test_names_used_by_other_clients_stay_and_are_reported(client):
    publish(client, [host()])
    other = '5a0c5f52-1f7e-4a6c-9d3e-0d6b2f7f1a11'
    client.post('/resource_providers', {'name': 'other', 'uuid': other})
    client.put(
        f'/resource_providers/{other}/traits',
        {'traits': [schema.TOPOLOGY], 'resource_provider_generation': 0},
    )
    left = [removed for removed in removal.purge(client) if removed.problem]
    assert [(removed.kind, removed.name) for removed in left] == [
        ('trait', schema.TOPOLOGY)
    ]
    assert 'in use' in left[0].problem


def test_prune_removes_exactly_what_is_not_kept(client):
    all_hosts = [with_guest(host(number)) for number in range(3)]
    publish(client, all_hosts)
    gone = prune(client, [all_hosts[0].uuid, all_hosts[2].uuid])
    assert gone == {'host1:nfv': None}
    assert read(client, all_hosts[0]) == all_hosts[0]
    assert len(api.roots(client)) == 2
    assert prune(client, [all_hosts[0].uuid, all_hosts[2].uuid]) == {}


def test_a_tree_in_use_stays_and_the_others_are_removed(client):
    gone = [host(number) for number in range(3)]
    publish(client, gone)
    consumer = '5a0c5f52-1f7e-4a6c-9d3e-0d6b2f7f1a11'
    used = schema.root_uuid(gone[1].uuid)
    client.put(f'/allocations/{consumer}', _one_of(client, used))
    problems = prune(client, [])
    assert {name for name, problem in problems.items() if problem is None} == {
        'host0:nfv',
        'host2:nfv',
    }
    assert 'allocations' in problems['host1:nfv']
    assert list(api.roots(client)) == [used]
    client.delete(f'/allocations/{consumer}')
    assert prune(client, []) == {'host1:nfv': None}


def _one_of(client, root):
    """Allocations of a foreign consumer on one provider of a tree."""
    uuid, name = next(
        (uuid, name)
        for uuid in api.tree_of(client, root)
        for name in sorted(api.inventories(client, uuid)[1])
        if name == 'CUSTOM_NFV_CORE' or not name.startswith('CUSTOM_')
    )
    return {
        'allocations': {uuid: {'resources': {name: 1}}},
        'project_id': 'p',
        'user_id': 'u',
        'consumer_type': 'OTHER',
        'consumer_generation': None,
    }
