"""A decision of a scheduler as one line of JSON.

The line of a later version of this package may have other keys: it is read
as long as its version is VERSION.
"""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
import enum
import json
from typing import Any
from typing import TypeVar

#: Incremented when a key is removed or gets another meaning.
VERSION = 1

T = TypeVar('T')
_Values = Mapping[str, Any]


class MalformedRecordError(ValueError):
    """A line is no record; the text says why."""


class Ending(enum.StrEnum):
    """How the search for a host ended, as far as the filters know."""

    #: Nova selected a host, and claimed its resources in Placement.
    SELECTED = 'host selected'
    #: A filter of nfv_sched rejected the last hosts.
    REJECTED = 'rejected'
    #: Filters that run later rejected the last hosts.
    OTHER_FILTERS = 'rejected by other filters'
    #: Placement refused the claim of every host that was left.
    PLACEMENT = 'refused by Placement'


class RequestKind(enum.StrEnum):
    """What an instance was scheduled for."""

    BOOT = 'boot'
    MOVE = 'move'
    LIVE_MIGRATION = 'live migration'


@dataclasses.dataclass(frozen=True, slots=True)
class FilterCount:
    """The number of hosts before and after a filter."""

    name: str
    before: int
    after: int


@dataclasses.dataclass(frozen=True, slots=True)
class AppliedWeight:
    """The weight that a weigher gave to a host, and its multiplier."""

    weigher: str
    weight: float
    multiplier: float

    @property
    def contribution(self) -> float:
        """The part of the host's total."""
        return self.weight * self.multiplier


@dataclasses.dataclass(frozen=True, slots=True)
class RankedHost:
    """A host and its weights.

    ``others`` is the part of the total from weighers that are not of
    nfv_sched. ``node`` is the hypervisor's name.
    """

    node: str
    total: float
    others: float
    weights: tuple[AppliedWeight, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Counterfactual:
    """The best host if a weigher gave all hosts the same weight.

    ``weigher`` is None for all that are not of nfv_sched together.
    """

    weigher: str | None
    node: str


@dataclasses.dataclass(frozen=True, slots=True)
class ShadowJudgement:
    """What the filters and weighers would have done, in shadow mode.

    ``accepted`` is how many hosts the filters accept. ``rejects_selected``
    is why they reject the host that Nova selected, None if they accept it.
    ``node`` is the host that would have been selected, None without any.
    """

    accepted: int
    rejects_selected: str | None
    node: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class DecisionRecord:
    """A scheduler's decision on one instance.

    ``time`` is in seconds since 1970. ``scheduler`` is the host of the
    service, ``pid`` its process. ``instances`` is how many the request was
    made for. ``service_host`` and ``node`` are those of the host that Nova
    selected, ``rank`` its place by total weight, ``claims`` how many hosts'
    claims Placement was asked for, ``subset_size`` Nova's option.
    ``numa_nodes`` are the host NUMA nodes that the claim is predicted to
    take, by guest NUMA node; ``chosen`` is whether the claim is restricted.
    ``weighed`` is how many hosts were weighed, None where no weigher was
    asked. ``best`` are the best hosts, ``without`` those that would be first
    without a weigher. ``conditions`` are the numbers of rejected hosts by
    what they lacked, ``nearest`` is the nearest miss. ``dropped`` is how many
    decisions before this one were not recorded.
    """

    time: float
    scheduler: str
    pid: int
    instance: str
    flavor: str
    purpose: RequestKind
    instances: int
    ending: Ending
    request_id: str | None = None
    filters: tuple[FilterCount, ...] = ()
    weighed: int | None = None
    service_host: str | None = None
    node: str | None = None
    rank: int | None = None
    claims: int = 0
    subset_size: int = 1
    numa_nodes: tuple[int, ...] | None = None
    chosen: bool = False
    best: tuple[RankedHost, ...] = ()
    without: tuple[Counterfactual, ...] = ()
    conditions: tuple[tuple[str, int], ...] = ()
    nearest: str = ''
    shadow: ShadowJudgement | None = None
    dropped: int = 0

    @property
    def runner_up(self) -> RankedHost | None:
        """The best host that was not selected."""
        return next((h for h in self.best if h.node != self.node), None)


def encode(record: DecisionRecord) -> str:
    """The record as one line, without its end."""
    values: dict[str, Any] = {'version': VERSION}
    for name in DecisionRecord.__slots__:
        values[name] = getattr(record, name)
    values['filters'] = [(f.name, f.before, f.after) for f in record.filters]
    values['best'] = [
        (
            host.node,
            host.total,
            host.others,
            [(w.weigher, w.weight, w.multiplier) for w in host.weights],
        )
        for host in record.best
    ]
    values['without'] = [(c.weigher, c.node) for c in record.without]
    if record.shadow is not None:
        shadow = record.shadow
        values['shadow'] = (
            shadow.accepted,
            shadow.rejects_selected,
            shadow.node,
        )
    return json.dumps(values, separators=(',', ':'))


def decode(line: str | bytes) -> DecisionRecord:
    """The record of a line.

    :raises MalformedRecordError: it is none, or of another version
    """
    try:
        return _record(json.loads(line))
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise MalformedRecordError(
            f'{type(error).__name__}: {error}'
        ) from error


def _record(values: _Values) -> DecisionRecord:
    if values.get('version') != VERSION:
        raise ValueError(f'version {values.get("version")!r}')
    return DecisionRecord(
        time=_number(values['time']),
        scheduler=_text(values['scheduler']),
        pid=_integer(values['pid']),
        instance=_text(values['instance']),
        flavor=_text(values['flavor']),
        purpose=RequestKind(values['purpose']),
        instances=_integer(values['instances']),
        ending=Ending(values['ending']),
        request_id=_optional(_text, values['request_id']),
        filters=tuple(
            FilterCount(_text(name), _integer(before), _integer(after))
            for name, before, after in values['filters']
        ),
        weighed=_optional(_integer, values['weighed']),
        service_host=_optional(_text, values['service_host']),
        node=_optional(_text, values['node']),
        rank=_optional(_integer, values['rank']),
        claims=_integer(values['claims']),
        subset_size=_integer(values['subset_size']),
        numa_nodes=_optional(
            lambda nodes: tuple(map(_integer, nodes)), values['numa_nodes']
        ),
        chosen=bool(values['chosen']),
        best=tuple(_ranked(*entry) for entry in values['best']),
        without=tuple(
            Counterfactual(_optional(_text, weigher), _text(node))
            for weigher, node in values['without']
        ),
        conditions=tuple(
            (_text(name), _integer(count))
            for name, count in values['conditions']
        ),
        nearest=_text(values['nearest']),
        shadow=_optional(lambda entry: _shadow(*entry), values['shadow']),
        dropped=_integer(values['dropped']),
    )


def _ranked(node: Any, total: Any, others: Any, weights: Any) -> RankedHost:
    return RankedHost(
        _text(node),
        _number(total),
        _number(others),
        tuple(
            AppliedWeight(_text(name), _number(weight), _number(multiplier))
            for name, weight, multiplier in weights
        ),
    )


def _shadow(accepted: Any, rejects: Any, node: Any) -> ShadowJudgement:
    return ShadowJudgement(
        _integer(accepted), _optional(_text, rejects), _optional(_text, node)
    )


def _optional(read: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else read(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f'{value!r} is no text')
    return value


def _integer(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f'{value!r} is no integer')
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f'{value!r} is no number')
    return float(value)
