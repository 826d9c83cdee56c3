"""``nfv-sched topology``: the NUMA maps of hosts, and what is free on them."""

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import fnmatch
import pathlib

from rich.console import Console
from rich.text import Text

from nfv_sched.cmd import backends
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.cmd.multi_table import document_text
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.dryrun.tables import document
from nfv_sched.model.similar_names import did_you_mean
from nfv_sched.render import host_view
from nfv_sched.render import page
from nfv_sched.render import summary
from nfv_sched.render import svg
from nfv_sched.render import terminal
from nfv_sched.survey import export
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import Survey

_INDENT = 2
#: More hosts are not drawn for a terminal unless they are named.
_MOST_DRAWN = 20
_PICTURES = ('html', 'json', 'svg', 'table', 'yaml')


def add_hosts(parser: argparse.ArgumentParser) -> None:
    """Add the names or patterns for :func:`select_hosts`."""
    parser.add_argument(
        'hosts',
        nargs='*',
        metavar='HOST',
        help='name of a host, or a pattern such as "cmp-?"; default: all',
    )


class UnknownHostError(Exception):
    """No host has that name; the text has similar names."""


def select_hosts(survey: Survey, patterns: Sequence[str]) -> Survey:
    """The survey with only the matching hosts; with all without patterns.

    A pattern matches the name of the nova-compute service or of the
    hypervisor; ``*``, ``?`` and ``[...]`` match as in a shell.

    :raises UnknownHostError: a pattern matches no host
    """
    if not patterns:
        return survey
    for pattern in patterns:
        if not any(_matches(host, pattern) for host in survey.hosts):
            names = [host.host for host in survey.hosts]
            hint = did_you_mean(pattern, names)
            raise UnknownHostError(f'there is no host {pattern}{hint}')
    hosts = tuple(
        host
        for host in survey.hosts
        if any(_matches(host, pattern) for pattern in patterns)
    )
    return dataclasses.replace(survey, hosts=hosts)


def _matches(host: HostSurvey, pattern: str) -> bool:
    names = (host.host, host.topology.name)
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


class UsageError(Exception):
    """A combination of options that is not supported; the text says which."""


class TopologyCommand(MultiTableCommand):
    """Show the NUMA maps of hosts: NUMA nodes, cores, instances, devices.

    The formats are a drawing for the terminal (table, the default), a picture
    (svg), a page (html) and data (json, yaml). With --summary the command
    prints a table of the hosts instead, one row for each, in all formats of
    lists. So it does for the terminal if no host is named and there are more
    than 20. The exit code is 1 if any host or Nova cell could not be read.
    """

    default_view = 'summary'
    _surveyed: Survey | None = None

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        backends.add_arguments(parser)
        add_hosts(parser)
        parser.add_argument(
            '--summary',
            action='store_true',
            help='one row per host: free resources, fragmentation, stranded '
            'devices',
        )
        parser.add_argument(
            '--output',
            type=pathlib.Path,
            metavar='FILE',
            help='write the maps to this file instead of to the terminal',
        )
        self._add_pictures()
        return parser

    def _add_pictures(self) -> None:
        """Add the formats of maps to those of lists in ``--format``."""
        lists = self._formatter_plugins.names()
        group = self._formatter_group
        group.conflict_handler = 'resolve'
        group.add_argument(
            '-f',
            '--format',
            dest='formatter',
            choices=sorted({*lists, *_PICTURES}),
            default=self.formatter_default,
            help='the output format: html and svg for maps, csv and value '
            'for --summary; the default, table, draws maps for the terminal',
        )

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        known = self._formatter_plugins.names()
        form = parsed_args.formatter
        if parsed_args.summary:
            if form not in known:
                raise UsageError(f'--summary has no format {form}')
            if parsed_args.output:
                raise UsageError('--output cannot be used with --summary')
            code: int = super().run(parsed_args)
            return code
        if form not in _PICTURES:
            raise UsageError(
                f'the format {form} is available with --summary only'
            )
        survey = self._survey(parsed_args)
        shown = form == 'table' and parsed_args.output is None
        if shown and not parsed_args.hosts and len(survey.hosts) > _MOST_DRAWN:
            print(
                f'{len(survey.hosts)} hosts; name hosts to see their NUMA '
                'nodes',
                file=self.app.stderr,
            )
            summarized: int = super().run(parsed_args)
            return summarized
        self._draw(survey, parsed_args)
        return ExitCode.ERROR if survey.problems else ExitCode.OK

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Survey the hosts, and yield the summary."""
        del selection
        survey = self._survey(parsed_args)
        self.facts |= {
            'source': survey.source.name.lower(),
            'taken': survey.taken.isoformat(),
        }
        self.note(_notes(survey))
        yield Section(summary.summary(survey))

    def _survey(self, parsed_args: argparse.Namespace) -> Survey:
        """The hosts that are named, read once."""
        if self._surveyed is None:
            survey = backends.Backends(parsed_args).survey_with_distances()
            self.problem(survey.problems)
            self._surveyed = select_hosts(survey, parsed_args.hosts)
        return self._surveyed

    def _draw(self, survey: Survey, parsed_args: argparse.Namespace) -> None:
        form, path = parsed_args.formatter, parsed_args.output
        if form == 'table' and path is None:
            draw_maps(rich_console.console(self.app.stdout), survey)
            return
        indent = None if parsed_args.noindent else _INDENT
        text = rendered(survey, form, indent)
        if path is None:
            self.app.stdout.write(text)
        else:
            path.write_text(text, 'utf-8')


def rendered(survey: Survey, form: str, indent: int | None = _INDENT) -> str:
    """The maps of all hosts in one of the formats.

    :param indent: of JSON; None makes it one line
    """
    if form == 'html':
        return page.topology(survey)
    if form == 'svg':
        views = [host_view.host_view(host) for host in survey.hosts]
        return svg.hosts(views, survey.taken, survey.source.value) + '\n'
    if form == 'table':
        console = rich_console.plain()
        with console.capture() as drawn:
            draw_maps(console, survey)
        return drawn.get()
    data = document(
        'topology',
        export.document(survey),
        notes=_notes(survey),
        problems=survey.problems,
    )
    return document_text(data, form, indent=indent)


def _notes(survey: Survey) -> list[str]:
    """What the source does not have."""
    return [f'Not known: {text}' for text in survey.unknown]


def draw_maps(console: Console, survey: Survey) -> None:
    """Draw the maps of all hosts, and print what the source does not have."""
    for host in survey.hosts:
        console.print(terminal.host_map(host_view.host_view(host)))
        console.print()
    if not survey.hosts:
        console.print('There are no hosts.')
    console.print(
        Text(
            f'{survey.taken:%Y-%m-%d %H:%M %Z}, source: {survey.source}',
            'dim',
        )
    )
    for text in _notes(survey):
        console.print(Text(f'{text}.', 'dim'))
