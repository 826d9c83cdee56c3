"""Guests as Nova derives them from flavors, images, aliases and ports."""

import json
import types
import uuid

from nova import objects
from nova.pci import request as pci_request
from nova.virt import hardware
import pytest

from nfv_sched.model import DeviceRequest
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import NodeChoice
from nfv_sched.model import PAGES_ANY
from nfv_sched.model import PAGES_LARGE
from nfv_sched.model import PAGES_SMALL
from nfv_sched.nova import request_spec
from nfv_sched.scheduler import cycle

GIB = 1024 * 1024
ALIAS = {
    'name': 'crypto',
    'vendor_id': '8086',
    'product_id': '154c',
    'device_type': 'type-VF',
    'numa_policy': 'preferred',
}


def flavor(vcpus=4, ram=4096, **extra_specs):
    return objects.Flavor(
        vcpus=vcpus,
        memory_mb=ram,
        root_gb=1,
        ephemeral_gb=0,
        swap=0,
        extra_specs={
            name.replace('__', ':').replace('_DOT_', '.'): value
            for name, value in extra_specs.items()
        },
    )


def request(wanted, image=None, devices=(), **fields):
    meta = objects.ImageMeta.from_dict({'properties': image or {}})
    return objects.RequestSpec(
        **{
            'flavor': wanted,
            'image': meta,
            'numa_topology': hardware.numa_get_constraints(wanted, meta),
            'pci_requests': objects.InstancePCIRequests(
                requests=list(devices)
            ),
            'network_metadata': objects.NetworkMetadata(
                physnets=set(), tunneled=False
            ),
            **fields,
        }
    )


def guest(wanted, image=None, **fields):
    return request_spec.read_guest(request(wanted, image, **fields))


def only_cell(**extra_specs):
    (cell,) = guest(flavor(**extra_specs)).cells
    return cell


def test_a_plain_flavor_asks_for_nothing():
    assert guest(flavor()) == Guest()
    assert guest(flavor()).asks_nothing


def test_numa_nodes_split_cpus_and_memory_evenly():
    assert guest(flavor(hw__numa_nodes='2')).cells == (
        GuestCell(0, 2048, shared=frozenset({0, 1})),
        GuestCell(1, 2048, shared=frozenset({2, 3})),
    )


def test_unequal_cells():
    read = guest(
        flavor(
            hw__numa_nodes='2',
            hw__numa_cpus_DOT_0='0',
            hw__numa_cpus_DOT_1='1-3',
            hw__numa_mem_DOT_0='1024',
            hw__numa_mem_DOT_1='3072',
        )
    )
    assert [(c.shared, c.memory_mib) for c in read.cells] == [
        ({0}, 1024),
        ({1, 2, 3}, 3072),
    ]


@pytest.mark.parametrize('policy', ['prefer', 'require', 'isolate'])
def test_dedicated_cpus_and_thread_policy(policy):
    cell = only_cell(hw__cpu_policy='dedicated', hw__cpu_thread_policy=policy)
    assert (cell.shared, cell.dedicated) == (set(), {0, 1, 2, 3})
    assert (cell.cpu_policy, cell.thread_policy) == ('dedicated', policy)


def test_mixed_cpus_by_mask():
    cell = only_cell(hw__cpu_policy='mixed', hw__cpu_dedicated_mask='0-1')
    assert (cell.shared, cell.dedicated) == ({2, 3}, {0, 1})
    assert cell.pinned


def test_realtime_cpus_of_a_mixed_guest_are_dedicated():
    cell = only_cell(
        hw__cpu_policy='mixed',
        hw__cpu_realtime='yes',
        hw__cpu_realtime_mask='^0-1',
    )
    assert (cell.shared, cell.dedicated) == ({0, 1}, {2, 3})


def test_a_shared_guest_with_pages_has_a_cell_but_pins_nothing():
    cell = only_cell(hw__cpu_policy='shared', hw__mem_page_size='2048')
    assert (cell.cpu_policy, cell.page_size) == ('shared', 2048)
    assert not cell.pinned


@pytest.mark.parametrize(
    ('text', 'page_size'),
    [
        ('small', PAGES_SMALL),
        ('large', PAGES_LARGE),
        ('any', PAGES_ANY),
        ('2MB', 2048),
        ('1GB', GIB),
        ('2048', 2048),
    ],
)
def test_page_sizes(text, page_size):
    assert only_cell(hw__mem_page_size=text).page_size == page_size


def test_the_image_asks_too():
    read = guest(
        flavor(hw__mem_page_size='any'),
        {'hw_cpu_policy': 'dedicated', 'hw_mem_page_size': '1GB'},
    )
    (cell,) = read.cells
    assert (cell.cpu_policy, cell.page_size) == ('dedicated', GIB)


@pytest.mark.parametrize(
    ('policy', 'isolated'), [('isolate', True), ('share', False)]
)
def test_emulator_threads(policy, isolated):
    read = guest(
        flavor(hw__cpu_policy='dedicated', hw__emulator_threads_policy=policy)
    )
    assert read.emulator_isolated is isolated


def test_devices_by_alias(nova_options):
    nova_options.set_override('alias', [json.dumps(ALIAS)], 'pci')
    wanted = flavor(pci_passthrough__alias='crypto:2')
    requests = pci_request.get_pci_requests_from_flavor(wanted)
    (device,) = guest(wanted, devices=requests.requests).devices
    assert (device.count, device.policy) == (2, 'preferred')
    assert not device.from_port
    assert device.request_id == requests.requests[0].request_id
    assert device.specs[0]['product_id'] == '154c'


def test_the_flavors_affinity_policy_overrides_the_aliass(nova_options):
    nova_options.set_override('alias', [json.dumps(ALIAS)], 'pci')
    wanted = flavor(
        pci_passthrough__alias='crypto:1',
        hw__pci_numa_affinity_policy='required',
    )
    requests = pci_request.get_pci_requests_from_flavor(
        wanted,
        affinity_policy=hardware.get_pci_numa_policy_constraint(
            wanted, objects.ImageMeta.from_dict({})
        ),
    )
    (device,) = guest(wanted, devices=requests.requests).devices
    assert device.policy == 'required'


def test_devices_by_port():
    number = str(uuid.uuid4())
    port = objects.InstancePCIRequest(
        count=1,
        spec=[{'physical_network': 'net', 'remote_managed': 'False'}],
        request_id=number,
        alias_name=None,
        numa_policy=None,
    )
    assert guest(flavor(), devices=[port]).devices == (
        DeviceRequest(
            count=1,
            specs=({'physical_network': 'net', 'remote_managed': 'False'},),
            policy='legacy',
            request_id=number,
            from_port=True,
        ),
    )


def test_providers_that_placement_has_chosen():
    chosen = objects.InstancePCIRequest(
        count=2,
        spec=[{'vendor_id': '8086', 'rp_uuids': 'a,b'}],
        alias_name='crypto',
        request_id=str(uuid.uuid4()),
    )
    (device,) = guest(flavor(), devices=[chosen]).devices
    assert device.rp_uuids == ('a', 'b')


def test_networks():
    read = guest(
        flavor(),
        network_metadata=objects.NetworkMetadata(
            physnets={'net'}, tunneled=True
        ),
    )
    assert (read.physnets, read.tunneled) == ({'net'}, True)


def test_a_request_from_before_network_metadata():
    spec = request(flavor())
    delattr(spec, '_obj_network_metadata')
    assert request_spec.read_guest(spec) == Guest()


def test_the_topology_is_restored_until_the_flavor_changes():
    spec = request(flavor(hw__mem_page_size='any'))
    first = cycle.begin(spec)
    spec.numa_topology.cells[0].pagesize = GIB
    spec.numa_topology = None
    assert cycle.begin(spec) is first
    assert spec.numa_topology.cells[0].pagesize == PAGES_ANY
    spec.flavor = flavor()
    spec.numa_topology = None
    assert cycle.begin(spec).original.guest == Guest()


def test_limits_with_chosen_nodes_leave_the_request_alone():
    """What the request holds is stored, and would bind later moves."""
    network = objects.NetworkMetadata(physnets={'net'}, tunneled=True)
    spec = request(flavor(), network_metadata=network)
    original = request_spec.OriginalRequest.of(spec)
    state = types.SimpleNamespace(
        cpu_allocation_ratio=None, ram_allocation_ratio=None
    )
    choice = NodeChoice(excluded=frozenset({1}))
    limits = original.limits(spec, state, choice).network_metadata
    assert (limits.physnets, limits.tunneled) == ({'net', 'nfv-not-1'}, True)
    assert network.physnets == {'net'}
    for other in None, NodeChoice():
        limits = original.limits(spec, state, other).network_metadata
        assert limits is network
