"""``nfv-sched report``: a page or a document about a whole cloud."""

import argparse
import collections
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import datetime
import logging
import pathlib
from typing import Any
from typing import TextIO

from nfv_sched.capacity import Capacity
from nfv_sched.capacity import CapacityCounter
from nfv_sched.checking import instances
from nfv_sched.checking.result import Finding
from nfv_sched.checking.tables import FINDINGS
from nfv_sched.cmd import backends
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.cmd.multi_table import document_text
from nfv_sched.cmd.problems import show_problems
from nfv_sched.cmd.report import PAGE
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import document
from nfv_sched.dryrun.tables import Table
from nfv_sched.exporter import trends as exporter_trends
from nfv_sched.nova import boot_request
from nfv_sched.nova.redact import redact
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.nova.shapes import Shape
from nfv_sched.nova.shapes import shapes_of
from nfv_sched.render import log_reader
from nfv_sched.render import page
from nfv_sched.render import summary
from nfv_sched.render.formatting import printable
from nfv_sched.render.trend_plot import Trend
from nfv_sched.render.trend_plot import TrendSeries
from nfv_sched.survey import Survey

LOG = logging.getLogger(__name__)


def report(app: Any, parsed_args: argparse.Namespace) -> int:
    """Write the report.

    :returns: the exit code
    """
    source = backends.Backends(parsed_args)
    if parsed_args.flavor:
        source.require_databases(
            'capacity by flavor is found by predicting claims'
        )
    survey = source.survey_with_distances()
    rooms, notes = _rooms(source, survey, parsed_args)
    refused = _refusals(parsed_args.log, app.stdin)
    found, _ = instances.findings(survey.hosts)
    trends, problems = _trends(parsed_args)
    survey = dataclasses.replace(
        survey, problems=(*survey.problems, *problems)
    )
    if parsed_args.format == PAGE:
        with rich_console.bar('hosts drawn') as tell:
            text = page.report(
                survey,
                page.ReportParts(
                    [_on_page(room, survey) for room in rooms],
                    refused,
                    [_finding_on_page(each) for each in found if each.code],
                    trends,
                ),
                tell,
            )
    else:
        tables: list[Table[Any]] = [
            summary.summary(survey),
            Table('capacity', _CAPACITY, rooms),
            Table('findings', FINDINGS, [(_CHECK, each) for each in found]),
            *_optional('rejections', _REJECTIONS, refused),
            *_optional(
                'trends',
                _TRENDS,
                None
                if trends is None
                else [(each, line) for each in trends for line in each.series],
            ),
        ]
        text = document_text(
            _document(survey, tables, notes), parsed_args.format
        )
    if parsed_args.output is None:
        app.stdout.write(text)
    else:
        parsed_args.output.write_text(text, 'utf-8')
    show_problems(survey.problems, app.stderr)
    return ExitCode.ERROR if survey.problems else ExitCode.OK


def _optional(
    key: str, columns: Sequence[Column[Any]], rows: Sequence[Any] | None
) -> Iterator[Table[Any]]:
    if rows is not None:
        yield Table(key, tuple(columns), rows)


def _document(
    survey: Survey, tables: Sequence[Table[Any]], notes: Sequence[str]
) -> dict[str, Any]:
    """What the page shows, but for the maps."""
    facts: dict[str, Any] = {
        'source': survey.source.name.lower(),
        'taken': survey.taken.isoformat(),
    }
    known = {table.key for table in tables}
    facts |= {
        key: None for key in ('rejections', 'trends') if key not in known
    }
    return document(
        'report',
        facts,
        tables,
        [*(f'Not known: {text}' for text in survey.unknown), *notes],
        survey.problems,
    )


def _trends(
    parsed: argparse.Namespace,
) -> tuple[list[Trend] | None, tuple[str, ...]]:
    """The trends, None if they are not asked for; and what was not read."""
    if parsed.prometheus is None:
        return None, ()
    try:
        return exporter_trends.read(parsed.prometheus, parsed.days), ()
    except exporter_trends.NoTrendError as error:
        return [], (redact(f'trend: {error}'),)


def _finding_on_page(finding: Finding) -> page.PagedFinding:
    return page.PagedFinding(
        finding.host,
        finding.verdict,
        printable(finding.text),
        printable(finding.fix),
    )


def _refusals(
    path: pathlib.Path | None, stdin: TextIO
) -> list[log_reader.LoggedRejection] | None:
    if path is None:
        return None
    if str(path) == '-':
        return log_reader.rejections(stdin)
    with path.open(encoding='utf-8', errors='replace') as lines:
        return log_reader.rejections(lines)


@dataclasses.dataclass(frozen=True, slots=True)
class _Room:
    """How many more instances of a flavor fit, in one of its shapes."""

    flavor: str
    shape: Shape
    capacity: Capacity

    @property
    def short_of(self) -> list[tuple[str, int]]:
        """What hosts are short of for the next one, with their number.

        Hosts with no capacity at all say little about what runs out.
        """
        counts = collections.Counter(
            host.short
            for host in self.capacity.hosts
            if host.guests or not self.capacity.in_all
        )
        return counts.most_common()

    @property
    def by_host(self) -> dict[str, int]:
        """How many fit each host."""
        return {host.host: host.guests for host in self.capacity.hosts}


def _rooms(
    source: backends.Backends, survey: Survey, parsed: argparse.Namespace
) -> tuple[list[_Room], list[str]]:
    """How many more instances of each flavor fit, in its shapes, and notes."""
    if not parsed.flavor:
        return [], []
    client = source.placement()
    pipeline = Pipeline()
    scheduler = DryRunScheduler(pipeline, client)
    rooms = []
    notes: dict[str, None] = {}
    for name in parsed.flavor:
        flavor = boot_request.flavor_named(pipeline.context, name)
        found = shapes_of(pipeline, flavor, parsed.shapes)
        notes.update(dict.fromkeys(found.notes))
        for shape in found.shapes:
            spec = boot_request.request_spec(pipeline.context, shape.request)
            with rich_console.bar(f'hosts for {name}') as tell:
                capacity = CapacityCounter(scheduler, tell=tell).count(spec)
            rooms.append(_Room(name, shape, capacity))
            notes.update(dict.fromkeys(capacity.notes))
    # Problems of the survey are shown by the command.
    shown = [note for note in notes if note not in survey.problems]
    for note in shown:
        LOG.warning('%s', note)
    return rooms, shown


def _on_page(room: _Room, survey: Survey) -> page.FlavorRoom:
    counts = room.by_host
    return page.FlavorRoom(
        printable(room.flavor),
        room.capacity.in_all,
        [counts.get(host.topology.name, 0) for host in survey.hosts],
        ', '.join(f'{what} ({hosts})' for what, hosts in room.short_of),
        printable(room.shape.text),
        room.shape.running,
    )


#: A plot, and one of its lines.
_TrendLine = tuple[Trend, TrendSeries]


def _iso(when: float) -> str:
    return datetime.datetime.fromtimestamp(when, datetime.UTC).isoformat()


#: The check that finds what is shown about instances.
_CHECK = 'Instances'
_CAPACITY = (
    Column[_Room]('flavor', '', lambda row: row.flavor),
    Column[_Room]('shape', '', lambda row: row.shape.plain),
    Column[_Room]('running', '', lambda row: row.shape.running),
    Column[_Room]('instances', '', lambda row: row.capacity.in_all),
    Column[_Room](
        'short_of',
        '',
        lambda row: [
            {'condition': name, 'hosts': hosts} for name, hosts in row.short_of
        ],
    ),
    Column[_Room]('by_host', '', lambda row: row.by_host),
)
_TRENDS = (
    Column[_TrendLine]('title', '', lambda row: row[0].title),
    Column[_TrendLine]('unit', '', lambda row: row[0].unit or None),
    Column[_TrendLine]('line', '', lambda row: row[1].name),
    Column[_TrendLine](
        'points',
        '',
        lambda row: [
            {'time': _iso(when), 'value': value}
            for when, value in row[1].points
        ],
    ),
)
_REJECTIONS = (
    Column[log_reader.LoggedRejection](
        'time', '', lambda row: row.when or None
    ),
    Column[log_reader.LoggedRejection](
        'instance', '', lambda row: row.instance
    ),
    Column[log_reader.LoggedRejection](
        'rejecting_hosts', '', lambda row: row.hosts
    ),
    Column[log_reader.LoggedRejection](
        'conditions',
        '',
        lambda row: [
            {'condition': name, 'hosts': hosts}
            for name, hosts in row.conditions
        ],
    ),
    Column[log_reader.LoggedRejection](
        'nearest_host', '', lambda row: row.nearest_host or None
    ),
    Column[log_reader.LoggedRejection](
        'text', '', lambda row: row.nearest or None
    ),
)
