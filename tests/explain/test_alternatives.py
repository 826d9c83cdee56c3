"""An alternative is the request that Nova makes of what was changed."""

import dataclasses
import json

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from nova import context as nova_context
from nova import objects
import nova.conf
from nova.pci import request as pci_request
import pytest

from nfv_sched.explain import commands
from nfv_sched.explain.alternatives import alternatives
from nfv_sched.explain.alternatives import Harm
from nfv_sched.nova import boot_request
from nfv_sched.nova import request_spec
from nfv_sched.nova import request_template
from nfv_sched.nova.boot_ports import Port
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.boot_request import BootRequest
from nfv_sched.nova.request_template import Origin
from nfv_sched_testing.budgets import examples

SIZES = (4, 2048, 1048576)
HUGE = {'hw:cpu_policy': 'dedicated', 'hw:mem_page_size': '1GB'}
CONTEXT = nova_context.get_admin_context()
REQUIRED = {'hw:pci_numa_affinity_policy': 'required'}


@pytest.fixture(autouse=True)
def alias(nova_options):
    nic = {'name': 'nic', 'vendor_id': '8086', 'product_id': '1572'}
    near = {**nic, 'name': 'near', 'numa_policy': 'required'}
    values = [json.dumps(nic), json.dumps(near)]
    nova.conf.CONF.set_override('alias', values, 'pci')
    pci_request.get_alias_from_config.cache_clear()
    yield
    pci_request.get_alias_from_config.cache_clear()


def boot(specs, image=None, ports=(), ram_mib=4096, **values):
    flavor = boot_request.flavor_of(
        None, 'f', vcpus=4, ram_mib=ram_mib, disk_gib=1, extra_specs=specs
    )
    return BootRequest(
        flavor,
        image=image or {},
        ports=ports,
        **{'flavor_name': 'f', 'image_id': 'i' if image else '', **values},
    )


def template_of(*args, **values):
    return request_template.of_boot(CONTEXT, boot(*args, **values))


def suggested(template):
    """The commands of alternatives, in their order."""
    return [
        '; '.join(commands.of_edits(template, alternative.edits))
        for alternative in alternatives(template, SIZES)
    ]


def set_flavor(*settings):
    return [f'openstack flavor set --property {each} f' for each in settings]


@pytest.mark.parametrize(
    ('specs', 'changes'),
    [
        (
            HUGE,
            [
                'hw:mem_page_size=2MB',
                'hw:mem_page_size=large',
                'hw:numa_nodes=2',
                'hw:mem_page_size=4KB',
                'hw:mem_page_size=any',
            ],
        ),
        (
            {**HUGE, 'hw:numa_nodes': '2', 'hw:mem_page_size': 'any'},
            [
                'hw:mem_page_size=2MB',
                'hw:mem_page_size=1GB',
                'hw:numa_nodes=1',
                'hw:mem_page_size=4KB',
            ],
        ),
        (
            {
                'hw:cpu_policy': 'dedicated',
                'hw:cpu_thread_policy': 'require',
                'hw:emulator_threads_policy': 'isolate',
            },
            [
                'hw:mem_page_size=large',
                'hw:emulator_threads_policy=share',
                'hw:cpu_thread_policy=prefer',
                'hw:numa_nodes=2',
            ],
        ),
        (
            {
                'hw:numa_nodes': '1',
                'pci_passthrough:alias': 'nic:1',
                **REQUIRED,
            },
            [
                'hw:mem_page_size=large',
                'hw:numa_nodes=2',
                'hw:pci_numa_affinity_policy=socket',
                'hw:pci_numa_affinity_policy=preferred',
            ],
        ),
        (
            # The alias has the policy; that of a flavor counts before it.
            {'hw:numa_nodes': '1', 'pci_passthrough:alias': 'near:1'},
            [
                'hw:mem_page_size=large',
                'hw:numa_nodes=2',
                'hw:pci_numa_affinity_policy=socket',
                'hw:pci_numa_affinity_policy=preferred',
            ],
        ),
        ({}, []),
    ],
)
def test_changes_of_a_flavor_are_listed_by_harm(specs, changes):
    assert suggested(template_of(specs)) == set_flavor(*changes)


def test_a_thread_policy_by_trait_goes_with_the_trait():
    specs = {
        'hw:cpu_policy': 'dedicated',
        'trait:HW_CPU_HYPERTHREADING': 'forbidden',
    }
    assert (
        'openstack flavor unset --property trait:HW_CPU_HYPERTHREADING f'
        in suggested(template_of(specs))
    )


def test_what_the_image_asks_is_changed_in_the_image():
    """Nova refuses hw:numa_nodes beside it (ImageNUMATopologyForbidden)."""
    template = template_of(HUGE, {'hw_numa_nodes': '1'})
    found = suggested(template)
    assert 'openstack image set --property hw_numa_nodes=2 i' in found
    assert not any('hw:numa_nodes' in each for each in found)
    # Of an image that may only choose among what its flavor allows, too.
    specs = {**HUGE, 'hw:mem_page_size': 'large'}
    found = suggested(template_of(specs, {'hw_mem_page_size': '1GB'}))
    assert 'openstack image set --property hw_mem_page_size=2MB i' in found


def test_what_both_ask_is_changed_in_both():
    specs = {**REQUIRED, 'pci_passthrough:alias': 'nic:1', **HUGE}
    image = {'hw_pci_numa_affinity_policy': 'required'}
    template = template_of(specs, image)
    assert (
        'openstack flavor set --property hw:pci_numa_affinity_policy=preferred'
        ' f; openstack image unset --property hw_pci_numa_affinity_policy i'
    ) in suggested(template)


def test_what_ports_ask_is_changed_in_the_ports():
    """Nova takes the policy of the port first."""
    ports = [Port('net', numa_policy='required')] * 5
    found = suggested(template_of(HUGE, ports=ports))
    assert '; '.join(['--port net:direct:preferred'] * 5) in found
    assert not any('hw:pci_numa_affinity_policy' in each for each in found)
    # The flavor decides for the ports without a policy only.
    ports = [Port('net', numa_policy='required'), Port('net')]
    template = template_of({**HUGE, **REQUIRED}, ports=ports)
    found = suggested(template)
    [flavor] = set_flavor('hw:pci_numa_affinity_policy=preferred')
    port = '--port net:direct:preferred'
    assert {flavor, port, f'{flavor}; {port}'} <= set(found)


class Neutron:
    """What nova.network.neutron makes of a port with a policy and another."""

    def create_resource_requests(
        self, context, wanted, devices, affinity_policy=None
    ):
        for network, own in zip(wanted, ('required', None), strict=True):
            request = objects.InstancePCIRequest(
                count=1,
                spec=[{'physical_network': 'net'}],
                request_id=network.port_id,
                requester_id=network.port_id,
            )
            if policy := own or affinity_policy:
                request.numa_policy = policy
            devices.requests.append(request)
        metadata = objects.NetworkMetadata(physnets={'net'}, tunneled=False)
        return metadata, [], objects.RequestLevelParams()


def test_ports_of_neutron_keep_their_own_policy_apart(monkeypatch):
    monkeypatch.setattr(boot_request.neutron, 'API', Neutron)
    uuids = ['p1', 'p2']
    template = template_of({**HUGE, **REQUIRED}, port_uuids=uuids)
    assert [port.policy for port in template.ports] == ['required', None]
    # As Nova has it.
    devices = request_spec.read_guest(template.spec).devices
    assert [device.policy for device in devices] == ['required', 'required']
    [flavor] = set_flavor('hw:pci_numa_affinity_policy=preferred')
    port = 'openstack port set --numa-policy-preferred p1'
    found = suggested(template)
    assert {flavor, port, f'{flavor}; {port}'} <= set(found)


def test_a_stored_request_leaves_open_who_set_the_policy_of_a_port():
    """The port's own counts in any case."""
    ports = [Port('net')]
    specs = {**HUGE, **REQUIRED, 'pci_passthrough:alias': 'nic:1'}
    made = template_of(specs, {'hw_machine_type': 'q35'}, ports=ports)
    template = request_template.of_stored(made.spec)
    [port] = template.ports
    flavor = 'openstack flavor set --property hw:pci_numa_affinity_policy='
    found = suggested(template)
    assert f'openstack port set --numa-policy-preferred {port.uuid}' in found
    assert (
        f'{flavor}preferred f; openstack port set --numa-policy-preferred '
        f'{port.uuid}'
    ) in found


def test_what_was_typed_is_typed_again():
    template = template_of(
        {**HUGE, 'hw:numa_nodes': '1'},
        {'hw_cpu_thread_policy': 'isolate'},
        typed=frozenset(('hw:numa_nodes', 'hw_cpu_thread_policy')),
    )
    found = suggested(template)
    assert '--extra-spec hw:numa_nodes=2' in found
    assert '--image-property hw_cpu_thread_policy=prefer' in found


def test_hints_may_be_left_out():
    hints = {'different_host': ['a', 'b'], 'group': ['g']}
    template = template_of(HUGE, hints=hints)
    assert [each for each in suggested(template) if 'hint' in each] == [
        'openstack server create without --hint different_host=a --hint '
        'different_host=b'
    ]


def test_an_instance_that_moves_keeps_what_it_booted_with():
    made = template_of({**HUGE, **REQUIRED}, ports=[Port('net')])
    assert suggested(request_template.of_stored(made.spec, ())) == []
    resize = request_template.of_stored(
        made.spec, (Origin.FLAVOR,), 'resize_prep'
    )
    found = suggested(resize)
    assert set_flavor('hw:numa_nodes=2')[0] in found
    # API.resize makes the PCI requests without the policy of the flavor.
    assert not any('affinity_policy' in each for each in found)


def test_a_page_size_that_does_not_divide_the_memory_is_left_out():
    specs = {'hw:mem_page_size': '2MB'}
    found = suggested(template_of(specs, ram_mib=2050))
    assert not any('1GB' in each for each in found)
    assert set_flavor('hw:mem_page_size=4KB')[0] in found


def test_sizes_read_as_flavors_have_them():
    assert [
        request_template.size_text(size) for size in (4, 64, *SIZES[1:])
    ] == [
        '4KB',
        '64KB',
        '2MB',
        '1GB',
    ]


def test_every_constraint_says_where_it_is_from():
    template = template_of(
        {**HUGE, 'pci_passthrough:alias': 'near:1'},
        {'hw_numa_nodes': '1'},
        [Port('net', numa_policy='required')],
        hints={'same_host': ['a']},
    )
    [port] = template.ports
    assert {
        (constraint.origin, constraint.owner, constraint.name)
        for constraint in template.constraints()
    } == {
        (Origin.FLAVOR, 'f', 'hw:cpu_policy'),
        (Origin.FLAVOR, 'f', 'hw:mem_page_size'),
        (Origin.FLAVOR, 'f', 'pci_passthrough:alias'),
        (Origin.IMAGE, 'i', 'hw_numa_nodes'),
        (Origin.PORT, port.uuid, 'numa_affinity_policy'),
        (Origin.ALIAS, 'near', 'numa_policy'),
        (Origin.HINT, '', 'same_host'),
    }


def some(**choices):
    """Dictionaries of some names, each with one of its values."""
    return st.fixed_dictionaries(
        {},
        optional={
            name.replace('__', ':'): st.sampled_from(values)
            for name, values in choices.items()
        },
    )


POLICIES = ('required', 'socket', 'legacy', 'preferred')
SPECS = some(
    hw__cpu_policy=('dedicated', 'shared'),
    hw__cpu_thread_policy=('prefer', 'require', 'isolate'),
    hw__emulator_threads_policy=('isolate', 'share'),
    hw__mem_page_size=('small', 'large', 'any', '2MB', '1GB'),
    hw__numa_nodes=('1', '2', '4'),
    hw__pci_numa_affinity_policy=POLICIES,
    pci_passthrough__alias=('nic:1', 'near:2', 'nic:1,near:1'),
    nfv__pcie=('same', 'same:required'),
)
IMAGES = some(
    hw_cpu_policy=('dedicated', 'shared'),
    hw_cpu_thread_policy=('prefer', 'require', 'isolate'),
    hw_mem_page_size=('large', '2MB', '1GB'),
    hw_numa_nodes=('1', '2'),
    hw_pci_numa_affinity_policy=POLICIES,
)
PORTS = st.lists(
    st.builds(
        Port,
        st.sampled_from(('a', 'b')),
        st.sampled_from(('normal', 'direct', 'macvtap')),
        st.sampled_from((None, *POLICIES)),
    ),
    max_size=3,
)


def plain(guest):
    """All of a guest but what Nova names anew."""
    return dataclasses.replace(
        guest,
        devices=tuple(
            dataclasses.replace(device, request_id=None, rp_uuids=())
            for device in guest.devices
        ),
    )


def applied(request, template, edits):
    """The request of a boot after what commands change."""
    specs = dict(request.flavor.extra_specs)
    image = dict(request.image)
    uuids = list(template.by_hand)
    ports = list(request.ports)
    for edit in edits:
        if edit.origin is Origin.PORT:
            place = uuids.index(edit.owner)
            ports[place] = dataclasses.replace(
                ports[place], numa_policy=edit.value
            )
            continue
        values = specs if edit.origin is Origin.FLAVOR else image
        values.pop(edit.name, None)
        if edit.value is not None:
            values[edit.name] = edit.value
    return boot(specs, image, ports)


@given(specs=SPECS, image=IMAGES, ports=PORTS)
@settings(max_examples=examples(2000))
def test_an_alternative_is_what_nova_makes_of_the_changed_parts(
    specs, image, ports
):
    request = boot(specs, image, ports)
    try:
        template = request_template.of_boot(CONTEXT, request)
    except BadRequestError:
        return
    harms = []
    for alternative in alternatives(template, SIZES):
        changed = applied(request, template, alternative.edits)
        # Nova accepts it.
        spec = boot_request.request_spec(CONTEXT, changed)
        guest = request_spec.read_guest(spec)
        assert plain(guest) == plain(alternative.guest)
        assert plain(guest) != plain(request_spec.read_guest(template.spec))
        harms.append(alternative.harm)
        if alternative.harm < Harm.SMALL_PAGES and guest.cells:
            asked = request_spec.read_guest(template.spec).cells[0].page_size
            assert guest.cells[0].page_size in (asked, -2, -3, *SIZES[1:])
    assert harms == sorted(harms)
