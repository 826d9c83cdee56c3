"""Hypothetical ports, beside what Nova makes of neutron's ports."""

from unittest import mock

from nova import context as nova_context
from nova.network import neutron
from nova.objects import network_request
from nova.objects import request_spec as nova_request_spec
import pytest

from nfv_sched.nova import boot_request
from nfv_sched.nova.boot_request import Port


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
    ],
)
def test_ports_in_words(text, port):
    assert boot_request.port_of(text) == port


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('physnet1:virtio', 'virtio is none of normal, direct, macvtap'),
        ('physnet1:direct:near', 'near is none of required'),
        ('physnet=a,vnic=direct', 'vnic is none of physnet, vnic_type'),
        ('physnet=a,trusted', "'trusted' is not NAME=VALUE"),
        ('trusted=perhaps', 'perhaps'),
        ('egress_kbps=-1', "'-1' is no number"),
        ('a:accelerator-direct', 'accelerator-direct is none of'),
    ],
)
def test_ports_that_are_wrong(text, words):
    with pytest.raises(ValueError, match=words):
        boot_request.port_of(text)


def flavor():
    return boot_request.flavor_of(
        None, 'f', vcpus=2, ram_mib=1, disk_gib=0, extra_specs={}
    )


def of_nova(port, resource_request):
    """What Nova's own code makes of such a port."""
    uuid = 'd9d5c6e2-9d0e-4a0e-8d3e-0f3b8a6b3c11'
    api = neutron.API()
    devices = boot_request.pci_requests(flavor(), boot_request.image_of(), ())
    networks = network_request.NetworkRequestList(
        objects=[network_request.NetworkRequest(port_id=uuid)]
    )
    info = (
        port.vnic_type,
        port.trusted,
        'network',
        resource_request,
        port.numa_policy,
        None,
    )
    with (
        mock.patch.object(neutron, 'get_client'),
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


@pytest.mark.parametrize('vnic_type', boot_request.VNIC_TYPES)
@pytest.mark.parametrize('trusted', [None, True, False])
def test_pci_requests_are_those_of_nova(vnic_type, trusted):
    port = Port('physnet1', vnic_type, 'required', trusted=trusted)
    uuid, metadata, _, devices = of_nova(port, None)
    ours = boot_request.pci_requests(
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
    assert boot_request.networks_of([port]).physnets == metadata.physnets


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
    [ours] = boot_request.bandwidth_groups([port], [uuid])
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
    assert boot_request.bandwidth_groups([Port('a')], ['u']) == []
