"""RequestSpecs as nova-api and nova-conductor make them."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any
import uuid

from nova import context as nova_context
from nova import exception
from nova import objects
import nova.conf
from nova.network import neutron
from nova.scheduler import utils as scheduler_utils
from nova.virt import hardware
from oslo_serialization import jsonutils

from nfv_sched.model.similar_names import did_you_mean
from nfv_sched.nova import boot_ports
from nfv_sched.nova import cell_databases
from nfv_sched.nova import compute_nodes
from nfv_sched.nova.types import RequestSpec

#: How properties of images begin that may matter to a scheduler.
IMAGE_PREFIXES = ('hw_', 'os_', 'img_', 'trait:')


class BadRequestError(Exception):
    """Nova would refuse the request; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class BootRequest:
    """The request for one instance.

    ``ports`` are hypothetical ports, ``port_uuids`` those that neutron
    has. ``project`` matters where hosts are kept for some projects.
    ``flavor_name`` and ``image_id`` are those that Nova and Glance know, empty
    without; ``typed`` are the names of extra specs and image properties that
    these do not have like this.
    """

    flavor: Any
    image: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ports: Sequence[boot_ports.Port] = ()
    port_uuids: Sequence[str] = ()
    hints: Mapping[str, Sequence[str]] = dataclasses.field(
        default_factory=dict
    )
    group: str | None = None
    zone: str | None = None
    project: str | None = None
    flavor_name: str = ''
    image_id: str = ''
    typed: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class MadeRequest:
    """A RequestSpec, and the ports that it was made of, by their ids.

    ``policies`` are the NUMA affinity policies that ports have themselves,
    None where flavor and image decide; ``by_hand`` are the hypothetical ports.
    """

    spec: RequestSpec
    policies: Mapping[str, str | None]
    by_hand: Mapping[str, boot_ports.Port]


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
    names = [flavor.name for flavor in objects.FlavorList.get_all(context)]
    raise BadRequestError(
        f'there is no flavor {name}{did_you_mean(name, names)}'
    )


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
    """The ``objects.ImageMeta`` of an image with these properties.

    Images with the same properties are one image.
    """
    name = jsonutils.dumps(dict(properties or {}), sort_keys=True)
    return objects.ImageMeta.from_dict(
        {
            'id': str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
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


def unread_properties(names: Iterable[str]) -> Iterator[str]:
    """Which image properties Nova does not know, in words.

    Glance takes any, and Nova leaves out what it does not know.
    """
    props = objects.ImageMetaProps
    known = {*props.fields, *props._legacy_property_map}  # noqa: SLF001
    for name in names:
        if name not in known and not name.startswith('trait:'):
            hint = did_you_mean(name, known)
            yield f'Nova knows no image property {name}{hint}'


def request_spec(context: Any, request: BootRequest) -> RequestSpec:
    """The ``objects.RequestSpec`` of a boot, as nova-conductor's.

    :raises BadRequestError: Nova would refuse it; says why
    """
    return make(context, request).spec


def make(context: Any, request: BootRequest) -> MadeRequest:
    """The ``objects.RequestSpec`` of a boot, and its ports.

    :raises BadRequestError: Nova would refuse it; says why
    """
    try:
        return _make(context, request)
    except exception.PciRequestAliasNotDefined as error:
        raise BadRequestError(
            f'{error}: name a file with [pci] alias by --config-file'
        ) from error
    except (exception.NovaException, ValueError) as error:
        raise BadRequestError(f'{type(error).__name__}: {error}') from error
    except neutron.neutron_client_exc.NeutronClientException as error:
        raise BadRequestError(
            f'ports cannot be read: {error}; the credentials for neutron are '
            'those of [neutron] in nova.conf'
        ) from error


def _make(context: Any, request: BootRequest) -> MadeRequest:
    image = image_of(request.image)
    instance_uuid = str(uuid.uuid4())
    uuids = boot_ports.new_uuids(request.ports)
    devices = boot_ports.pci_requests(
        request.flavor, image, request.ports, uuids
    )
    devices.instance_uuid = instance_uuid
    metadata = boot_ports.networks_of(request.ports) if request.ports else None
    groups = boot_ports.port_groups(request.ports, uuids)
    by_hand = dict(zip(uuids, request.ports, strict=True))
    policies = {name: port.numa_policy for name, port in by_hand.items()}
    level = None
    if request.port_uuids:
        metadata, more, level, own = _of_neutron(
            context, request, image, devices
        )
        groups += more
        policies |= own
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
    set_up_group(context, spec)
    return MadeRequest(spec, policies, by_hand)


def set_up_group(context: Any, spec: RequestSpec) -> None:
    """Set the hosts of a server group's members, as nova-conductor does."""
    if spec.instance_group is not None:
        scheduler_utils.setup_instance_group(context, spec)


def _of_neutron(
    context: Any, request: BootRequest, image: Any, devices: Any
) -> tuple[Any, list[Any], Any, dict[str, str | None]]:
    """What neutron says of ports; their PCI requests are added to devices.

    The policies that ports have themselves come last. Nova takes them before
    that of flavor and image (``create_resource_requests``).
    """
    networks = objects.NetworkRequestList(
        objects=[
            objects.NetworkRequest(port_id=name) for name in request.port_uuids
        ]
    )
    before = len(devices.requests)
    metadata, groups, level = neutron.API().create_resource_requests(
        context, networks, devices
    )
    policy = hardware.get_pci_numa_policy_constraint(request.flavor, image)
    own: dict[str, str | None] = {}
    for made in devices.requests[before:]:
        has_own = 'numa_policy' in made and made.numa_policy
        own[made.requester_id] = made.numa_policy if has_own else None
        if policy and not has_own:
            made.numa_policy = policy
    for port in request.ports:
        if port.physnet:
            metadata.physnets.add(port.physnet)
        metadata.tunneled = metadata.tunneled or port.tunneled
    return metadata, list(groups or ()), level, own


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
        raise BadRequestError(
            f'there is no availability zone {zone} with hosts that are '
            f'enabled{did_you_mean(zone, known)}'
        )
