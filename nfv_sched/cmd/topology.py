"""``nfv-sched topology``: the NUMA maps of hosts, and what is free on them."""

import argparse
from collections.abc import Sequence
import dataclasses
import difflib
import fnmatch
import json
import pathlib
from typing import Any

from cliff import lister
from rich.console import Console
from rich.text import Text
import yaml  # type: ignore[import-untyped]

from nfv_sched.cmd import backends
from nfv_sched.cmd import rich_console
from nfv_sched.render import host_view
from nfv_sched.render import page
from nfv_sched.render import summary
from nfv_sched.render import svg
from nfv_sched.render import terminal
from nfv_sched.survey import export
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import Survey

_INDENT = 2
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
            similar = difflib.get_close_matches(pattern, names)
            hint = f'; did you mean {" or ".join(similar)}?' if similar else ''
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


class TopologyCommand(lister.Lister):  # type: ignore[misc]
    """Show the NUMA maps of hosts: NUMA nodes, cores, instances, devices.

    The formats are a drawing for the terminal (table, the default), a picture
    (svg), a page (html) and data (json, yaml). With --summary the command
    prints a table of the hosts instead, one row for each, in all formats of
    lists. The exit code is 1 if any host or Nova cell could not be read.
    """

    failed = False

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
            super().run(parsed_args)
        else:
            if form not in _PICTURES:
                raise UsageError(
                    f'the format {form} is available with --summary only'
                )
            self._draw(self._survey(parsed_args), parsed_args)
        return int(self.failed)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Survey the hosts; returns the summary as a table."""
        survey = self._survey(parsed_args)
        for text in survey.unknown:
            print(f'Not known: {text}', file=self.app.stderr)
        return summary.summary(survey)

    def _survey(self, parsed_args: argparse.Namespace) -> Survey:
        survey = backends.Backends(parsed_args).survey_with_distances()
        backends.show_problems(survey.problems, self.app.stderr)
        self.failed = bool(survey.problems)
        return select_hosts(survey, parsed_args.hosts)

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
    data = export.document(survey)
    if form == 'json':
        return json.dumps(data, indent=indent) + '\n'
    return str(yaml.safe_dump(data, sort_keys=False))


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
    for text in survey.unknown:
        console.print(Text(f'Not known: {text}.', 'dim'))
