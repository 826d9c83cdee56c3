"""What flavors ask for by themselves."""

import json

from nova import exception
from nova import objects
import pytest

from nfv_sched.nova import flavors

_ALIAS = json.dumps(
    {
        'name': 'vf',
        'vendor_id': '8086',
        'product_id': '154c',
        'device_type': 'type-VF',
        'numa_policy': 'preferred',
    }
)


@pytest.mark.parametrize('policy', [None, 'required', 'socket'])
def test_the_flavors_policy_wins_over_that_of_the_alias(nova_options, policy):
    nova_options.set_override('alias', [_ALIAS], 'pci')
    extra_specs = {'pci_passthrough:alias': 'vf:1'}
    if policy:
        extra_specs['hw:pci_numa_affinity_policy'] = policy
    flavor = objects.Flavor(
        vcpus=2,
        memory_mb=1024,
        extra_specs={'hw:numa_nodes': '1', **extra_specs},
    )
    (request,) = flavors.guest_of(flavor).devices
    assert request.policy == (policy or 'preferred')


def test_reference_flavors_come_as_often_as_their_weights(monkeypatch, caplog):
    known = {
        'small': {'hw:numa_nodes': '1'},
        'large': {'hw:numa_nodes': '2'},
        'plain': {},
    }

    def by_name(_, name):
        if name not in known:
            raise exception.FlavorNotFoundByName(flavor_name=name)
        return objects.Flavor(vcpus=2, memory_mb=1024, extra_specs=known[name])

    monkeypatch.setattr(objects.Flavor, 'get_by_name', by_name)
    names = ['small', 'large=3', 'plain=2', 'gone=2', 'small=much', 'large=0']
    weighted = flavors.reference_guests(names)
    assert [(len(guest.cells), weight) for guest, weight in weighted] == [
        (1, 1),
        (2, 3),
    ]
    for text in 'gone=2', 'small=much', 'large=0':
        assert f'{text} is left out' in caplog.text
    assert 'plain asks for nothing' in caplog.text
