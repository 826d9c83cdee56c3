"""What a tenant asks for, as nova-api and nova-conductor hand it on."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from nova import objects
from nova.pci import request as pci_request
from nova.virt import hardware
from oslo_utils import uuidutils

_VNIC_DEVICE_TYPES = {'direct': None, 'direct-physical': 'type-PF'}


@dataclasses.dataclass(frozen=True, slots=True)
class Port:
    """A neutron port of a guest.

    ``vnic_type`` is ``normal`` (vSwitch), ``direct`` (a VF) or
    ``direct-physical`` (a whole port). ``numa_policy`` is that of the port;
    None leaves it to flavor and image.
    """

    physnet: str | None = None
    vnic_type: str = 'direct'
    numa_policy: str | None = None
    tunneled: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Flavor:
    """A flavor, with the ports that its guests usually get."""

    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int = 20
    extra_specs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    about: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """A server group; the record in Nova's database is made by the cloud."""

    uuid: str
    name: str
    policy: str


def nova_flavor(context: Any, flavor: Flavor) -> Any:
    """Return the ``objects.Flavor`` of a flavor."""
    return objects.Flavor(
        context,
        id=1,
        flavorid=flavor.name,
        name=flavor.name,
        vcpus=flavor.vcpus,
        memory_mb=flavor.ram_mib,
        root_gb=flavor.disk_gib,
        ephemeral_gb=0,
        swap=0,
        rxtx_factor=1.0,
        vcpu_weight=0,
        disabled=False,
        is_public=True,
        description=None,
        extra_specs=dict(flavor.extra_specs),
    )


def nova_image(properties: Mapping[str, str] | None = None) -> Any:
    """Return the ``objects.ImageMeta`` of an image with these properties."""
    return objects.ImageMeta.from_dict(
        {
            'id': uuidutils.generate_uuid(),
            'name': 'image',
            'status': 'active',
            'min_ram': 0,
            'min_disk': 0,
            'disk_format': 'qcow2',
            'container_format': 'bare',
            'size': 1,
            'properties': dict(properties or {}),
        }
    )


def pci_requests(flavor: Any, image: Any, ports: Sequence[Port]) -> Any:
    """Return the ``objects.InstancePCIRequests`` of flavor and ports.

    As nova.compute.api does for the flavor, and for ports
    ``create_resource_requests`` of nova.network.neutron.
    """
    policy = hardware.get_pci_numa_policy_constraint(flavor, image)
    found = pci_request.get_pci_requests_from_flavor(flavor, policy)
    for port in ports:
        if port.vnic_type not in _VNIC_DEVICE_TYPES:
            continue
        spec = {'physical_network': port.physnet, 'remote_managed': 'False'}
        if dev_type := _VNIC_DEVICE_TYPES[port.vnic_type]:
            spec['dev_type'] = dev_type
        request = objects.InstancePCIRequest(
            count=1,
            spec=[spec],
            request_id=uuidutils.generate_uuid(),
            requester_id=uuidutils.generate_uuid(),
        )
        if wanted := port.numa_policy or policy:
            request.numa_policy = wanted
        found.requests.append(request)
    return found


def request_spec(  # noqa: PLR0913 - all that a tenant may say
    context: Any,
    flavor: Flavor,
    *,
    ports: Sequence[Port] | None = None,
    image: Mapping[str, str] | None = None,
    group: Any = None,
    hints: Mapping[str, Any] | None = None,
    uuids: Sequence[str] = (),
) -> Any:
    """Return the ``objects.RequestSpec`` that nova-conductor schedules.

    :param ports: instead of the flavor's own
    :param image: image properties
    :param group: an ``objects.InstanceGroup``
    :param hints: scheduler hints, each a text or a list of them
    :param uuids: of the instances to come, one if left out
    :raises nova.exception.NovaException: Nova refuses such a guest
    """
    wanted = flavor.ports if ports is None else tuple(ports)
    nova_meta = nova_image(image)
    real_flavor = nova_flavor(context, flavor)
    instances = list(uuids) or [uuidutils.generate_uuid()]
    requests = pci_requests(real_flavor, nova_meta, wanted)
    requests.instance_uuid = instances[0]
    spec = objects.RequestSpec.from_components(
        context,
        instances[0],
        nova_meta,
        real_flavor,
        hardware.numa_get_constraints(real_flavor, nova_meta),
        requests,
        filter_properties={'scheduler_hints': dict(hints or {})},
        instance_group=group,
        availability_zone=None,
    )
    spec.num_instances = len(instances)
    if wanted:
        spec.network_metadata = objects.NetworkMetadata(
            physnets={port.physnet for port in wanted if port.physnet},
            tunneled=any(port.tunneled for port in wanted),
        )
    return spec
