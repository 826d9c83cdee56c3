"""``nfv-sched report``: an HTML page about a cloud."""

import argparse
import collections
import logging
import pathlib
from typing import TextIO

from cliff import command

from nfv_sched.capacity import Capacity
from nfv_sched.capacity import CapacityCounter
from nfv_sched.checking import instances
from nfv_sched.cmd import backends
from nfv_sched.cmd import guest_options
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.problems import show_problems
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.nova import boot_request
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.nova.shapes import Shape
from nfv_sched.nova.shapes import shapes_of
from nfv_sched.render import log_reader
from nfv_sched.render import page
from nfv_sched.render.formatting import printable
from nfv_sched.survey import Survey

LOG = logging.getLogger(__name__)


class ReportCommand(command.Command):  # type: ignore[misc]
    """Write an HTML page about the capacity of the cloud.

    The page is one file without external resources: a heat map of all hosts
    and NUMA nodes, figures and a NUMA map of each host, capacity by flavor,
    and refused requests. The exit code is 1 if any host or Nova cell could
    not be read.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser of the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--output',
            type=pathlib.Path,
            required=True,
            metavar='FILE',
            help='page to write',
        )
        parser.add_argument(
            '--flavor',
            action='append',
            default=[],
            metavar='NAME',
            help='count how many more instances of this flavor fit, by name '
            "or id; may be repeated. Needs Nova's databases",
        )
        guest_options.add_shapes_argument(parser)
        parser.add_argument(
            '--log',
            type=pathlib.Path,
            metavar='FILE',
            help='log of nova-scheduler, whose refused requests are listed; '
            '"-" reads standard input',
        )
        backends.add_arguments(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Write the page.

        :returns: the exit code
        """
        source = backends.Backends(parsed_args)
        if parsed_args.flavor:
            source.require_databases(
                'capacity by flavor is found by predicting claims'
            )
        survey = source.survey_with_distances()
        room = _room(source, survey, parsed_args)
        refused = _refusals(parsed_args.log, self.app.stdin)
        with rich_console.bar('hosts drawn') as tell:
            text = page.report(survey, room, refused, _findings(survey), tell)
        parsed_args.output.write_text(text, 'utf-8')
        show_problems(survey.problems, self.app.stderr)
        return int(bool(survey.problems))


def _findings(survey: Survey) -> list[page.PagedFinding]:
    """What ``nfv-sched check`` finds about instances."""
    found, _ = instances.findings(survey.hosts)
    return [
        page.PagedFinding(
            finding.host,
            finding.verdict,
            printable(finding.text),
            printable(finding.fix),
        )
        for finding in found
        if finding.code
    ]


def _refusals(
    path: pathlib.Path | None, stdin: TextIO
) -> list[log_reader.LoggedRejection] | None:
    if path is None:
        return None
    if str(path) == '-':
        return log_reader.rejections(stdin)
    with path.open(encoding='utf-8', errors='replace') as lines:
        return log_reader.rejections(lines)


def _room(
    source: backends.Backends, survey: Survey, parsed: argparse.Namespace
) -> list[page.FlavorRoom]:
    """How many more instances of each flavor fit, in its shapes."""
    if not parsed.flavor:
        return []
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
            rooms.append(_flavor_room(name, shape, capacity, survey))
            notes.update(dict.fromkeys(capacity.notes))
    for note in notes:
        # Problems of the survey are shown by the command.
        if note not in survey.problems:
            LOG.warning(note)
    return rooms


def _flavor_room(
    name: str, shape: Shape, capacity: Capacity, survey: Survey
) -> page.FlavorRoom:
    counts = {host.host: host.guests for host in capacity.hosts}
    # Hosts with no capacity at all say little about what runs out.
    short = collections.Counter(
        host.short
        for host in capacity.hosts
        if host.guests or not capacity.in_all
    )
    return page.FlavorRoom(
        printable(name),
        capacity.in_all,
        [counts.get(host.topology.name, 0) for host in survey.hosts],
        ', '.join(f'{what} ({hosts})' for what, hosts in short.most_common()),
        printable(shape.text),
        shape.running,
    )
