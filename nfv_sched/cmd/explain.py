"""``nfv-sched explain``: why a boot gets no host, and what would help."""

import argparse
from collections.abc import Iterator
import logging

from nfv_sched.cmd import backends
from nfv_sched.cmd import guest_options
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.dryrun import placement_only
from nfv_sched.dryrun.scheduler import DryRun
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.values import Explanation
from nfv_sched.dryrun.values import TableData
from nfv_sched.explain import tables
from nfv_sched.explain.suggestions import suggest
from nfv_sched.nova import boot_request
from nfv_sched.nova import config as nova_config
from nfv_sched.nova import move_claims
from nfv_sched.nova import request_spec
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.nova.scheduler_pipeline import placement_query_of
from nfv_sched.nova.types import RequestSpec

LOG = logging.getLogger(__name__)

_VIEWS = ('conditions', 'hosts', 'suggestions')
_STORED = (
    'Networks of ports without devices and the guaranteed bandwidth of ports '
    'are not stored with a request and not considered; --port adds them with '
    '--flavor.'
)


class ExplainCommand(MultiTableCommand):
    """Explain why hosts do not fit an instance.

    Runs the filters that nova.conf enables, asks Placement, and predicts
    nova-compute's claim, for every host as it is now. Each host counts for
    the first condition that rejects it; these hosts and those that fit add
    up to all. Nothing is written.

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
            help='the instance as its stored request has it, as if it were '
            'booted now',
        )
        guest_options.add_flavor_arguments(parser)
        guest_options.add_arguments(parser)
        parser.add_argument(
            '--show',
            choices=_VIEWS,
            help='this table only; conditions is the default of other '
            'formats than table',
        )
        parser.add_argument(
            '--nearest',
            type=guest_options.not_negative,
            default=10,
            metavar='N',
            help='number of hosts of which to find all blockers (default: 10)',
        )
        backends.add_arguments(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        if parsed_args.server and (
            options := guest_options.guest_options_given(parsed_args)
        ):
            self._parser.error(
                f'not allowed with --server: {", ".join(options)}; the '
                'instance is as its stored request has it'
            )
        code: int = super().run(parsed_args)
        return code

    def sections(
        self, parsed_args: argparse.Namespace
    ) -> Iterator[tuple[str, TableData]]:
        """Explain."""
        source = backends.Backends(parsed_args)
        if not source.databases:
            yield from _explain_from_placement(parsed_args, source)
            return
        client = source.placement()
        pipeline = Pipeline()
        spec = _request(parsed_args, pipeline, source)
        with rich_console.bar('hosts') as tell:
            scheduler = DryRunScheduler(pipeline, client, tell=tell)
            dry_run = scheduler.run(spec, parsed_args.nearest)
            backends.show_problems(pipeline.problems, self.app.stderr)
            for note in dry_run.explanation.notes:
                if note not in pipeline.problems:
                    LOG.warning(note)
            yield from _tables(parsed_args, scheduler, dry_run)


def _explain_from_placement(
    parsed: argparse.Namespace, source: backends.Backends
) -> Iterator[tuple[str, TableData]]:
    """The tables from Placement alone."""
    if parsed.server or parsed.group or parsed.show == 'suggestions':
        source.require_databases(
            'stored requests, groups and suggestions need to know each '
            'instance'
        )
    if parsed.availability_zone:
        source.require_databases('zones are those of aggregates of Nova')
    boot_request.init_without_conf()
    survey = source.survey()
    for problem in survey.problems:
        LOG.warning(problem)
    flavor = guest_options.flavor_of(parsed, parsed.flavor, source)
    request = guest_options.boot_request_of(parsed, flavor, source)
    spec = boot_request.request_spec(nova_config.admin_context(), request)
    explanation = placement_only.explain_from_trees(
        request_spec.read_guest(spec),
        placement_query_of(spec),
        survey.hosts,
        source.placement(),
        parsed.nearest,
    )
    for note in explanation.notes:
        LOG.warning(note)
    yield from _explanation_tables(parsed, explanation)


def _request(
    parsed: argparse.Namespace, pipeline: Pipeline, source: backends.Backends
) -> RequestSpec:
    if parsed.server:
        LOG.info(_STORED)
        spec = boot_request.stored_spec(pipeline.context, parsed.server)
        for note in move_claims.notes(spec):
            LOG.warning(note)
        return spec
    flavor = guest_options.flavor_of(parsed, parsed.flavor, source)
    request = guest_options.boot_request_of(parsed, flavor, source)
    return boot_request.request_spec(pipeline.context, request)


def _explanation_tables(
    parsed: argparse.Namespace, explanation: Explanation
) -> Iterator[tuple[str, TableData]]:
    """The tables of an explanation without suggestions."""
    every = parsed.show is None and parsed.formatter == 'table'
    if every or parsed.show in (None, 'conditions'):
        heading = tables.headline(explanation) if every else ''
        yield heading, tables.conditions(explanation)
    if every and explanation.fitting < explanation.hosts:
        yield 'Nearest hosts', tables.nearest(explanation, parsed.nearest)
    if parsed.show == 'hosts':
        yield '', tables.hosts(explanation.findings)


def _tables(
    parsed: argparse.Namespace, scheduler: DryRunScheduler, dry_run: DryRun
) -> Iterator[tuple[str, TableData]]:
    explanation = dry_run.explanation
    yield from _explanation_tables(parsed, explanation)
    every = parsed.show is None and parsed.formatter == 'table'
    if parsed.show == 'suggestions' or (every and not explanation.fitting):
        help_ = tables.suggestions(suggest(scheduler, dry_run))
        if help_[1] or not every:
            yield ('What would help' if every else ''), help_
