"""Placement after we have gone."""

from nfv_sched.placement import api
from nfv_sched.placement import removal
from nfv_sched.placement import schema
from nfv_sched.placement.publisher import publish
from tests.placement.examples import host

OTHER = 'CUSTOM_PHYSNET_OTHERS'


def ours(client):
    classes, traits = api.custom_names(client)
    return {
        name for name in classes | traits if name.startswith(schema.NAMESPACE)
    }


def test_nothing_of_ours_stays(client):
    publish(client, [host()])
    expected = {(one.kind, one.name) for one in removal.removable(client)}
    assert {'tree', 'class', 'trait'} == {kind for kind, _ in expected}
    done = list(removal.purge(client))
    assert {(one.kind, one.name) for one in done} == expected
    assert not any(one.problem for one in done)
    assert ours(client) == set()
    assert api.roots(client) == {}
    assert removal.removable(client) == []


def test_it_can_be_published_again(client):
    publish(client, [host()])
    list(removal.purge(client))
    report = publish(client, [host()])
    assert report.count('written') == 1
    assert list(api.roots(client)) == [schema.root_uuid(host().uuid)]


def test_what_is_found_is_only_read(client, wsgi):
    publish(client, [host()])
    wsgi.calls.clear()
    removal.removable(client)
    assert {method for method, _ in wsgi.calls} == {'GET'}


def test_names_of_others_stay(client):
    client.put(f'/traits/{OTHER}')
    client.put('/resource_classes/CUSTOM_OTHERS')
    publish(client, [host()])
    list(removal.purge(client))
    classes, traits = api.custom_names(client)
    assert OTHER in traits
    assert 'CUSTOM_OTHERS' in classes


def test_what_others_use_stays_and_is_told(client):
    publish(client, [host()])
    other = '5a0c5f52-1f7e-4a6c-9d3e-0d6b2f7f1a11'
    client.post('/resource_providers', {'name': 'other', 'uuid': other})
    client.put(
        f'/resource_providers/{other}/traits',
        {'traits': [schema.TOPOLOGY], 'resource_provider_generation': 0},
    )
    left = [one for one in removal.purge(client) if one.problem]
    assert [(one.kind, one.name) for one in left] == [
        ('trait', schema.TOPOLOGY)
    ]
    assert 'in use' in left[0].problem
