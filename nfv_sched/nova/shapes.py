"""The shapes in which instances of a flavor run: their ports and images.

A shape is what a request asks beyond its flavor. It is read from the stored
requests of the instances that run, and asked of hosts with the flavor as it
is today. Server groups, hints, zones and hosts are of single instances, and
in no shape. Nova does not store the guaranteed bandwidth of ports, nor the
networks of those without devices.
"""

from collections import Counter
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import re
from typing import Any

from nova.db.main import models
from nova.network import model as network_model
from nova.pci import request as pci_request
from oslo_utils import strutils
import sqlalchemy as sa

from nfv_sched.fit import FitRequest
from nfv_sched.nova import boot_ports
from nfv_sched.nova import boot_request
from nfv_sched.nova import cell_databases
from nfv_sched.nova import request_spec
from nfv_sched.nova import stored_requests
from nfv_sched.nova.boot_ports import Port
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.boot_request import BootRequest
from nfv_sched.nova.scheduler_pipeline import Pipeline

_TRAITS = 'traits_required'
#: Properties that nova.scheduler.filters.image_props_filter reads. What else
#: matters of an image is in the request or in what is asked of Placement.
_OF_FILTERS = (
    'hw_architecture',
    'hw_maxphysaddr_bits',
    'hw_vm_mode',
    'img_hv_requested_version',
    'img_hv_type',
)
# Names of request groups.
_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
_VNIC_TYPES = {
    device_type: vnic_type
    for vnic_type, device_type in pci_request.DEVICE_TYPE_FOR_VNIC_TYPE.items()
}


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """Instances of a flavor that ask for the same; ``running`` counts them.

    ``request`` is the boot of one more.
    """

    request: BootRequest
    running: int

    @property
    def ports(self) -> list[str]:
        """The ports, as ``--port`` takes them."""
        return sorted(map(boot_ports.port_text, self.request.ports))

    @property
    def plain(self) -> dict[str, Any]:
        """Ports and image properties, for records."""
        return {'ports': self.ports, 'image': dict(self.request.image)}

    @property
    def text(self) -> str:
        """Ports and image properties, as the options of commands take them.

        Empty for the flavor alone.
        """
        ports = Counter(self.ports)
        return ', '.join(
            (
                *(
                    f'{count} x {port}' if count > 1 else port
                    for port, count in sorted(ports.items())
                ),
                *(
                    f'{name}={value}'
                    for name, value in sorted(self.request.image.items())
                ),
            )
        )


@dataclasses.dataclass(frozen=True, slots=True)
class FlavorShapes:
    """The flavor alone, then shapes of instances, the most frequent first.

    ``notes`` say what is left out.
    """

    shapes: tuple[Shape, ...]
    notes: tuple[str, ...] = ()


#: Ports and image properties, as Nova stored them.
_Extras = tuple[tuple[Port, ...], tuple[tuple[str, str], ...]]


def shapes_of(pipeline: Pipeline, flavor: Any, most: int) -> FlavorShapes:
    """The shapes in which the instances of a flavor run.

    One query to each Nova cell, and one to the API database for every 500
    instances.

    :param flavor: an ``objects.Flavor`` of the API database
    :param most: shapes beside the flavor alone
    """
    if not most:
        return FlavorShapes((Shape(BootRequest(flavor), 0),))
    problems: list[str] = []
    uuids = _instances_of(flavor.id, problems)
    stored: Counter[_Extras] = Counter()
    texts = stored_requests.stored_texts(pipeline.context, uuids)
    unread = 0
    for text in texts.values():
        try:
            stored[_extras(stored_requests.fields_of(text))] += 1
        except (LookupError, TypeError, ValueError, AttributeError):
            # JSON from elsewhere.
            unread += 1
    effects = _Effects(pipeline, flavor)
    notes = []
    counts: Counter[_Extras] = Counter()
    by_effect: dict[Hashable, _Extras] = {effects.of(((), ())): ((), ())}
    for extras, number in stored.most_common():
        try:
            effect = effects.of(extras)
        except BadRequestError as error:
            text = Shape(_request(flavor, extras), number).text
            notes.append(
                f'{_instances(number)} of {flavor.name} asked for {text}, '
                f'which Nova refuses now: {error}'
            )
            continue
        if effect not in by_effect:
            by_effect[effect] = effects.least(extras)
        counts[by_effect[effect]] += number
    alone = Shape(BootRequest(flavor), counts.pop(((), ()), 0))
    shapes = [
        Shape(_request(flavor, extras), number)
        for extras, number in counts.most_common()
    ]
    if more := shapes[most:]:
        number = sum(shape.running for shape in more)
        notes.append(
            f'{_instances(number)} of {flavor.name} in {len(more)} other '
            f'shape{"s" * (len(more) > 1)}: not counted, see --shapes'
        )
    if unknown := len(uuids) - len(texts) + unread:
        notes.append(
            f'{_instances(unknown)} of {flavor.name}: the stored request '
            'cannot be read'
        )
    return FlavorShapes((alone, *shapes[:most]), (*problems, *notes))


def _instances(number: int) -> str:
    return f'{number} running instance{"s" * (number != 1)}'


def _instances_of(flavor_id: int, problems: list[str]) -> list[str]:
    """The instances of a flavor that have a host.

    As ``openstack server list --flavor`` finds them.
    """
    instance = models.Instance
    query = sa.select(instance.uuid).where(
        instance.deleted == 0,
        instance.host.is_not(None),
        instance.instance_type_id == flavor_id,
        # The copy that a resize makes in another cell.
        instance.hidden.is_distinct_from(sa.true()),
    )
    context = cell_databases.admin_context()
    uuids: list[str] = []
    for cell in cell_databases.cells(context):
        with cell_databases.visit(context, cell, problems) as targeted:
            uuids += [row.uuid for row in cell_databases.rows(targeted, query)]
    return uuids


class _Effects:
    """What different ports and images change in a request."""

    def __init__(self, pipeline: Pipeline, flavor: Any) -> None:
        self._pipeline = pipeline
        self._flavor = flavor
        self._known: dict[_Extras, Hashable] = {}

    def of(self, extras: _Extras) -> Hashable:
        """Equal for extras that ask for the same.

        :raises BadRequestError: Nova would refuse the request
        """
        if extras not in self._known:
            self._known[extras] = self._effect(extras)
        return self._known[extras]

    def least(self, extras: _Extras) -> _Extras:
        """The extras without image properties that change nothing."""
        ports, properties = extras
        effect = self.of(extras)
        for each in properties:
            fewer = ports, tuple(one for one in extras[1] if one is not each)
            try:
                if self.of(fewer) == effect:
                    extras = fewer
            except BadRequestError:
                # One property needs another one.
                continue
        return extras

    def _effect(self, extras: _Extras) -> Hashable:
        request = _request(self._flavor.obj_clone(), extras)
        spec = boot_request.request_spec(self._pipeline.context, request)
        guest = request_spec.read_guest(spec)
        refused = self._pipeline.run_request_filters(spec)
        if refused is not None:
            raise BadRequestError(refused)
        query = self._pipeline.placement_query(spec)
        return (
            FitRequest(guest).shape,
            guest.physnets,
            guest.pcie_policy,
            tuple(
                tuple(sorted(_UUID.sub('', text).split('&')))
                for text in query.queries
            ),
            tuple(request.image.get(name) for name in _OF_FILTERS),
        )


def _request(flavor: Any, extras: _Extras) -> BootRequest:
    ports, properties = extras
    return BootRequest(flavor, image=dict(properties), ports=ports)


def _extras(fields: Mapping[str, Any]) -> _Extras:
    """What a stored RequestSpec asks beyond its flavor."""
    image = stored_requests.plain(fields.get('image')) or {}
    properties = dict(_properties(image.get('properties') or {}))
    flavor = stored_requests.plain(fields['flavor'])
    # As nova.virt.hardware get_pci_numa_policy_constraint.
    policy = (flavor.get('extra_specs') or {}).get(
        'hw:pci_numa_affinity_policy',
        properties.get('hw_pci_numa_affinity_policy'),
    )
    devices = stored_requests.plain(fields.get('pci_requests')) or {}
    ports = [
        _port(request, policy)
        for request in devices.get('requests', ())
        if request.get('alias_name') is None
    ]
    return (
        tuple(sorted(ports, key=boot_ports.port_text)),
        tuple(sorted(properties.items())),
    )


def _port(request: Mapping[str, Any], policy: str | None) -> Port:
    """The port of a PCI request, as ``boot_ports.pci_requests`` makes it.

    :param policy: that of flavor and image, which is not the port's own
    """
    [spec] = request['spec']
    vnic_type = _VNIC_TYPES.get(spec.get(pci_request.PCI_DEVICE_TYPE_TAG))
    if strutils.bool_from_string(spec.get(pci_request.PCI_REMOTE_MANAGED_TAG)):
        vnic_type = network_model.VNIC_TYPE_REMOTE_MANAGED
    own = request.get('numa_policy')
    trusted = spec.get(pci_request.PCI_TRUSTED_TAG)
    if trusted is not None:
        trusted = strutils.bool_from_string(trusted)
    return Port(
        physnet=spec.get(pci_request.PCI_NET_TAG),
        vnic_type=vnic_type or network_model.VNIC_TYPE_DIRECT,
        numa_policy=None if own == policy else own,
        trusted=trusted,
    )


def _properties(stored: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Properties of an ``ImageMetaProps`` as Glance has them."""
    for name, value in stored.items():
        if name == _TRAITS:
            yield from ((f'trait:{trait}', 'required') for trait in value)
        elif value is None or not name.startswith(boot_request.IMAGE_PREFIXES):
            continue
        elif isinstance(value, list):
            yield from _numbered(name, value)
        elif not isinstance(value, dict):
            yield name, str(value)


def _numbered(name: str, values: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """``hw_numa_cpus`` and ``hw_numa_mem``, by guest NUMA node."""
    for number, value in enumerate(values):
        if isinstance(value, list):
            yield f'{name}.{number}', ','.join(map(str, sorted(value)))
        elif not isinstance(value, dict):
            yield f'{name}.{number}', str(value)
