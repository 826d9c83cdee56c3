"""A variant is the guest that Nova makes of the changed flavor."""

import json

from nova import objects
import nova.conf
from nova.pci import request as pci_request
from nova.virt import hardware
import pytest

from nfv_sched.explain.alternatives import alternatives
from nfv_sched.explain.alternatives import spec_size
from nfv_sched.nova import boot_request
from nfv_sched.nova import flavors
from nfv_sched.nova import request_spec

SIZES = (4, 2048, 1048576)
HUGE = {'hw:cpu_policy': 'dedicated', 'hw:mem_page_size': '1GB'}


@pytest.fixture(autouse=True)
def alias(nova_options):
    value = {'name': 'nic', 'vendor_id': '8086', 'product_id': '1572'}
    nova.conf.CONF.set_override('alias', [json.dumps(value)], 'pci')
    pci_request.get_alias_from_config.cache_clear()
    yield
    pci_request.get_alias_from_config.cache_clear()


def guest_of(specs):
    flavor = boot_request.flavor_of(
        None, 'f', vcpus=4, ram_mib=4096, disk_gib=1, extra_specs=specs
    )
    image = boot_request.image_of()
    return request_spec.read_guest(
        objects.RequestSpec(
            numa_topology=hardware.numa_get_constraints(flavor, image),
            pci_requests=boot_request.pci_requests(flavor, image, ()),
        )
    )


def plain(guest):
    """All of a guest but what Nova names anew."""
    return (
        guest.cells,
        guest.emulator_isolated,
        [
            (device.count, device.specs, device.policy)
            for device in guest.devices
        ],
    )


@pytest.mark.parametrize(
    ('specs', 'changes'),
    [
        (
            HUGE,
            {
                'hw:mem_page_size=4KB',
                'hw:mem_page_size=2MB',
                'hw:mem_page_size=any',
                'hw:numa_nodes=2',
            },
        ),
        (
            {**HUGE, 'hw:numa_nodes': '2', 'hw:mem_page_size': 'any'},
            {
                'hw:mem_page_size=4KB',
                'hw:mem_page_size=2MB',
                'hw:mem_page_size=1GB',
                'hw:numa_nodes=1',
            },
        ),
        (
            {
                'hw:cpu_policy': 'dedicated',
                'hw:cpu_thread_policy': 'require',
                'hw:emulator_threads_policy': 'isolate',
            },
            {
                'hw:cpu_thread_policy=prefer',
                'hw:emulator_threads_policy=share',
                'hw:numa_nodes=2',
            },
        ),
        (
            {
                'hw:numa_nodes': '1',
                'pci_passthrough:alias': 'nic:1',
                'hw:pci_numa_affinity_policy': 'required',
            },
            {
                'hw:pci_numa_affinity_policy=socket',
                'hw:pci_numa_affinity_policy=preferred',
                'hw:numa_nodes=2',
            },
        ),
        ({}, set()),
    ],
)
def test_variants_are_what_nova_makes_of_the_changed_flavor(specs, changes):
    by_change = {
        alternative.change: alternative
        for alternative in alternatives(guest_of(specs), SIZES)
    }
    assert set(by_change) == changes
    for change, alternative in by_change.items():
        name, _, value = change.partition('=')
        assert plain(alternative.guest) == plain(
            guest_of({**specs, name: value})
        )
        assert plain(alternative.guest) != plain(guest_of(specs))


def test_a_page_size_that_does_not_divide_the_memory_is_left_out():
    flavor = boot_request.flavor_of(
        None,
        'f',
        vcpus=1,
        ram_mib=2050,
        disk_gib=1,
        extra_specs={'hw:mem_page_size': '2MB'},
    )
    changes = {
        alternative.change
        for alternative in alternatives(flavors.guest_of(flavor), SIZES)
    }
    assert 'hw:mem_page_size=1GB' not in changes
    assert 'hw:mem_page_size=4KB' in changes


def test_sizes_read_as_flavors_have_them():
    assert [spec_size(size) for size in (4, 64, *SIZES[1:])] == [
        '4KB',
        '64KB',
        '2MB',
        '1GB',
    ]
