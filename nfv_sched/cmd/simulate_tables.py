"""Tables of a scenario that was run."""

from collections import Counter
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.explain import tables as explain_tables
from nfv_sched.render import summary
from nfv_sched.render.formatting import size_name
from nfv_sched.render.summary import HostFigures
from nfv_sched.scenario.run import Event
from nfv_sched.scenario.run import EventKind
from nfv_sched.scenario.run import RejectionExplained
from nfv_sched.scenario.values import Step
from nfv_sched.survey import Survey

_Counts = Counter[EventKind]

_EVENTS = (
    Column[Event]('step', 'Step', lambda row: row.step + 1),
    Column[Event]('instance', 'Instance', lambda row: row.instance),
    Column[Event]('flavor', 'Flavor', lambda row: row.flavor),
    Column[Event](
        'event',
        'Event',
        lambda row: row.kind.name.lower(),
        lambda row: row.kind.value,
    ),
    Column[Event]('host', 'Host', lambda row: row.host),
    Column[Event]('host_before', 'Host before', lambda row: row.before),
    Column[Event]('error', 'Error', lambda row: row.error or None),
)


@dataclasses.dataclass(frozen=True, slots=True)
class EventCounts:
    """The numbers of events of a step or a flavor."""

    name: str
    counts: _Counts
    step: int = 0

    @property
    def refused(self) -> int:
        """The instances that got no host."""
        return (
            self.counts[EventKind.REFUSED]
            + self.counts[EventKind.CLAIM_FAILED]
            + self.counts[EventKind.IMPOSSIBLE]
        )


def _count(kind: EventKind) -> Column[EventCounts]:
    name = kind.name.lower()
    return Column(name, name, lambda row: row.counts[kind])


_REFUSED = Column[EventCounts]('refused', 'refused', lambda row: row.refused)
_STEPS = (
    Column[EventCounts]('step', 'step', lambda row: row.step),
    Column[EventCounts]('action', 'action', lambda row: row.name),
    _count(EventKind.PLACED),
    _REFUSED,
    _count(EventKind.MOVED),
    _count(EventKind.LOST),
    _count(EventKind.STAYED),
    _count(EventKind.DELETED),
)
_FLAVORS = (
    Column[EventCounts]('flavor', 'flavor', lambda row: row.name),
    Column[EventCounts](
        'requested',
        'requested',
        lambda row: row.counts[EventKind.PLACED] + row.refused,
    ),
    _count(EventKind.PLACED),
    _REFUSED,
    _count(EventKind.MOVED),
    _count(EventKind.LOST),
    _count(EventKind.STAYED),
)

_ErrorCount = tuple[tuple[str, str], int]
_ERRORS = (
    Column[_ErrorCount]('flavor', 'flavor', lambda row: row[0][0]),
    Column[_ErrorCount]('error', 'error', lambda row: row[0][1]),
    Column[_ErrorCount]('instances', 'instances', lambda row: row[1]),
)

_REJECTIONS = (
    Column[RejectionExplained]('step', 'Step', lambda row: row.step + 1),
    Column[RejectionExplained](
        'instance', 'Instance', lambda row: row.instance.name
    ),
    Column[RejectionExplained](
        'flavor', 'Flavor', lambda row: row.instance.flavor.name
    ),
    Column[RejectionExplained](
        'requested', 'Requested', lambda row: row.requested
    ),
    Column[RejectionExplained](
        'host_count', 'Hosts', lambda row: row.explanation.hosts
    ),
    Column[RejectionExplained](
        'fitting_count', 'Hosts that fit', lambda row: row.explanation.fitting
    ),
    Column[RejectionExplained](
        'conditions',
        'Conditions',
        lambda row: explain_tables.conditions(row.explanation).records(),
        lambda row: ', '.join(
            f'{condition.name} ({condition.hosts})'
            for condition in row.explanation.conditions
        ),
    ),
)


def events(found: Sequence[Event]) -> Table[Event]:
    """What happened to each instance, in order."""
    return Table('events', _EVENTS, found)


def steps(
    played: Sequence[Step], found: Sequence[Event]
) -> Table[EventCounts]:
    """What happened in each step."""
    counts: dict[int, _Counts] = {}
    for event in found:
        counts.setdefault(event.step, Counter())[event.kind] += 1
    rows = [
        EventCounts(str(step), counts.get(number, Counter()), number + 1)
        for number, step in enumerate(played)
    ]
    return Table('steps', _STEPS, rows)


def flavors(found: Sequence[Event]) -> Table[EventCounts]:
    """What happened to the instances of each flavor."""
    counts: dict[str, _Counts] = {}
    for event in found:
        counts.setdefault(event.flavor, Counter())[event.kind] += 1
    rows = [EventCounts(name, counts[name]) for name in sorted(counts)]
    return Table('flavors', _FLAVORS, rows)


def errors(found: Sequence[Event]) -> Table[_ErrorCount]:
    """Requests that Nova refused as such, and failed claims."""
    counts = Counter(
        (event.flavor, event.error)
        for event in found
        if event.kind in (EventKind.IMPOSSIBLE, EventKind.CLAIM_FAILED)
    )
    return Table('errors', _ERRORS, counts.most_common())


def rejections(
    whys: Sequence[RejectionExplained],
) -> Table[RejectionExplained]:
    """Why instances have no host: the first of each flavor and step."""
    return Table('rejections', _REJECTIONS, whys)


def hosts(
    survey: Survey, kinds: Sequence[str], lost: Collection[str]
) -> Table[HostFigures]:
    """The hosts at the end: records of the summary, short texts for people."""
    figures = summary.summary(survey)
    sizes = sorted(
        {
            size
            for row in figures.rows
            for size, (_, usable) in row.figures.pages.items()
            if usable
        }
    )

    def name(row: HostFigures) -> str:
        return f'{row.name} (lost)' if row.survey.host in lost else row.name

    people: list[tuple[str, Any]] = [
        ('host', name),
        *((kind, _of_kind(kind)) for kind in kinds),
        ('instances', lambda row: row.figures.guests or 0),
        (
            'free CPUs',
            lambda row: f'{row.figures.free_cpus}/{row.figures.cpus}',
        ),
        *((f'free {size_name(size)}', _of_size(size)) for size in sizes),
        (
            'free devices',
            lambda row: _share(row.figures.free_devices, row.figures.devices),
        ),
        ('stranded', lambda row: row.figures.stranded),
        (
            'fragmentation',
            lambda row: f'{100 * row.figures.fragmentation:.0f} %',
        ),
    ]
    columns = (
        *(Column('', heading, text) for heading, text in people),
        *(
            dataclasses.replace(column, heading='')
            for column in figures.columns
            if column.key
        ),
        Column[HostFigures]('lost', '', lambda row: row.survey.host in lost),
    )
    return Table('hosts', columns, figures.rows)


def _of_kind(kind: str) -> Any:
    def text(row: HostFigures) -> str | None:
        domains: Mapping[str, str] = row.survey.topology.domains
        return domains.get(kind)

    return text


def _of_size(size: int) -> Any:
    def text(row: HostFigures) -> str:
        return _share(*row.figures.pages.get(size, (0, 0)))

    return text


def _share(free: int, usable: int) -> str:
    return f'{free}/{usable}' if usable else '-'
