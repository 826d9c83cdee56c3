"""The requests that Nova has stored for instances.

Those of many instances are read with few queries. Requests that differ only
in names of instances, ports and devices become Nova's objects once: most
instances of a cloud ask for the same as others.
"""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import logging
from typing import Any

from nova import exception
from nova import objects
from nova.db.api import api as api_db
from nova.db.api import models as api_models
from nova.objects import instance_numa
from oslo_serialization import jsonutils
import sqlalchemy as sa

from nfv_sched.model import Guest
from nfv_sched.nova import boot_request
from nfv_sched.nova import cell_databases
from nfv_sched.nova import request_spec
from nfv_sched.nova.redact import describe_error
from nfv_sched.nova.types import RequestSpec

LOG = logging.getLogger(__name__)

#: Stored requests per query.
_PAGE = 500

#: What JSON from elsewhere raises.
_MALFORMED = (AttributeError, LookupError, TypeError, ValueError)
# Of versioned objects.
_DATA = 'nova_object.data'
#: Fields that tell instances apart, not what they ask for.
_NAMES = frozenset(('instance_uuid', 'request_id', 'requester_id'))
#: Fields of a RequestSpec by which a guest is made.
_FIELDS = ('flavor', 'numa_topology', 'pci_requests')
#: And those by which filters and Placement choose among hosts.
_OF_HOSTS = (
    *_FIELDS,
    'image',
    'instance_group',
    'scheduler_hints',
    'availability_zone',
    'project_id',
    'user_id',
)


@dataclasses.dataclass(frozen=True, slots=True)
class StoredGuests:
    """What instances asked for, by uuid; ``problems`` say what is not known.

    Instances without a stored request are in neither.
    """

    guests: Mapping[str, Guest] = dataclasses.field(default_factory=dict)
    problems: Mapping[str, str] = dataclasses.field(default_factory=dict)


def stored_spec(context: Any, instance_uuid: str) -> RequestSpec:
    """The RequestSpec that Nova has stored for an instance's boot.

    Read without Nova's own loading, which updates old records.

    :raises nfv_sched.nova.boot_request.BadRequestError: there is none
    """
    text = stored_texts(context, [instance_uuid]).get(instance_uuid)
    if text is None:
        raise boot_request.BadRequestError(
            f'no request of instance {instance_uuid} is stored'
        )
    try:
        spec = spec_of_text(context, instance_uuid, text)
        _load_group(context, spec)
        boot_request.set_up_group(context, spec)
    except (exception.NovaException, ValueError, LookupError) as error:
        raise boot_request.BadRequestError(
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


def read_guests(uuids: Sequence[str]) -> StoredGuests:
    """The guests of stored requests.

    :raises Exception: whatever a database that is down raises
    """
    context = cell_databases.admin_context()
    guests: dict[str, Guest] = {}
    problems: dict[str, str] = {}
    known: dict[str, Guest] = {}
    for uuid, text in stored_texts(context, uuids).items():
        try:
            data = fields_of(text)
            key = jsonutils.dumps(
                [plain(data.get(name)) for name in _FIELDS], sort_keys=True
            )
            if key not in known:
                spec = spec_of_text(context, uuid, text)
                known[key] = request_spec.read_guest(spec)
            guests[uuid] = known[key]
        except Exception as error:
            # Versioned objects raise what they like over JSON from elsewhere.
            problems[uuid] = describe_error(error)
    return StoredGuests(guests, problems)


def read_specs(
    context: Any, uuids: Collection[str]
) -> Iterator[tuple[RequestSpec, list[str]]]:
    """The stored requests that differ, each with the instances that have it.

    Those that are malformed are left out.

    :raises Exception: whatever a database that is down raises
    """
    alike: dict[str, dict[str, str]] = {}
    for uuid, text in stored_texts(context, list(uuids)).items():
        with contextlib.suppress(*_MALFORMED):
            alike.setdefault(request_key(text), {})[uuid] = text
    for texts in alike.values():
        uuid, text = next(iter(texts.items()))
        try:
            spec = spec_of_text(context, uuid, text)
        except Exception:
            # Versioned objects raise what they like over JSON from elsewhere.
            LOG.debug('A stored request is malformed', exc_info=True)
            continue
        yield spec, list(texts)


def request_key(text: str) -> str:
    """Equal for stored requests that the same hosts fit.

    :raises ValueError: it is malformed
    """
    data = fields_of(text)
    key: str = jsonutils.dumps(
        [plain(data.get(name)) for name in _OF_HOSTS], sort_keys=True
    )
    return key


def fields_of(text: str) -> Mapping[str, Any]:
    """The fields of a stored RequestSpec."""
    fields: Mapping[str, Any] = jsonutils.loads(text)[_DATA]
    return fields


def plain(value: Any) -> Any:
    """The fields of a versioned object, without those that are names."""
    if isinstance(value, dict):
        return dict(_plain_items(value.get(_DATA, value)))
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _plain_items(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if name not in _NAMES:
            yield name, plain(value)
