"""RequestSpecs as nova-api and nova-conductor make them."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import re
from typing import Any
import uuid

from nova import context as nova_context
from nova import exception
from nova import objects
from nova.accelerator import cyborg
import nova.conf
from nova.db.api import api as api_db
from nova.db.api import models as api_models
from nova.network import model as network_model
from nova.network import neutron
from nova.objects import instance_numa
from nova.pci import request as pci_request
from nova.scheduler import utils as scheduler_utils
from nova.virt import hardware
import os_resource_classes
import os_traits
from oslo_serialization import jsonutils
from oslo_utils import strutils
import sqlalchemy as sa

from nfv_sched.model.similar_names import did_you_mean
from nfv_sched.nova import cell_databases
from nfv_sched.nova import compute_nodes
from nfv_sched.nova.types import RequestSpec

_NORMAL = network_model.VNIC_TYPE_NORMAL
_REMOTE_MANAGED = network_model.VNIC_TYPE_REMOTE_MANAGED
_ACCELERATED = network_model.VNIC_TYPES_ACCELERATOR
#: VNIC types of hypothetical ports.
VNIC_TYPES = (_NORMAL, *network_model.VNIC_TYPES_SRIOV, *_ACCELERATED)
#: How properties of images begin that may matter to a scheduler.
IMAGE_PREFIXES = ('hw_', 'os_', 'img_', 'trait:')
#: Stored requests per query.
_PAGE = 500
#: A resource class and traits, see Port.
_DEVICE_PROFILE = re.compile(r'[A-Z0-9_]+(\+[A-Z0-9_]+)*')
_POLICIES = ('required', 'socket', 'legacy', 'preferred')


class BadRequestError(Exception):
    """Nova would refuse the request; the text says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Port:
    """A neutron port of an instance.

    ``vnic_type`` is one of VNIC_TYPES: ``normal`` (vSwitch), ``direct`` (a
    VF), ``direct-physical`` (a whole port), ... ``numa_policy`` is that of
    the port; None leaves it to flavor and image. ``trusted`` is None where
    trusted and other VFs are equally good. A minimum bandwidth is in kbit/s,
    0 for none. ``accelerator`` is what the device profile of a port for an
    accelerator asks of Placement: a resource class, of which Nova allows one,
    and after ``+`` each trait that is required.
    """

    physnet: str | None = None
    vnic_type: str = 'direct'
    numa_policy: str | None = None
    tunneled: bool = False
    trusted: bool | None = None
    egress_kbps: int = 0
    ingress_kbps: int = 0
    accelerator: str | None = None

    def __post_init__(self) -> None:
        """Check what goes together.

        :raises ValueError: says what is wrong
        """
        accelerated = self.vnic_type in _ACCELERATED
        if accelerated and self.accelerator is None:
            raise ValueError(
                f'vnic_type={self.vnic_type} needs accelerator=CLASS, what '
                'its device profile asks'
            )
        if self.accelerator is not None and not accelerated:
            raise ValueError(
                f'accelerator={self.accelerator} needs one of vnic_type='
                f'{", ".join(_ACCELERATED)}'
            )


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
    ports: Sequence[Port] = ()
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
    by_hand: Mapping[str, Port]


def port_of(text: str) -> Port:
    """A port in words: ``NETWORK[:VNIC TYPE[:POLICY]]``, or NAME=VALUE,...

    The names are those of the fields of Port.

    :raises ValueError: says what is wrong
    """
    if '=' in text:
        values = _named_values(text)
    else:
        physnet, _, rest = text.partition(':')
        vnic_type, _, numa_policy = rest.partition(':')
        values = {
            'physnet': physnet,
            'vnic_type': vnic_type,
            'numa_policy': numa_policy,
        }
    policy = values.get('numa_policy') or None
    return Port(
        physnet=values.get('physnet') or None,
        vnic_type=_one_of(
            values.get('vnic_type') or network_model.VNIC_TYPE_DIRECT,
            VNIC_TYPES,
        ),
        numa_policy=policy and _one_of(policy, _POLICIES),
        tunneled=_boolean(values.get('tunneled', 'false')),
        trusted=_boolean(values['trusted']) if 'trusted' in values else None,
        egress_kbps=_number(values.get('egress_kbps', '0')),
        ingress_kbps=_number(values.get('ingress_kbps', '0')),
        accelerator=_accelerator(values.get('accelerator')),
    )


def port_text(port: Port) -> str:
    """The shortest text of which :func:`port_of` makes this port."""
    usual = Port(port.physnet, port.vnic_type, port.numa_policy)
    if port == usual and port.physnet and not set(port.physnet) & set(':=,'):
        parts = [port.physnet, port.vnic_type, port.numa_policy or '']
        return ':'.join(parts).removesuffix(':')
    values = {
        field.name: getattr(port, field.name)
        for field in dataclasses.fields(Port)
        if field.name == 'vnic_type'
        or getattr(port, field.name) != field.default
    }
    return ','.join(
        f'{name}={str(value).lower() if isinstance(value, bool) else value}'
        for name, value in values.items()
    )


def _named_values(text: str) -> dict[str, str]:
    known = [field.name for field in dataclasses.fields(Port)]
    values = {}
    for item in text.split(','):
        name, equals, value = item.partition('=')
        if not equals:
            raise ValueError(f'{item!r} is not NAME=VALUE')
        values[_one_of(name, known)] = value
    return values


def _one_of(value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(f'{value} is none of {", ".join(known)}')
    return value


def _boolean(text: str) -> bool:
    return bool(strutils.bool_from_string(text, strict=True))


def _accelerator(text: str | None) -> str | None:
    if text is not None and not _DEVICE_PROFILE.fullmatch(text):
        raise ValueError(f'{text!r} is not CLASS or CLASS+TRAIT')
    return text


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f'{text!r} is no number of kbit/s')
    return int(text)


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


def pci_requests(
    flavor: Any,
    image: Any,
    ports: Sequence[Port],
    uuids: Sequence[str] | None = None,
) -> Any:
    """The ``objects.InstancePCIRequests`` of flavor and ports.

    As nova.compute.api does for the flavor, and for ports
    ``create_resource_requests`` of nova.network.neutron.

    :param uuids: of the ports
    """
    policy = hardware.get_pci_numa_policy_constraint(flavor, image)
    requests = pci_request.get_pci_requests_from_flavor(flavor, policy)
    for port, port_uuid in zip(ports, uuids or new_uuids(ports), strict=True):
        if port.vnic_type not in network_model.VNIC_TYPES_SRIOV:
            continue
        spec = {
            pci_request.PCI_NET_TAG: port.physnet,
            pci_request.PCI_REMOTE_MANAGED_TAG: str(
                port.vnic_type == _REMOTE_MANAGED
            ),
        }
        dev_type = pci_request.DEVICE_TYPE_FOR_VNIC_TYPE.get(port.vnic_type)
        if dev_type:
            spec[pci_request.PCI_DEVICE_TYPE_TAG] = dev_type
        if port.trusted is not None:
            spec[pci_request.PCI_TRUSTED_TAG] = str(port.trusted)
        request = objects.InstancePCIRequest(
            count=1,
            spec=[spec],
            request_id=str(uuid.uuid4()),
            requester_id=port_uuid,
        )
        if numa_policy := port.numa_policy or policy:
            request.numa_policy = numa_policy
        requests.requests.append(request)
    return requests


def new_uuids(ports: Sequence[Port]) -> list[str]:
    """A new uuid for each port."""
    return [str(uuid.uuid4()) for _ in ports]


def bandwidth_groups(ports: Sequence[Port], uuids: Sequence[str]) -> list[Any]:
    """The ``objects.RequestGroup`` of each port with a minimum bandwidth.

    As neutron describes them (neutron_lib.placement.utils) and Nova makes
    them (``RequestGroup.from_port_request``).
    """
    groups = []
    for port, port_uuid in zip(ports, uuids, strict=True):
        resources = {
            name: amount
            for name, amount in (
                (
                    os_resource_classes.NET_BW_EGR_KILOBIT_PER_SEC,
                    port.egress_kbps,
                ),
                (
                    os_resource_classes.NET_BW_IGR_KILOBIT_PER_SEC,
                    port.ingress_kbps,
                ),
            )
            if amount
        }
        if not resources:
            continue
        traits = [f'VNIC_TYPE_{port.vnic_type}']
        if port.physnet:
            traits.append(f'PHYSNET_{port.physnet}')
        groups.append(
            objects.RequestGroup(
                use_same_provider=True,
                resources=resources,
                required_traits=set(map(os_traits.normalize_name, traits)),
                requester_id=port_uuid,
            )
        )
    return groups


def accelerator_groups(
    ports: Sequence[Port], uuids: Sequence[str]
) -> list[Any]:
    """The ``objects.RequestGroup`` of each port for an accelerator.

    As Nova makes them of Cyborg's device profile
    (``nova.accelerator.cyborg`` ``get_device_request_groups``).
    """
    groups = []
    for port, port_uuid in zip(ports, uuids, strict=True):
        if port.accelerator is None:
            continue
        resource_class, *traits = port.accelerator.split('+')
        group = objects.RequestGroup(
            requester_id=cyborg.get_device_profile_group_requester_id(
                0, port_uuid
            )
        )
        group.add_resource(rclass=resource_class, amount=1)
        for trait in traits:
            group.add_trait(trait_name=trait, trait_type='required')
        groups.append(group)
    return groups


def port_groups(ports: Sequence[Port], uuids: Sequence[str]) -> list[Any]:
    """What ports ask of Placement, each as an ``objects.RequestGroup``."""
    return [
        *bandwidth_groups(ports, uuids),
        *accelerator_groups(ports, uuids),
    ]


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
    uuids = new_uuids(request.ports)
    devices = pci_requests(request.flavor, image, request.ports, uuids)
    devices.instance_uuid = instance_uuid
    metadata = networks_of(request.ports) if request.ports else None
    groups = port_groups(request.ports, uuids)
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
    _with_group(context, spec)
    return MadeRequest(spec, policies, by_hand)


def _with_group(context: Any, spec: RequestSpec) -> None:
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


def stored_spec(context: Any, instance_uuid: str) -> RequestSpec:
    """The RequestSpec that Nova has stored for an instance's boot.

    Read without Nova's own loading, which updates old records.

    :raises BadRequestError: there is none
    """
    text = stored_texts(context, [instance_uuid]).get(instance_uuid)
    if text is None:
        raise BadRequestError(
            f'no request of instance {instance_uuid} is stored'
        )
    try:
        spec = spec_of_text(context, instance_uuid, text)
        _load_group(context, spec)
        _with_group(context, spec)
    except (exception.NovaException, ValueError, LookupError) as error:
        raise BadRequestError(
            f'the stored request of {instance_uuid}: '
            f'{type(error).__name__}: {error}'
        ) from error
    return spec


def stored_texts(context: Any, uuids: Sequence[str]) -> dict[str, str]:
    """The stored requests of instances as JSON, by uuid, as far as stored."""
    texts: dict[str, str] = {}
    for start in range(0, len(uuids), _PAGE):
        texts |= _stored(context, uuids[start : start + _PAGE])
    return texts


@api_db.context_manager.reader  # type: ignore[untyped-decorator]
def _stored(context: Any, uuids: Sequence[str]) -> dict[str, str]:
    request = api_models.RequestSpec
    query = sa.select(request.instance_uuid, request.spec).where(
        request.instance_uuid.in_(uuids)
    )
    return dict(context.session.execute(query).all())


def spec_of_text(context: Any, instance_uuid: str, text: str) -> RequestSpec:
    """The RequestSpec of a stored one, whose server group is not read.

    :raises Exception: what versioned objects raise over other JSON
    """
    spec: RequestSpec = objects.RequestSpec.obj_from_primitive(
        jsonutils.loads(text)
    )
    _complete(context, spec, instance_uuid)
    return spec


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


def _load_group(context: Any, spec: Any) -> None:
    """Replace the stored server group by that of today, if it exists."""
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
        raise BadRequestError(
            f'there is no availability zone {zone} with hosts that are '
            f'enabled{did_you_mean(zone, known)}'
        )
