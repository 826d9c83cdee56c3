"""Devices for one use, as Nova reserves them in Placement."""

import os_traits
import pytest

from nfv_sched.placement import api
from nfv_sched.placement.client import PlacementClient
from nfv_sched.render import host_view
from nfv_sched.survey import nova as nova_survey
from nfv_sched.survey.one_time_use import with_reservations
from nfv_sched_testing import providers

CLASS = 'CUSTOM_PCI_8086_154C'


@pytest.fixture(scope='module')
def client(populated):
    client = PlacementClient(populated.placement)
    client.put(f'/resource_classes/{CLASS}')
    return client


def free_devices(survey, name):
    [host] = [host for host in survey.hosts if host.host == name]
    return {device.address for device in host.devices if device.free}


def test_nothing_is_reserved_where_no_device_is_for_one_use(client):
    survey = nova_survey.read()
    assert api.one_time_use_providers(client) == []
    assert with_reservations(survey, client) is survey


@pytest.mark.skipif(
    not hasattr(os_traits, 'HW_PCI_ONE_TIME_USE'),
    reason='Placement has the trait from os-traits 3.4 on',
)
def test_reserved_devices_are_not_free(client):
    survey = nova_survey.read()
    [host] = [host for host in survey.hosts if host.host.startswith('dell')]
    before = free_devices(survey, host.host)
    used, new, plain = sorted(before)[:3]
    for address, reserved, traits in (
        (used, 1, [os_traits.HW_PCI_ONE_TIME_USE]),
        (new, 0, [os_traits.HW_PCI_ONE_TIME_USE]),
        (plain, 1, []),
    ):
        providers.create(
            client,
            # nova.compute.pci_placement_translator _get_rp_name_for_address
            f'{host.host}_{address.upper()}',
            host.topology.uuid,
            inventories={
                CLASS: {'total': 1, 'max_unit': 1, 'reserved': reserved}
            },
            traits=traits,
        )
    after = with_reservations(survey, client)
    assert before - free_devices(after, host.host) == {used}
    views = [
        sum(pool.free for pool in host_view.host_view(each).all_pools)
        for one in (survey, after)
        for each in one.hosts
        if each.host == host.host
    ]
    assert views[0] - views[1] == 1
