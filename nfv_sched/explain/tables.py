"""Explanations as tables."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import Condition
from nfv_sched.dryrun.values import Explanation
from nfv_sched.dryrun.values import HostFinding
from nfv_sched.explain.suggestions import Suggestion
from nfv_sched.nova.shapes import Shape

#: Keys of tables, and values of ``--show``.
CONDITIONS = 'conditions'
HOSTS = 'hosts'
BLOCKERS = 'blockers'
SUGGESTIONS = 'suggestions'
SHAPES = 'shapes'

_CONDITIONS = (
    Column[Condition]('asked_by', 'Asked by', lambda row: row.stage),
    Column[Condition]('condition', 'Condition', lambda row: row.name),
    Column[Condition]('hosts', 'Hosts', lambda row: row.hosts),
    Column[Condition](
        'nearest_host',
        'Nearest miss',
        lambda row: row.nearest.host,
        lambda row: f'{row.nearest.host}: {row.nearest.text}',
    ),
)

_HOSTS = (
    Column[HostFinding]('host', 'Host', lambda row: row.host),
    Column[HostFinding]('fits', 'Fits', lambda row: row.fits),
    Column[HostFinding](
        'asked_by',
        'Asked by',
        lambda row: row.first_blocker and row.first_blocker.stage,
    ),
    Column[HostFinding](
        'condition',
        'Condition',
        lambda row: row.first_blocker and row.first_blocker.condition,
    ),
    Column[HostFinding](
        'all_else_fits', 'All else fits', lambda row: row.fits or row.all
    ),
    Column[HostFinding](
        'text', 'What it lacks', lambda row: None if row.fits else row.text
    ),
)

_HostBlocker = tuple[HostFinding, Blocker]
_BLOCKERS = (
    Column[_HostBlocker]('host', 'Host', lambda row: row[0].host),
    Column[_HostBlocker]('asked_by', 'Asked by', lambda row: row[1].stage),
    Column[_HostBlocker](
        'condition', 'Condition', lambda row: row[1].condition
    ),
    Column[_HostBlocker]('numa_node', 'NUMA node', lambda row: row[1].cell),
    Column[_HostBlocker]('asked', 'Asked', lambda row: row[1].asked),
    Column[_HostBlocker](
        'available', 'Available', lambda row: row[1].available
    ),
    Column[_HostBlocker]('text', 'What it lacks', lambda row: row[1].text),
)


def _moves(suggestion: Suggestion) -> Iterator[dict[str, Any]]:
    for (name, uuid), host in zip(
        suggestion.guests, suggestion.to, strict=True
    ):
        yield {'name': name, 'uuid': uuid, 'fits_on': host}


_SUGGESTIONS = (
    Column[Suggestion](
        'commands',
        'Change',
        lambda row: list(row.commands),
        lambda row: '; '.join(row.commands),
    ),
    Column[Suggestion]('costs', 'Costs', lambda row: row.harm.text),
    Column[Suggestion]('hosts', 'Hosts', lambda row: row.hosts),
    Column[Suggestion]('host', 'Host', lambda row: row.host),
    Column[Suggestion](
        'instances',
        'Instances',
        lambda row: list(_moves(row)),
        lambda row: ', '.join(name for name, _ in row.guests),
    ),
    Column[Suggestion]('', 'They fit on', lambda row: list(row.to)),
)


_ShapeResult = tuple[Shape, Explanation]
_SHAPES = (
    Column[_ShapeResult](
        'shape',
        'Ports and image',
        lambda row: row[0].plain,
        lambda row: row[0].text,
    ),
    Column[_ShapeResult]('running', 'Running', lambda row: row[0].running),
    Column[_ShapeResult]('fitting_count', 'Fit', lambda row: row[1].fitting),
    Column[_ShapeResult]('host_count', 'Hosts', lambda row: row[1].hosts),
    Column[_ShapeResult](
        'conditions',
        'Rejected by',
        lambda row: [
            {'condition': one.name, 'hosts': one.hosts}
            for one in row[1].conditions
        ],
        lambda row: ', '.join(
            f'{one.name} ({one.hosts})' for one in row[1].conditions
        ),
    ),
)


def headline(explanation: Explanation) -> str:
    """How many hosts there are, and how many fit."""
    fitting = (
        'none fits'
        if not explanation.fitting
        else f'{explanation.fitting} fit'
    )
    return f'{explanation.hosts} hosts: {fitting}'


def conditions(explanation: Explanation) -> Table[Condition]:
    """How many hosts each condition rejects first."""
    return Table(CONDITIONS, _CONDITIONS, explanation.conditions)


def hosts(findings: Sequence[HostFinding]) -> Table[HostFinding]:
    """Whether each host fits, nearest first."""
    return Table(HOSTS, _HOSTS, findings)


def nearest(explanation: Explanation, count: int) -> Table[HostFinding]:
    """The nearest of the hosts that do not fit, in a sentence each."""
    missed = [finding for finding in explanation.findings if not finding.fits]
    return hosts(missed[:count]).only(('host', 'text'))


def blockers(findings: Iterable[HostFinding]) -> Table[_HostBlocker]:
    """What each host lacks, one row per thing."""
    rows = [
        (finding, blocker)
        for finding in findings
        for blocker in finding.blockers
    ]
    return Table(BLOCKERS, _BLOCKERS, rows)


def suggestions(suggested: Sequence[Suggestion]) -> Table[Suggestion]:
    """What would let the instance fit."""
    return Table(SUGGESTIONS, _SUGGESTIONS, suggested)


def shapes(explained: Sequence[_ShapeResult]) -> Table[_ShapeResult]:
    """How many hosts fit a flavor in the shapes of its instances."""
    return Table(SHAPES, _SHAPES, explained)
