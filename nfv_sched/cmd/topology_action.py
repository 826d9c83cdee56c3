"""``nfv-sched topology``: the NUMA maps of hosts, and what is free on them."""

import argparse
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import fnmatch

from rich.console import Console
from rich.text import Text

from nfv_sched.cmd import backends
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.multi_table import document_text
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.topology import TopologyCommand
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


class UnknownHostError(Exception):
    """No host has that name; the text has similar names."""


def select_hosts(survey: Survey, patterns: Sequence[str]) -> Survey:
    """The survey with only the matching hosts; with all without patterns.

    A pattern matches the name of the nova-compute service or of the
    hypervisor; ``*``, ``?`` and ``[...]`` match as in a shell.

    :raises UnknownHostError: a pattern matches no host
    """
    for pattern in patterns:
        if not any(map(_chosen_by([pattern]), survey.hosts)):
            names = [*(host.host for host in survey.hosts), *survey.unread]
            hint = did_you_mean(pattern, names)
            raise UnknownHostError(f'there is no host {pattern}{hint}')
    hosts = tuple(filter(_chosen_by(patterns), survey.hosts))
    return dataclasses.replace(survey, hosts=hosts)


def matcher(patterns: Sequence[str]) -> Callable[[str, str], bool]:
    """Whether a host is to be read.

    By the names of its nova-compute service and of its hypervisor.

    :param patterns: as of :func:`select_hosts`
    """
    return lambda host, node: (
        not patterns
        or any(_names_match(host, node, pattern) for pattern in patterns)
    )


def _chosen_by(patterns: Sequence[str]) -> Callable[[HostSurvey], bool]:
    wanted = matcher(patterns)
    return lambda host: wanted(host.host, host.topology.name)


def _names_match(host: str, node: str, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in (host, node))


def sections(
    command: TopologyCommand, parsed_args: argparse.Namespace
) -> Iterator[Section]:
    """Survey the hosts, and yield the summary."""
    survey = survey_of(command, parsed_args)
    command.facts |= {
        'source': survey.source.name.lower(),
        'taken': survey.taken.isoformat(),
    }
    command.note(_notes(survey))
    yield Section(summary.summary(survey))


def survey_of(
    command: TopologyCommand, parsed_args: argparse.Namespace
) -> Survey:
    """The hosts that are named, read once."""
    if command.surveyed is None:
        survey = backends.Backends(parsed_args).survey_with_distances(
            matcher(parsed_args.hosts)
        )
        command.problem(survey.problems)
        command.surveyed = select_hosts(survey, parsed_args.hosts)
    return command.surveyed


def draw(
    command: TopologyCommand, survey: Survey, parsed_args: argparse.Namespace
) -> None:
    """Write the maps in the format and to the file that are asked for."""
    form, path = parsed_args.formatter, parsed_args.output
    if form == 'table' and path is None:
        draw_maps(rich_console.console(command.app.stdout), survey)
        return
    indent = None if parsed_args.noindent else _INDENT
    text = rendered(survey, form, indent)
    if path is None:
        command.app.stdout.write(text)
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
