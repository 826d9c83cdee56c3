"""Accelerators that Placement allocates, and where they are."""

import pytest

from nfv_sched.fit import accelerators
from nfv_sched.model import AcceleratorClaim
from nfv_sched.model import FunctionTopology
from nfv_sched.placement import schema

COMPUTE, GPU, OTHER = 'compute', 'gpu', 'other'
CARD = FunctionTopology('0000:84:00.0', 16, None, 'pci0000:80', 1)


@pytest.mark.parametrize(
    ('name', 'address'),
    [
        # Nova's libvirt driver; Cyborg's for GPUs, FPGAs, QAT and NICs;
        # Cyborg's for Ascend.
        ('cmp-1.example_pci_0000_84_00_0', '0000:84:00.0'),
        ('cmp_1_0000:84:00.0', '0000:84:00.0'),
        ('Device d100_0000_84_00_0', '0000:84:00.0'),
        ('cmp_pci_10000_8A_1f_7', '10000:8a:1f.7'),
        ('cmp-1.example', None),
        ('cmp-1:NIC Switch agent:ens1', None),
        ('cmp-1_FakeDevice', None),
        ('cmp_pci_0000_84_00_8', None),
        ('cmp_pci_0000_84_00_0_', None),
    ],
)
def test_the_address_is_at_the_end_of_a_name(name, address):
    assert accelerators.address_of(name) == address


def candidate(**resources):
    return {
        'allocations': {
            provider: {'resources': amounts}
            for provider, amounts in resources.items()
        }
    }


def allocated(names, offered, functions=(CARD,)):
    return accelerators.allocated(
        {'VGPU', 'CUSTOM_FPGA'}, offered, COMPUTE, names.get, functions
    )


BOTH = candidate(
    compute={'PCPU': 4, 'CUSTOM_FPGA': 1},
    gpu={'VGPU': 2},
    other={'DISK_GB': 1},
)


def test_a_card_is_where_it_is_published():
    names = {GPU: 'cmp_pci_0000_84_00_0'}
    assert allocated(names, BOTH) == (AcceleratorClaim(2, 1, 'pci0000:80'),)
    # A VF with mediated devices, which is not published.
    names = {GPU: 'cmp_pci_0000_84_02_3'}
    assert allocated(names, BOTH) == (AcceleratorClaim(2, 1, 'pci0000:80'),)


def test_nothing_is_known_of_a_card_that_is_not_published():
    unknown = (AcceleratorClaim(2),)
    assert allocated({GPU: 'cmp_pci_0000_85_00_0'}, BOTH) == unknown
    assert allocated({GPU: 'cmp_pci_0000_84_00_0'}, BOTH, ()) == unknown


def test_a_provider_without_a_name_may_be_any_card():
    assert allocated({}, BOTH) == (AcceleratorClaim(2),)


def test_providers_of_other_resources_are_no_accelerators():
    assert allocated({GPU: 'cmp-licences'}, BOTH) == ()
    assert allocated({}, candidate(other={'DISK_GB': 1})) == ()
    assert allocated({}, {}) == ()


def test_the_order_of_placement_does_not_matter():
    names = {GPU: 'cmp_0000:84:00.0', OTHER: 'cmp_0000:85:00.0'}
    one = candidate(gpu={'VGPU': 1}, other={'CUSTOM_FPGA': 1})
    two = candidate(other={'CUSTOM_FPGA': 1}, gpu={'VGPU': 1})
    assert allocated(names, one) == allocated(names, two)
    assert len(allocated(names, one)) == 2


def test_the_trait_of_a_node():
    trait = schema.node_trait('0000:84:00.0', 1)
    assert trait == 'CUSTOM_NFV_NODE_0000_84_00_0_1'
    assert schema.read_trait(trait) == ('node', ('0000:84:00.0', 1))
    assert schema.is_supplement(trait)
