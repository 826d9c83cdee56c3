"""What flavors ask for by themselves."""

import json

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
