import uuid

import pytest

from nfv_sched.placement import provider_names
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import Unavailable
from nfv_sched.placement.provider_names import ProviderNames
from nfv_sched.placement.reader import TopologyReader
from nfv_sched_testing import providers
from nfv_sched_testing.placement_fixtures import adapter_of

LIST = ('GET', '/resource_providers')
DIRECT = 'CUSTOM_VNIC_TYPE_DIRECT'


def uuid_of(number):
    return str(uuid.UUID(int=0xABC000 + number))


def create(client, number, *traits):
    """A provider as neutron's agents create it."""
    providers.create(
        client,
        f'cmp:NIC Switch agent:ens{number}',
        traits=traits,
        provider_uuid=uuid_of(number),
    )


def test_the_names_of_interfaces_with_vfs_are_read_at_first(client, wsgi):
    create(client, 1, DIRECT)
    create(client, 2, DIRECT)
    create(client, 3)
    wsgi.calls.clear()
    names = ProviderNames()
    names.refresh(client)
    assert wsgi.calls == [LIST]
    assert names.get(uuid_of(1)) == 'cmp:NIC Switch agent:ens1'
    assert names.get(uuid_of(2)) == 'cmp:NIC Switch agent:ens2'


def test_a_placement_without_such_providers_is_no_error(placement, template):
    client = PlacementClient(adapter_of(placement(template)))
    names = ProviderNames()
    names.refresh(client)
    assert names.get(uuid_of(1)) is None


def test_nothing_is_sent_where_no_name_is_missing(client, wsgi):
    create(client, 1, DIRECT)
    names = ProviderNames()
    names.refresh(client)
    wsgi.calls.clear()
    assert names.get(uuid_of(1))
    names.refresh(client)
    assert wsgi.calls == []


def test_a_missing_name_is_read_next_time(client, wsgi):
    create(client, 1, DIRECT)
    names = ProviderNames()
    names.refresh(client)
    create(client, 2, DIRECT)
    create(client, 3)
    missing = [uuid_of(2), uuid_of(3), uuid_of(4)]
    assert [names.get(provider) for provider in missing] == [None] * 3
    wsgi.calls.clear()
    names.refresh(client)
    # One list, and singly what is not on it.
    assert wsgi.calls == [
        LIST,
        ('GET', f'/resource_providers/{uuid_of(3)}'),
        ('GET', f'/resource_providers/{uuid_of(4)}'),
    ]
    assert names.get(uuid_of(2)) == 'cmp:NIC Switch agent:ens2'
    assert names.get(uuid_of(3)) == 'cmp:NIC Switch agent:ens3'
    assert names.get(uuid_of(4)) is None


def test_what_is_too_much_for_one_refresh_is_left_for_the_next(
    client, monkeypatch
):
    monkeypatch.setattr(provider_names, '_MAX_SINGLE_READS', 1)
    for number in (1, 2):
        create(client, number)
    names = ProviderNames()
    known = []
    for _ in range(3):
        known.append([names.get(uuid_of(n)) is not None for n in (1, 2)])
        names.refresh(client)
    assert known == [[False, False], [True, False], [True, True]]


class _Down:
    """A Placement that does not answer."""

    def elements(self, *args, **params):
        raise Unavailable('down')


def test_a_name_stays_missing_while_placement_is_down(client):
    create(client, 1)
    names = ProviderNames()
    assert names.get(uuid_of(1)) is None
    with pytest.raises(Unavailable):
        names.refresh(_Down())
    names.refresh(client)
    assert names.get(uuid_of(1)) == 'cmp:NIC Switch agent:ens1'


def test_the_reader_completes_the_names(client):
    create(client, 1)
    reader = TopologyReader(lambda: client)
    assert reader.names.get(uuid_of(1)) is None
    assert reader.refresh()
    assert reader.names.get(uuid_of(1)) == 'cmp:NIC Switch agent:ens1'
