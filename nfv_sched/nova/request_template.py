"""Requests with single settings changed, as Nova would make them.

Each constraint of a request comes from somewhere: an extra spec of the flavor,
a property of the image, a port, an alias of PCI devices, or a scheduler hint.
Where several say the same thing, Nova has rules which of them counts, and
refuses some combinations. A change is therefore made where the constraint
comes from, and Nova's own functions make the request again.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum
from typing import Any

from nova import exception
from nova import objects
from nova.pci import request as pci_request
from nova.virt import hardware

from nfv_sched.nova import boot_ports
from nfv_sched.nova import boot_request
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.types import RequestSpec

#: The name of the setting of a port, as neutron has it.
PORT_POLICY = 'numa_affinity_policy'
#: The policy where nothing names one
#: (``PciDeviceStats._filter_pools_for_numa_cells``).
_DEFAULT_POLICY = 'legacy'
#: Hints that nova-conductor adds for itself begin with this.
_INTERNAL = '_'


class Origin(enum.StrEnum):
    """Where a constraint of a request comes from."""

    FLAVOR = 'flavor'
    IMAGE = 'image'
    PORT = 'port'
    ALIAS = 'alias'
    HINT = 'hint'


@dataclasses.dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint of a request, and where it comes from.

    ``name`` is that of the extra spec, the image property or the hint, or
    PORT_POLICY. ``owner`` is the name of the flavor or alias, or the id of the
    image or port; empty for what was typed and is not in any of these.
    """

    origin: Origin
    owner: str
    name: str
    value: str


@dataclasses.dataclass(frozen=True, slots=True)
class Edit:
    """A setting with another value; None removes it.

    As for :class:`Constraint`. Of a port by hand ``owner`` is the id that the
    template gave it.
    """

    origin: Origin
    owner: str
    name: str
    value: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class PortOrigin:
    """A port with a PCI request, and the policy that it has itself.

    ``policy`` is None where flavor and image decide. A stored request does not
    say whether the policy is the port's: it counts as the port's own there,
    which Nova takes first.
    """

    uuid: str
    policy: str | None


@dataclasses.dataclass(frozen=True)
class RequestTemplate:
    """A request of which others are made by edits.

    ``spec`` is never given to a scheduler, which changes what it is given.
    ``typed`` are the names of extra specs and image properties that are not
    those of ``flavor`` and ``image``, the flavor's name and the image's id;
    ``ports`` are those with PCI requests, ``by_hand`` those that neutron does
    not have, by their ids. ``editable`` are the origins whose changes reach
    the request; ``task_state`` is that of a move, None for a boot.
    """

    spec: RequestSpec
    flavor: str = ''
    image: str = ''
    typed: frozenset[str] = frozenset()
    ports: tuple[PortOrigin, ...] = ()
    by_hand: Mapping[str, boot_ports.Port] = dataclasses.field(
        default_factory=dict
    )
    editable: frozenset[Origin] = frozenset(Origin)
    task_state: str | None = None

    def request(self, edits: Iterable[Edit] = ()) -> RequestSpec:
        """The request for one use, with edits.

        :raises BadRequestError: Nova would refuse it; says why
        """
        spec: Any = self.spec
        spec = spec.obj_clone()
        edits = list(edits)
        if not edits:
            return spec  # type: ignore[no-any-return]
        try:
            _edit_flavor(spec, edits)
            _edit_image(spec, edits)
            _edit_hints(spec, edits)
            self._remake(spec, edits)
        except (exception.NovaException, ValueError) as error:
            raise BadRequestError(
                f'{type(error).__name__}: {error}'
            ) from error
        return spec  # type: ignore[no-any-return]

    def _remake(self, spec: Any, edits: Sequence[Edit]) -> None:
        """Make what depends on flavor, image and ports again.

        As nova.compute.api does for a boot, and ``API.resize`` for a resize,
        which leaves the policy of the flavor out.
        """
        image = _image(spec)
        spec.numa_topology = hardware.numa_get_constraints(spec.flavor, image)
        policy = hardware.get_pci_numa_policy_constraint(spec.flavor, image)
        own = {port.uuid: port.policy for port in self.ports}
        own |= {
            edit.owner: edit.value
            for edit in edits
            if edit.origin is Origin.PORT
        }
        requests = spec.pci_requests.requests if spec.pci_requests else []
        ports = [each for each in requests if _from_port(each)]
        aliases = [each for each in requests if not _from_port(each)]
        if self.task_state is None:
            for port in ports:
                numa_policy = own.get(port.requester_id) or policy
                if numa_policy or 'numa_policy' in port:
                    port.numa_policy = numa_policy
        groups = [
            group
            for group in spec.requested_resources or ()
            if not _is_of(group, aliases)
        ]
        made = _of_aliases(
            spec.flavor, aliases, policy if self.task_state is None else None
        )
        spec.pci_requests = objects.InstancePCIRequests(
            instance_uuid=spec.instance_uuid, requests=[*made, *ports]
        )
        spec.requested_resources = groups
        spec.generate_request_groups_from_pci_requests()

    # Constraints

    def constraints(self) -> Iterator[Constraint]:
        """Everything in the request that can exclude hosts, by origin."""
        extra_specs: Mapping[str, str] = self.spec.flavor.extra_specs or {}
        for name, value in sorted(extra_specs.items()):
            yield Constraint(
                Origin.FLAVOR, self._owner(Origin.FLAVOR, name), name, value
            )
        for name, text in sorted(self._properties().items()):
            yield Constraint(
                Origin.IMAGE, self._owner(Origin.IMAGE, name), name, text
            )
        for port in self.ports:
            if port.policy:
                yield Constraint(
                    Origin.PORT, port.uuid, PORT_POLICY, port.policy
                )
        for alias, policy in self._alias_policies().items():
            yield Constraint(Origin.ALIAS, alias, 'numa_policy', policy)
        for name, values in self._hints().items():
            for each in values:
                yield Constraint(Origin.HINT, '', name, each)

    def edit(self, origin: Origin, name: str, value: str | None) -> Edit:
        """An edit of flavor, image or hints."""
        return Edit(origin, self._owner(origin, name), name, value)

    def _owner(self, origin: Origin, name: str) -> str:
        if name in self.typed:
            return ''
        return {Origin.FLAVOR: self.flavor, Origin.IMAGE: self.image}.get(
            origin, ''
        )

    def _properties(self) -> dict[str, str]:
        """The image properties that flavors have extra specs for."""
        properties = _image(self.spec).properties
        return {
            name: str(getattr(properties, name))
            for name in properties.fields
            if name.startswith('hw_')
            and name in properties
            and getattr(properties, name) is not None
        }

    def _hints(self) -> dict[str, list[str]]:
        """The scheduler hints but a server group, by name."""
        hints = _get(self.spec, 'scheduler_hints') or {}
        return {
            name: list(values) if isinstance(values, list) else [values]
            for name, values in hints.items()
            if not name.startswith(_INTERNAL) and name != 'group'
        }

    def _alias_policies(self) -> dict[str, str]:
        """The policies of aliases where neither flavor nor image has one."""
        return {
            request.alias_name: request.numa_policy
            for request in self._requests()
            if not _from_port(request)
            and self._policy() is None
            and _get(request, 'numa_policy')
        }

    def general_policies(self) -> set[str]:
        """The policies of PCI requests that ports do not set themselves."""
        own = {port.uuid for port in self.ports if port.policy}
        return {
            _get(request, 'numa_policy') or _DEFAULT_POLICY
            for request in self._requests()
            if not (_from_port(request) and request.requester_id in own)
        }

    def _requests(self) -> Sequence[Any]:
        pci_requests = self.spec.pci_requests
        return pci_requests.requests if pci_requests else ()

    def _policy(self) -> str | None:
        policy: str | None = hardware.get_pci_numa_policy_constraint(
            self.spec.flavor, _image(self.spec)
        )
        return policy


def of_stored(
    spec: RequestSpec,
    editable: Collection[Origin] = tuple(Origin),
    task_state: str | None = None,
) -> RequestTemplate:
    """The template of a request that Nova has stored.

    :param spec: is not changed
    :param editable: the origins whose changes reach the request
    :param task_state: that of the move for which the request is
    """
    copied: Any = spec
    copied = copied.obj_clone()
    image = _get(copied, 'image')
    return RequestTemplate(
        copied,
        copied.flavor.name,
        str(_get(image, 'id') or ''),
        ports=_ports_of(copied.pci_requests),
        editable=frozenset(editable),
        task_state=task_state,
    )


def of_boot(
    context: Any, request: boot_request.BootRequest
) -> RequestTemplate:
    """The template of the request of a boot.

    :raises BadRequestError: Nova would refuse it; says why
    """
    made = boot_request.make(context, request)
    return RequestTemplate(
        made.spec,
        request.flavor_name,
        request.image_id,
        request.typed,
        _ports_of(made.spec.pci_requests, made.policies),
        made.by_hand,
    )


def _ports_of(
    pci_requests: Any, own: Mapping[str, str | None] | None = None
) -> tuple[PortOrigin, ...]:
    """The ports of PCI requests.

    :param own: the policies that ports have themselves; None where that is
        not known
    """
    requests = pci_requests.requests if pci_requests else ()
    return tuple(
        PortOrigin(
            request.requester_id,
            _get(request, 'numa_policy')
            if own is None
            else own.get(request.requester_id),
        )
        for request in requests
        if _from_port(request) and _get(request, 'requester_id')
    )


def size_text(size_kib: int) -> str:
    """A page size as a flavor has it: 4KB, 2MB, 1GB."""
    size = size_kib
    for unit in ('KB', 'MB'):
        if size % 1024:
            return f'{size}{unit}'
        size //= 1024
    return f'{size}GB'


def _edit_flavor(spec: Any, edits: Sequence[Edit]) -> None:
    changed = _changed(
        spec.flavor.extra_specs or {},
        [edit for edit in edits if edit.origin is Origin.FLAVOR],
    )
    spec.flavor.extra_specs = changed


def _edit_image(spec: Any, edits: Sequence[Edit]) -> None:
    own = {
        edit.name: edit.value for edit in edits if edit.origin is Origin.IMAGE
    }
    if not own:
        return
    image = _image(spec)
    old, new = image.properties, objects.ImageMetaProps()
    for name in old.fields:
        if name in own:
            if own[name] is not None:
                setattr(new, name, own[name])
        elif name in old:
            setattr(new, name, getattr(old, name))
    image.properties = new
    spec.image = image


def _edit_hints(spec: Any, edits: Sequence[Edit]) -> None:
    own = [edit for edit in edits if edit.origin is Origin.HINT]
    if own:
        hints = _get(spec, 'scheduler_hints') or {}
        spec.scheduler_hints = {
            name: values
            for name, values in hints.items()
            if name not in {edit.name for edit in own}
        } | {edit.name: [edit.value] for edit in own if edit.value is not None}


def _changed(
    values: Mapping[str, str], edits: Iterable[Edit]
) -> dict[str, str]:
    changed = dict(values)
    for edit in edits:
        if edit.value is None:
            changed.pop(edit.name, None)
        else:
            changed[edit.name] = edit.value
    return changed


def _of_aliases(
    flavor: Any, requested: Sequence[Any], policy: str | None
) -> Sequence[Any]:
    """The PCI requests of a flavor's aliases.

    :param requested: those that were made before, for a host whose ``[pci]
        alias`` does not define them
    """
    try:
        made = pci_request.get_pci_requests_from_flavor(flavor, policy)
    except exception.PciRequestAliasNotDefined:
        for request in requested:
            if policy:
                request.numa_policy = policy
        return requested
    requests: Sequence[Any] = made.requests
    return requests


def _is_of(group: Any, requests: Iterable[Any]) -> bool:
    """Whether a request group was made of one of some PCI requests."""
    name = _get(group, 'requester_id') or ''
    return any(
        name.startswith(f'{request.request_id}-')
        for request in requests
        if _get(request, 'request_id')
    )


def _from_port(request: Any) -> bool:
    return bool(request.source == request.NEUTRON_PORT)


def _image(spec: Any) -> Any:
    image = _get(spec, 'image')
    if image is None:
        image = objects.ImageMeta.from_dict({})
    return image


def _get(obj: Any, name: str) -> Any:
    """A field of a versioned object, None where it is not set."""
    return getattr(obj, name) if obj is not None and name in obj else None
