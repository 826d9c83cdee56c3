"""RequestSpecs as nova-api and nova-conductor make them."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any
import uuid

from nova import context as nova_context
from nova import exception
from nova import objects
import nova.conf
from nova.db.api import api as api_db
from nova.db.api import models as api_models
from nova.network import neutron
from nova.objects import instance_numa
from nova.pci import request as pci_request
from nova.scheduler import utils as scheduler_utils
from nova.virt import hardware
from oslo_serialization import jsonutils

from nfv_sched.nova import cell_databases
from nfv_sched.nova import compute_nodes
from nfv_sched.nova.types import RequestSpec

_VNIC_DEVICE_TYPES = {'direct': None, 'direct-physical': 'type-PF'}
_POLICIES = ('required', 'socket', 'legacy', 'preferred')


class BadRequestError(Exception):
    """Nova would refuse the request; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Port:
    """A neutron port of an instance.

    ``vnic_type`` is ``normal`` (vSwitch), ``direct`` (a VF) or
    ``direct-physical`` (a whole port). ``numa_policy`` is that of the port;
    None leaves it to flavor and image.
    """

    physnet: str | None = None
    vnic_type: str = 'direct'
    numa_policy: str | None = None
    tunneled: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class BootRequest:
    """The request for one instance.

    ``ports`` are hypothetical ports, ``port_uuids`` those that neutron
    has. ``project`` matters where hosts are kept for some projects.
    """

    flavor: Any
    image: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ports: Sequence[Port] = ()
    port_uuids: Sequence[str] = ()
    hints: Mapping[str, Sequence[str]] = dataclasses.field(
        default_factory=dict
    )
    group: str | None = None
    zone: str | None = None
    project: str | None = None


def port_of(text: str) -> Port:
    """A port in words: ``NETWORK[:VNIC TYPE[:POLICY]]``.

    :raises ValueError: says what is wrong
    """
    physnet, _, rest = text.partition(':')
    vnic, _, policy = rest.partition(':')
    vnic = vnic or 'direct'
    if vnic != 'normal' and vnic not in _VNIC_DEVICE_TYPES:
        raise ValueError(f'{vnic} is none of normal, direct, direct-physical')
    if policy and policy not in _POLICIES:
        raise ValueError(f'{policy} is none of {", ".join(_POLICIES)}')
    return Port(physnet or None, vnic, policy or None)


def init_without_conf() -> None:
    """Make Nova's objects of use where there is no nova.conf."""
    nova.conf.CONF([], project='nova', default_config_files=[])
    objects.register_all()


def is_uuid(text: str) -> bool:
    """Whether a text is a uuid."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def flavor_named(context: Any, name: str) -> Any:
    """The ``objects.Flavor`` of this name or id.

    :raises BadRequestError: there is none
    """
    for get in (objects.Flavor.get_by_name, objects.Flavor.get_by_flavor_id):
        try:
            return get(context, name)
        except exception.FlavorNotFound:
            continue
        except exception.FlavorNotFoundByName:
            continue
    raise BadRequestError(f'there is no flavor {name}')


def flavor_of(  # noqa: PLR0913 - all that there is to a flavor
    context: Any,
    name: str,
    *,
    vcpus: int,
    ram_mib: int,
    disk_gib: int,
    extra_specs: Mapping[str, str],
) -> Any:
    """A hypothetical flavor, which is not in the database."""
    return objects.Flavor(
        context,
        id=1,
        flavorid=name,
        name=name,
        vcpus=vcpus,
        memory_mb=ram_mib,
        root_gb=disk_gib,
        ephemeral_gb=0,
        swap=0,
        rxtx_factor=1.0,
        vcpu_weight=0,
        disabled=False,
        is_public=True,
        description=None,
        extra_specs=dict(extra_specs),
    )


def image_of(properties: Mapping[str, str] | None = None) -> Any:
    """The ``objects.ImageMeta`` of an image with these properties."""
    return objects.ImageMeta.from_dict(
        {
            'id': str(uuid.uuid4()),
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
    """The ``objects.InstancePCIRequests`` of flavor and ports.

    As nova.compute.api does for the flavor, and for ports
    ``create_resource_requests`` of nova.network.neutron.
    """
    policy = hardware.get_pci_numa_policy_constraint(flavor, image)
    requests = pci_request.get_pci_requests_from_flavor(flavor, policy)
    for port in ports:
        if port.vnic_type not in _VNIC_DEVICE_TYPES:
            continue
        spec = {'physical_network': port.physnet, 'remote_managed': 'False'}
        if dev_type := _VNIC_DEVICE_TYPES[port.vnic_type]:
            spec['dev_type'] = dev_type
        request = objects.InstancePCIRequest(
            count=1,
            spec=[spec],
            request_id=str(uuid.uuid4()),
            requester_id=str(uuid.uuid4()),
        )
        if numa_policy := port.numa_policy or policy:
            request.numa_policy = numa_policy
        requests.requests.append(request)
    return requests


def networks_of(ports: Sequence[Port]) -> Any:
    """The ``objects.NetworkMetadata`` of ports."""
    return objects.NetworkMetadata(
        physnets={port.physnet for port in ports if port.physnet},
        tunneled=any(port.tunneled for port in ports),
    )


def request_spec(context: Any, request: BootRequest) -> RequestSpec:
    """The ``objects.RequestSpec`` of a boot, as nova-conductor's.

    :raises BadRequestError: Nova would refuse it; says why
    """
    try:
        return _request_spec(context, request)
    except (exception.NovaException, ValueError) as error:
        raise BadRequestError(f'{type(error).__name__}: {error}') from error


def _request_spec(context: Any, request: BootRequest) -> RequestSpec:
    image = image_of(request.image)
    instance_uuid = str(uuid.uuid4())
    devices = pci_requests(request.flavor, image, request.ports)
    devices.instance_uuid = instance_uuid
    metadata = networks_of(request.ports) if request.ports else None
    groups: list[Any] = []
    level = None
    if request.port_uuids:
        metadata, groups, level = _of_neutron(context, request, image, devices)
    group = None
    hints = {name: list(values) for name, values in request.hints.items()}
    if request.group:
        group = objects.InstanceGroup.get_by_uuid(context, request.group)
        # Nova asks Placement without a limit for a request with a group.
        hints.setdefault('group', [request.group])
    spec: RequestSpec = objects.RequestSpec.from_components(
        context,
        instance_uuid,
        image,
        request.flavor,
        hardware.numa_get_constraints(request.flavor, image),
        devices,
        filter_properties={'scheduler_hints': hints},
        instance_group=group,
        availability_zone=request.zone,
        port_resource_requests=groups or None,
        request_level_params=level,
    )
    spec.project_id = request.project
    if metadata:
        spec.network_metadata = metadata
    _with_group(context, spec)
    return spec


def _with_group(context: Any, spec: RequestSpec) -> None:
    if spec.instance_group is not None:
        scheduler_utils.setup_instance_group(context, spec)


def _of_neutron(
    context: Any, request: BootRequest, image: Any, devices: Any
) -> tuple[Any, list[Any], Any]:
    """What neutron says of ports; their PCI requests are added to devices."""
    networks = objects.NetworkRequestList(
        objects=[
            objects.NetworkRequest(port_id=name) for name in request.port_uuids
        ]
    )
    policy = hardware.get_pci_numa_policy_constraint(request.flavor, image)
    metadata, groups, level = neutron.API().create_resource_requests(
        context, networks, devices, affinity_policy=policy
    )
    for port in request.ports:
        if port.physnet:
            metadata.physnets.add(port.physnet)
    return metadata, list(groups or ()), level


def stored_spec(context: Any, instance_uuid: str) -> RequestSpec:
    """The RequestSpec that Nova has stored for an instance's boot.

    Read without Nova's own loading, which updates old records.

    :raises BadRequestError: there is none
    """
    text = _stored(context, instance_uuid)
    if text is None:
        raise BadRequestError(
            f'no request of instance {instance_uuid} is stored'
        )
    try:
        spec: RequestSpec = objects.RequestSpec.obj_from_primitive(
            jsonutils.loads(text)
        )
        _complete(context, spec, instance_uuid)
        _with_group(context, spec)
    except (exception.NovaException, ValueError, LookupError) as error:
        raise BadRequestError(
            f'the stored request of {instance_uuid}: '
            f'{type(error).__name__}: {error}'
        ) from error
    return spec


@api_db.context_manager.reader  # type: ignore[untyped-decorator]
def _stored(context: Any, instance_uuid: str) -> str | None:
    row = (
        context.session.query(api_models.RequestSpec)
        .filter_by(instance_uuid=instance_uuid)
        .first()
    )
    return None if row is None else str(row['spec'])


def _complete(context: Any, spec: Any, instance_uuid: str) -> None:
    """Set what is not stored, as ``RequestSpec._from_db_object`` leaves it."""
    spec._context = context  # noqa: SLF001 - as Nova's loading does
    spec.instance_uuid = instance_uuid
    spec.num_instances = 1
    for name in (
        'retry',
        'ignore_hosts',
        'requested_destination',
        'requested_resources',
    ):
        setattr(spec, name, None)
    for name in ('force_hosts', 'force_nodes', 'scheduler_hints'):
        if name not in spec:
            setattr(spec, name, None)
    # As nova-conductor does before a move. The bandwidth of ports is not
    # stored: neutron has it.
    spec.requested_resources = []
    if spec.pci_requests:
        spec.generate_request_groups_from_pci_requests()
    if spec.numa_topology:
        instance_numa.InstanceNUMATopology._migrate_legacy_dedicated_instance_cpuset(  # noqa: SLF001
            spec.numa_topology
        )
    requests = spec.pci_requests.requests if spec.pci_requests else ()
    physnets = {
        match['physical_network']
        for request in requests
        for match in request.spec
        if match.get('physical_network')
    }
    if physnets:
        # The networks of other ports are not stored.
        spec.network_metadata = objects.NetworkMetadata(
            physnets=physnets, tunneled=False
        )
    group = spec.instance_group if 'instance_group' in spec else None
    if group is not None:
        try:
            spec.instance_group = objects.InstanceGroup.get_by_uuid(
                context, group.uuid
            )
        except exception.InstanceGroupNotFound:
            spec.instance_group = None
            (spec.scheduler_hints or {}).pop('group', None)


def fingerprint(spec: RequestSpec) -> str:
    """A text that is the same for requests which ask for the same.

    Without names of instances, ports and devices.
    """
    group = spec.instance_group
    devices = spec.pci_requests.requests if spec.pci_requests else ()
    networks = spec.network_metadata if 'network_metadata' in spec else None
    facts = (
        spec.flavor.obj_to_primitive(),
        spec.image.obj_to_primitive() if spec.image else None,
        spec.numa_topology and spec.numa_topology.obj_to_primitive(),
        [
            (
                request.count,
                request.spec,
                request.numa_policy if 'numa_policy' in request else None,
                request.source,
            )
            for request in devices
        ],
        sorted(networks.physnets) if networks else None,
        group.uuid if group is not None else None,
        spec.scheduler_hints,
        spec.availability_zone,
        spec.project_id,
        spec.force_hosts,
        spec.force_nodes,
        spec.ignore_hosts,
    )
    text: str = jsonutils.dumps(facts, sort_keys=True)
    return text


def require_zone(zone: str) -> None:
    """Refuse a zone as nova-api does, before anything is scheduled.

    :raises BadRequestError: no nova-compute that is enabled is in it
    """
    known: set[str] = set()
    problems: list[str] = []
    zone_of = compute_nodes.CloudReader().zones()
    context = nova_context.get_admin_context()
    for cell in cell_databases.cells(context):
        with cell_databases.visit(context, cell, problems) as targeted:
            services = objects.ServiceList.get_by_binary(
                targeted, 'nova-compute'
            )
            known.update(zone_of(service.host) for service in services)
    # Hosts of a cell that is down may be in the zone; that it is down is
    # reported when its hosts are read.
    if zone not in known and not problems:
        names = ', '.join(sorted(known)) or 'none'
        raise BadRequestError(
            f'there is no availability zone {zone} with hosts that are '
            f'enabled; there are: {names}'
        )
