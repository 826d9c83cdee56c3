"""``nfv-sched explain``: why a guest gets no host, and what would help."""

import argparse
from collections.abc import Iterator
import logging
from typing import Any

from nova import context as nova_context

from nfv_sched.cmd import progress
from nfv_sched.cmd import sources
from nfv_sched.cmd import wishes
from nfv_sched.cmd.sections import Sections
from nfv_sched.cmd.sections import Table
from nfv_sched.explaining import Explainer
from nfv_sched.explaining import Explanation
from nfv_sched.explaining import published
from nfv_sched.explaining import tables
from nfv_sched.explaining.explain import Inquiry
from nfv_sched.explaining.helping import helpful
from nfv_sched.explaining.still import still
from nfv_sched.nova import asking
from nfv_sched.nova import requests
from nfv_sched.nova.pipeline import demand_of
from nfv_sched.nova.pipeline import Pipeline

LOG = logging.getLogger(__name__)

_VIEWS = ('conditions', 'hosts', 'suggestions')
_STORED = (
    'Networks of ports without devices are not stored with a request, and '
    'not looked at; --port tells them with --flavor.'
)


class Explain(Sections):
    """Explain why hosts do not take a guest.

    Asks the filters that nova.conf enables, Placement, and what
    nova-compute's claim would say, about every host as it is now. Each host
    counts at the first condition at which it falls; the hosts and those
    that fit add up to all. Nothing is written.

    As a table it prints the conditions, the nearest hosts and what would
    help; other formats have one of the three, by --show.
    """

    _parser: argparse.ArgumentParser

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        self._parser = parser
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            '--flavor', metavar='NAME', help='name or id of a flavor'
        )
        what.add_argument(
            '--server',
            metavar='UUID',
            help='the guest as its stored request has it, as if it were '
            'booted now',
        )
        wishes.add_flavor_arguments(parser)
        wishes.add_arguments(parser)
        parser.add_argument(
            '--show',
            choices=_VIEWS,
            help='this table only; conditions is the default of other '
            'formats than table',
        )
        parser.add_argument(
            '--nearest',
            type=wishes.not_negative,
            default=10,
            metavar='N',
            help='of so many hosts find out all that they lack (default: 10)',
        )
        sources.add_arguments(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        if parsed_args.server and (given := wishes.given(parsed_args)):
            self._parser.error(
                f'not allowed with --server: {", ".join(given)}; the guest '
                'is as its stored request has it'
            )
        code: int = super().run(parsed_args)
        return code

    def sections(
        self, parsed_args: argparse.Namespace
    ) -> Iterator[tuple[str, Table]]:
        """Explain."""
        source = sources.Sources(parsed_args)
        if not source.databases:
            yield from _of_placement(parsed_args, source)
            return
        client = source.placement()
        line = Pipeline()
        spec = _request(parsed_args, line, source)
        with progress.bar('hosts') as tell:
            explainer = Explainer(line, client, tell=tell)
            with still(client, explainer.states):
                inquiry = explainer.inquire(spec, parsed_args.nearest)
                for note in inquiry.explanation.notes:
                    LOG.warning(note)
                yield from _tables(parsed_args, explainer, inquiry)


def _of_placement(
    parsed: argparse.Namespace, source: sources.Sources
) -> Iterator[tuple[str, Table]]:
    """What Placement alone can tell."""
    if parsed.server or parsed.group or parsed.show == 'suggestions':
        source.require_databases(
            'stored requests, groups and suggestions need to know each guest'
        )
    if parsed.availability_zone:
        source.require_databases('zones are those of aggregates of Nova')
    asking.alone()
    survey = source.survey()
    for problem in survey.problems:
        LOG.warning(problem)
    flavor = wishes.flavor_of(parsed, parsed.flavor, source)
    wish = wishes.wish_of(parsed, flavor, source)
    spec = asking.spec_of(nova_context.get_admin_context(), wish)
    found = published.explain(
        requests.read_guest(spec),
        demand_of(spec),
        survey.hosts,
        source.placement(),
        parsed.nearest,
    )
    for note in found.notes:
        LOG.warning(note)
    yield from _found(parsed, found)


def _request(
    parsed: argparse.Namespace, line: Pipeline, source: sources.Sources
) -> Any:
    if parsed.server:
        LOG.info(_STORED)
        return asking.stored_spec(line.context, parsed.server)
    flavor = wishes.flavor_of(parsed, parsed.flavor, source)
    return asking.spec_of(line.context, wishes.wish_of(parsed, flavor, source))


def _found(
    parsed: argparse.Namespace, found: Explanation
) -> Iterator[tuple[str, Table]]:
    """The tables of an explanation without suggestions."""
    every = parsed.show is None and parsed.formatter == 'table'
    if every or parsed.show in (None, 'conditions'):
        heading = tables.headline(found) if every else ''
        yield heading, tables.conditions(found)
    if every and found.fitting < found.hosts:
        yield 'Nearest hosts', tables.nearest(found, parsed.nearest)
    if parsed.show == 'hosts':
        yield '', tables.hosts(found.findings)


def _tables(
    parsed: argparse.Namespace, explainer: Explainer, inquiry: Inquiry
) -> Iterator[tuple[str, Table]]:
    found = inquiry.explanation
    yield from _found(parsed, found)
    every = parsed.show is None and parsed.formatter == 'table'
    if parsed.show == 'suggestions' or (every and not found.fitting):
        help_ = tables.suggested(helpful(explainer, inquiry))
        if help_[1] or not every:
            yield ('What would help' if every else ''), help_
