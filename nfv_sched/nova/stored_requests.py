"""The stored requests of many instances, with few queries.

Requests that differ only in names of instances, ports and devices become
Nova's objects once: most instances of a cloud ask for the same as others.
"""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import dataclasses
import logging
from typing import Any

from oslo_serialization import jsonutils

from nfv_sched.model import Guest
from nfv_sched.nova import boot_request
from nfv_sched.nova import cell_databases
from nfv_sched.nova import request_spec
from nfv_sched.nova.redact import describe_error
from nfv_sched.nova.types import RequestSpec

LOG = logging.getLogger(__name__)

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


def read_guests(uuids: Sequence[str]) -> StoredGuests:
    """The guests of stored requests.

    :raises Exception: whatever a database that is down raises
    """
    context = cell_databases.admin_context()
    guests: dict[str, Guest] = {}
    problems: dict[str, str] = {}
    known: dict[str, Guest] = {}
    for uuid, text in boot_request.stored_texts(context, uuids).items():
        try:
            data = fields_of(text)
            key = jsonutils.dumps(
                [plain(data.get(name)) for name in _FIELDS], sort_keys=True
            )
            if key not in known:
                spec = boot_request.spec_of_text(context, uuid, text)
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
    for uuid, text in boot_request.stored_texts(context, list(uuids)).items():
        with contextlib.suppress(*_MALFORMED):
            alike.setdefault(request_key(text), {})[uuid] = text
    for texts in alike.values():
        uuid, text = next(iter(texts.items()))
        try:
            spec = boot_request.spec_of_text(context, uuid, text)
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
