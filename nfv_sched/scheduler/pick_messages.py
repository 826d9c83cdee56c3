"""The messages by which schedulers share their picks.

A message is of JSON's types. Schedulers of several releases may share a bus:
fields that a release does not know are ignored, those that it misses have
defaults, and a message of another major version is dropped. Change the major
version only where older schedulers would misunderstand a message.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import json
from typing import Any
from typing import NamedTuple
from typing import TypeVar

import jsonschema  # type: ignore[import-untyped]

from nfv_sched import fit
from nfv_sched.model import DeviceRequest
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import NodeChoice
from nfv_sched.model.guest import PAGES_ANY

#: Major and minor version of what this release sends.
VERSION = (1, 1)
#: The most picks of one message.
MOST_PICKS = 64
#: The longest description of a guest, in characters.
MOST_TEXT = 65536
# Shapes of guests that are kept, so that each is read once.
_SHAPES = 512
_MOST_NODES = 1024

ModelValue = TypeVar('ModelValue')


class InvalidMessage(ValueError):
    """A message that is malformed or of another major version."""


class SharedPick(NamedTuple):
    """A pick as schedulers share it, without the clock of any of them.

    ``node`` is the uuid of the compute node; ``age`` is in seconds, from the
    pick to the message.
    """

    instance: str
    node: str
    host: str
    fit_request: fit.FitRequest
    providers: fit.Providers
    choice: NodeChoice | None
    age: float


class Message(NamedTuple):
    """``sent`` is in seconds of the sender's wall clock.

    A sender that ``asks`` wants to know what all others have in flight.
    """

    sender: str
    sent: float
    picks: tuple[SharedPick, ...]
    asks: bool = False


_NAME = {'type': 'string', 'minLength': 1, 'maxLength': 255}
_NAMES = {'type': 'array', 'items': _NAME, 'maxItems': _MOST_NODES}
_NODES = {
    'type': 'array',
    'maxItems': _MOST_NODES,
    'items': {'type': 'integer', 'minimum': 0},
}
_CPUS = {**_NODES, 'maxItems': 65536}
_SECONDS = {'type': 'number', 'minimum': 0}
_OPTIONAL_NAME = {'anyOf': [{'type': 'null'}, {**_NAME, 'minLength': 0}]}

_MESSAGE = {
    'type': 'object',
    'required': ['version', 'sender', 'sent', 'picks'],
    'properties': {
        'version': {
            'type': 'array',
            'items': {'type': 'integer', 'minimum': 0},
            'minItems': 2,
            'maxItems': 2,
        },
        'sender': _NAME,
        'sent': _SECONDS,
        'asks': {'type': 'boolean'},
        'picks': {
            'type': 'array',
            'maxItems': MOST_PICKS,
            'items': {
                'type': 'object',
                'required': ['instance', 'node', 'host', 'guest'],
                'properties': {
                    'instance': _NAME,
                    'node': _NAME,
                    'host': _NAME,
                    'guest': {'type': 'string', 'maxLength': MOST_TEXT},
                    'pack': {'type': 'boolean'},
                    'providers': {
                        'type': 'array',
                        'maxItems': _MOST_NODES,
                        'items': _NAMES,
                    },
                    'required_nodes': _NODES,
                    'excluded_nodes': _NODES,
                    'age': _SECONDS,
                },
            },
        },
    },
}

_CELL = {
    'type': 'object',
    'required': ['id', 'memory_mib'],
    'properties': {
        'id': {'type': 'integer', 'minimum': 0},
        'memory_mib': {'type': 'integer', 'minimum': 0},
        'shared': _CPUS,
        'dedicated': _CPUS,
        'page_size': {'type': ['integer', 'null'], 'minimum': PAGES_ANY},
        'cpu_policy': {'enum': ['dedicated', 'mixed', 'shared', None]},
        'thread_policy': {'enum': ['prefer', 'require', 'isolate', None]},
    },
}
_DEVICE = {
    'type': 'object',
    'required': ['count', 'specs'],
    'properties': {
        'count': {'type': 'integer', 'minimum': 0},
        'specs': {
            'type': 'array',
            'maxItems': _MOST_NODES,
            'items': {
                'type': 'object',
                'additionalProperties': {'type': ['string', 'null']},
            },
        },
        'policy': {'enum': ['required', 'socket', 'legacy', 'preferred']},
        'request_id': _OPTIONAL_NAME,
        'from_port': {'type': 'boolean'},
        'bandwidth_group': _OPTIONAL_NAME,
        'rp_uuids': _NAMES,
    },
}
_GUEST = {
    'type': 'object',
    'properties': {
        'cells': {'type': 'array', 'maxItems': _MOST_NODES, 'items': _CELL},
        'devices': {
            'type': 'array',
            'maxItems': _MOST_NODES,
            'items': _DEVICE,
        },
        'emulator_isolated': {'type': 'boolean'},
        'physnets': _NAMES,
        'tunneled': {'type': 'boolean'},
        'spread_functions': {'type': 'boolean'},
        'pcie_policy': {'enum': ['preferred', 'required', None]},
        'accelerators': _NAMES,
    },
}
_CHECK_MESSAGE = jsonschema.Draft202012Validator(_MESSAGE)
_CHECK_GUEST = jsonschema.Draft202012Validator(_GUEST)


def encode(
    sender: str,
    sent: float,
    picks: Sequence[SharedPick],
    *,
    asks: bool = False,
) -> dict[str, Any]:
    """The message of picks.

    :param sent: seconds of the wall clock
    :param asks: whether the others are to send theirs
    """
    return {
        'version': list(VERSION),
        'sender': sender,
        'sent': sent,
        'asks': asks,
        'picks': list(map(_encode_pick, picks)),
    }


def _encode_pick(pick: SharedPick) -> dict[str, Any]:
    encoded = {
        'instance': pick.instance,
        'node': pick.node,
        'host': pick.host,
        'guest': encode_guest(pick.fit_request.guest),
        'pack': pick.fit_request.pack,
        'providers': [list(chosen) for chosen in pick.providers],
        'age': pick.age,
    }
    if pick.choice is not None:
        encoded['required_nodes'] = sorted(pick.choice.required)
        encoded['excluded_nodes'] = sorted(pick.choice.excluded)
    return encoded


def encode_guest(guest: Guest) -> str:
    """What a claim takes of a host, as JSON.

    Mostly equal for the instances of a flavor: the ids of device requests are
    left out, which only the mappings of allocation candidates name.
    """
    devices = (
        dataclasses.replace(request, request_id=None)
        for request in guest.devices
    )
    plain = _plain(dataclasses.replace(guest, devices=tuple(devices)))
    return json.dumps(plain, sort_keys=True, separators=(',', ':'))


def _plain(value: Any) -> Any:
    """JSON's types; fields that have their default are left out."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if getattr(value, field.name) != field.default
        }
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return list(map(_plain, value))
    if isinstance(value, Mapping):
        return dict(value)
    return value


def decode(message: object) -> Message:
    """The picks of a message.

    :raises InvalidMessage: it cannot be used; says why
    """
    fields = _checked(_CHECK_MESSAGE, message)
    major, minor = fields['version']
    if major != VERSION[0]:
        raise InvalidMessage(f'version {major}.{minor} is not supported')
    return Message(
        fields['sender'],
        fields['sent'],
        tuple(map(_decode_pick, fields['picks'])),
        fields.get('asks', False),
    )


def _decode_pick(fields: Mapping[str, Any]) -> SharedPick:
    choice = None
    if 'required_nodes' in fields or 'excluded_nodes' in fields:
        choice = NodeChoice(
            frozenset(fields.get('required_nodes', ())),
            frozenset(fields.get('excluded_nodes', ())),
        )
    fit_request = _fit_request(fields['guest'], fields.get('pack', False))
    providers = tuple(map(tuple, fields.get('providers', ())))
    if not providers:
        providers = fit_request.no_providers
    if len(providers) != len(fit_request.guest.devices):
        raise InvalidMessage(
            f'providers of {len(providers)} device requests, not of '
            f'{len(fit_request.guest.devices)}'
        )
    return SharedPick(
        fields['instance'],
        fields['node'],
        fields['host'],
        fit_request,
        providers,
        choice,
        fields.get('age', 0.0),
    )


@functools.lru_cache(_SHAPES)
def _fit_request(text: str, pack: bool) -> fit.FitRequest:
    """The request of a shape, which all its picks share."""
    return fit.FitRequest(decode_guest(text), pack=pack)


def decode_guest(text: str) -> Guest:
    """The guest that :func:`encode_guest` encoded.

    :raises InvalidMessage: it cannot be used; says why
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(f'a guest is not JSON: {error}') from error
    fields = _checked(_CHECK_GUEST, fields)
    return _make(
        Guest,
        fields,
        cells=tuple(
            _make(GuestCell, cell) for cell in fields.get('cells', ())
        ),
        devices=tuple(
            _make(
                DeviceRequest,
                request,
                specs=tuple(request['specs']),
                rp_uuids=tuple(request.get('rp_uuids', ())),
            )
            for request in fields.get('devices', ())
        ),
    )


def _make(
    kind: type[ModelValue], fields: Mapping[str, Any], **made: Any
) -> ModelValue:
    """A model value of the fields that this release knows."""
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    values = {
        name: frozenset(value) if isinstance(value, list) else value
        for name, value in fields.items()
        if name in known and name not in made
    }
    return kind(**values, **made)


def _checked(
    validator: jsonschema.Draft202012Validator, value: object
) -> dict[str, Any]:
    error = next(validator.iter_errors(value), None)
    if error is not None:
        # Not the value, which may be long and of any kind.
        place = error.json_path[:200]
        raise InvalidMessage(f'{place} is not valid ({error.validator})')
    assert isinstance(value, dict)  # noqa: S101 - by the schema
    return value
