"""Hypothetical ports, beside what Nova makes of neutron's ports."""

from unittest import mock

from nova import context as nova_context
from nova.accelerator import cyborg
from nova.network import model as network_model
from nova.network import neutron
from nova.objects import network_request
from nova.objects import request_spec as nova_request_spec
import pytest

from nfv_sched.nova import boot_ports
from nfv_sched.nova import boot_request
from nfv_sched.nova.boot_ports import Port


@pytest.mark.parametrize(
    ('text', 'port'),
    [
        ('physnet1', Port('physnet1')),
        ('physnet1:normal', Port('physnet1', 'normal')),
        (
            'physnet1:macvtap:required',
            Port('physnet1', 'macvtap', 'required'),
        ),
        (':direct', Port()),
        (
            'physnet=dc:a,vnic_type=vdpa,trusted=true,egress_kbps=7',
            Port('dc:a', 'vdpa', trusted=True, egress_kbps=7),
        ),
        ('tunneled=true,vnic_type=normal', Port(None, 'normal', None, True)),
        ('trusted=no', Port(trusted=False)),
        (
            'physnet=a,vnic_type=accelerator-direct,accelerator=FPGA+CUSTOM_X',
            Port('a', 'accelerator-direct', accelerator='FPGA+CUSTOM_X'),
        ),
    ],
)
def test_ports_in_words(text, port):
    assert boot_ports.port_of(text) == port


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('physnet1:virtio', 'virtio is none of normal, direct, macvtap'),
        ('physnet1:direct:near', 'near is none of required'),
        ('physnet=a,vnic=direct', 'vnic is none of physnet, vnic_type'),
        ('physnet=a,trusted', "'trusted' is not NAME=VALUE"),
        ('trusted=perhaps', 'perhaps'),
        ('egress_kbps=-1', "'-1' is no number"),
        ('a:accelerator-direct', 'needs accelerator=CLASS, what its device'),
        ('a:accelerator-direct-physical', 'needs accelerator=CLASS'),
        ('accelerator=FPGA', 'accelerator=FPGA needs one of vnic_type=accel'),
        ('vnic_type=accelerator-direct,accelerator=fpga', 'is not CLASS or'),
    ],
)
def test_ports_that_are_wrong(text, words):
    with pytest.raises(ValueError, match=words):
        boot_ports.port_of(text)


def flavor():
    return boot_request.flavor_of(
        None, 'f', vcpus=2, ram_mib=1, disk_gib=0, extra_specs={}
    )


#: As Cyborg's API shows one.
PROFILE = {
    'name': 'profile',
    'groups': [
        {
            'resources:FPGA': '1',
            'trait:CUSTOM_FPGA_INTEL_PAC_ARRIA10': 'required',
            'accel:bitstream_id': '91c9',
        }
    ],
}
ACCELERATOR = 'FPGA+CUSTOM_FPGA_INTEL_PAC_ARRIA10'
ACCELERATED = network_model.VNIC_TYPES_ACCELERATOR


def of_nova(port, resource_request):
    """What Nova's own code makes of such a port."""
    uuid = 'd9d5c6e2-9d0e-4a0e-8d3e-0f3b8a6b3c11'
    api = neutron.API()
    devices = boot_ports.pci_requests(flavor(), boot_request.image_of(), ())
    networks = network_request.NetworkRequestList(
        objects=[network_request.NetworkRequest(port_id=uuid)]
    )
    info = (
        port.vnic_type,
        port.trusted,
        'network',
        resource_request,
        port.numa_policy,
        'profile' if port.accelerator else None,
    )
    with (
        mock.patch.object(neutron, 'get_client'),
        # Nova 33 and older look for Cyborg's address at once.
        mock.patch.object(cyborg._CyborgClient, '__init__', return_value=None),
        mock.patch.object(
            cyborg._CyborgClient,
            '_get_device_profile_list',
            return_value=[PROFILE],
        ),
        mock.patch.object(
            api, 'has_extended_resource_request_extension', return_value=False
        ),
        mock.patch.object(api, '_get_port_vnic_info', return_value=info),
        mock.patch.object(
            api,
            '_get_physnet_tunneled_info',
            return_value=(port.physnet, port.tunneled),
        ),
    ):
        metadata, groups, _ = api.create_resource_requests(
            None, networks, devices
        )
    return uuid, metadata, groups, devices


def accelerator_of(vnic_type):
    return ACCELERATOR if vnic_type in ACCELERATED else None


def test_every_vnic_type_of_nova_can_be_described():
    theirs = {
        value
        for name, value in vars(network_model).items()
        if name.startswith('VNIC_TYPE_')
    }
    # Instances of Ironic have no NUMA topology.
    assert set(boot_ports.VNIC_TYPES) == theirs - {'baremetal'}


@pytest.mark.parametrize('vnic_type', ACCELERATED)
def test_groups_of_accelerators_are_those_of_nova(vnic_type):
    port = Port('a', vnic_type, accelerator=ACCELERATOR)
    uuid, metadata, [group], _ = of_nova(port, None)
    [ours] = boot_ports.port_groups([port, Port('b')], [uuid, 'other'])
    for name in (
        *('resources', 'required_traits', 'forbidden_traits'),
        *('requester_id', 'use_same_provider'),
    ):
        assert getattr(ours, name) == getattr(group, name), name
    assert boot_ports.networks_of([port]).physnets == metadata.physnets


@pytest.mark.parametrize('vnic_type', boot_ports.VNIC_TYPES)
@pytest.mark.parametrize('trusted', [None, True, False])
def test_pci_requests_are_those_of_nova(vnic_type, trusted):
    port = Port(
        'physnet1',
        vnic_type,
        'required',
        trusted=trusted,
        accelerator=accelerator_of(vnic_type),
    )
    uuid, metadata, _, devices = of_nova(port, None)
    ours = boot_ports.pci_requests(
        flavor(), boot_request.image_of(), [port], [uuid]
    )

    def fields(requests):
        return [
            (
                request.count,
                request.spec,
                request.requester_id,
                request.numa_policy,
            )
            for request in requests.requests
        ]

    assert fields(ours) == fields(devices)
    assert boot_ports.networks_of([port]).physnets == metadata.physnets


def test_groups_of_bandwidth_are_those_of_nova():
    port = Port('dc:a', 'direct', egress_kbps=1000, ingress_kbps=2000)
    # As neutron's API shows such a port.
    resource_request = {
        'resources': {
            'NET_BW_EGR_KILOBIT_PER_SEC': 1000,
            'NET_BW_IGR_KILOBIT_PER_SEC': 2000,
        },
        'required': ['CUSTOM_PHYSNET_DC_A', 'CUSTOM_VNIC_TYPE_DIRECT'],
    }
    uuid, _, [group], _ = of_nova(port, resource_request)
    [ours] = boot_ports.bandwidth_groups([port], [uuid])
    for name in ('resources', 'required_traits', 'requester_id'):
        assert getattr(ours, name) == getattr(group, name), name
    assert ours.use_same_provider
    assert isinstance(ours, nova_request_spec.RequestGroup)


def test_the_request_has_the_groups_of_its_ports():
    ports = [Port('a', egress_kbps=5), Port('b'), Port('c', 'normal')]
    spec = boot_request.request_spec(
        nova_context.get_admin_context(),
        boot_request.BootRequest(flavor(), ports=ports),
    )
    [group] = spec.requested_resources
    assert group.resources == {'NET_BW_EGR_KILOBIT_PER_SEC': 5}
    requesters = [r.requester_id for r in spec.pci_requests.requests]
    assert group.requester_id == requesters[0]
    assert len(requesters) == 2
    assert spec.network_metadata.physnets == {'a', 'b', 'c'}


def test_without_a_minimum_there_is_no_group():
    assert boot_ports.bandwidth_groups([Port('a')], ['u']) == []
