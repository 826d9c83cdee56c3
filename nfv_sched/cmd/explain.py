"""``nfv-sched explain``: why a boot gets no host, and what would help."""

import argparse
from collections.abc import Iterator
import logging

from nfv_sched.cmd import backends
from nfv_sched.cmd import guest_options
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.dryrun import placement_only
from nfv_sched.dryrun.scheduler import DryRun
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.values import Explanation
from nfv_sched.explain import tables
from nfv_sched.explain.suggestions import fits_in_its_place
from nfv_sched.explain.suggestions import suggest
from nfv_sched.nova import boot_request
from nfv_sched.nova import config as nova_config
from nfv_sched.nova import move_claims
from nfv_sched.nova import move_request
from nfv_sched.nova import request_spec
from nfv_sched.nova import request_template
from nfv_sched.nova.move_request import Purpose
from nfv_sched.nova.request_template import RequestTemplate
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.nova.scheduler_pipeline import placement_query_of
from nfv_sched.nova.shapes import Shape
from nfv_sched.nova.shapes import shapes_of
from nfv_sched.survey.values import Source

LOG = logging.getLogger(__name__)


class ExplainCommand(MultiTableCommand):
    """Explain why hosts do not fit an instance.

    Runs the filters that nova.conf enables, asks Placement, and predicts
    nova-compute's claim, for every host as it is now. Each host counts for
    the first condition that rejects it; these hosts and those that fit add
    up to all. Nothing is written.

    As a table it prints the conditions, the nearest hosts, what would help,
    and how many hosts fit the flavor with the ports and image properties of
    its running instances. The exit code is 1 if any Nova cell or host could
    not be read, and 3 if fewer hosts fit than --fail-below.
    """

    views = (
        tables.CONDITIONS,
        tables.HOSTS,
        tables.BLOCKERS,
        tables.SUGGESTIONS,
        tables.SHAPES,
    )
    default_view = tables.CONDITIONS
    _parser: argparse.ArgumentParser

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        self._parser = parser
        parser.add_argument(
            '--flavor', metavar='NAME', help='name or id of a flavor'
        )
        parser.add_argument(
            '--server',
            metavar='UUID',
            help='the instance as its stored request has it',
        )
        parser.add_argument(
            '--for',
            dest='purpose',
            choices=[purpose.value for purpose in Purpose],
            help='what --server is to be scheduled for (default: boot); a '
            'resize is to the flavor of --flavor',
        )
        guest_options.add_shapes_argument(parser)
        guest_options.add_flavor_arguments(parser)
        guest_options.add_arguments(parser)
        self.add_show(parser)
        parser.add_argument(
            '--nearest',
            type=guest_options.not_negative,
            default=10,
            metavar='N',
            help='number of hosts of which to find all blockers (default: 10)',
        )
        parser.add_argument(
            '--fail-below',
            type=guest_options.not_negative,
            default=0,
            metavar='N',
            help='end with the exit code 3 if fewer hosts fit',
        )
        backends.add_arguments(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        if problem := _contradiction(parsed_args):
            self._parser.error(problem)
        code: int = super().run(parsed_args)
        return code

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Explain."""
        source = backends.Backends(parsed_args)
        read = Source.NOVA if source.databases else Source.PLACEMENT
        self.facts['source'] = read.name.lower()
        if not source.databases:
            explanation = self._from_placement(parsed_args, source)
            yield from self._explained(parsed_args, selection, explanation)
            return
        client = source.placement()
        pipeline = Pipeline()
        template = self._template(parsed_args, pipeline, source)
        with rich_console.bar('hosts') as tell:
            scheduler = DryRunScheduler(pipeline, client, tell=tell)
            self.note(guest_options.unknown_names(parsed_args, scheduler))
            dry_run = scheduler.run(
                template.request(),
                parsed_args.nearest,
                task_state=template.task_state,
            )
            explanation = dry_run.explanation
            self.problem(pipeline.problems)
            self.note(explanation.notes)
            if parsed_args.server and template.task_state is None:
                self.note(
                    _its_own_room(parsed_args.server, scheduler, dry_run)
                )
            yield from self._explained(parsed_args, selection, explanation)
            needed = selection.show is not None or not explanation.fitting
            if needed and selection.wants(tables.SUGGESTIONS):
                self.facts.pop(tables.SUGGESTIONS, None)
                suggested = suggest(scheduler, dry_run, template)
                if suggested or not selection.overview:
                    table = tables.suggestions(suggested)
                    yield Section(table, 'What would help')
        # Last: it changes the host states.
        yield from self._shapes(parsed_args, selection, pipeline, scheduler)

    def _explained(
        self,
        parsed: argparse.Namespace,
        selection: Selection,
        explanation: Explanation,
    ) -> Iterator[Section]:
        """The tables of an explanation without suggestions."""
        self.answer_is_no = explanation.fitting < parsed.fail_below
        self.facts |= {
            'host_count': explanation.hosts,
            'fitting_count': explanation.fitting,
        }
        if selection.show is None:
            # Unless they are searched.
            self.facts[tables.SUGGESTIONS] = None
            self.facts[tables.SHAPES] = None
        if selection.wants(tables.CONDITIONS):
            heading = tables.headline(explanation)
            yield Section(tables.conditions(explanation), heading)
        if selection.overview:
            if explanation.fitting < explanation.hosts:
                table = tables.nearest(explanation, parsed.nearest)
                yield Section(table, 'Nearest hosts')
            return
        if selection.wants(tables.HOSTS):
            yield Section(tables.hosts(explanation.findings))
        if selection.wants(tables.BLOCKERS):
            yield Section(tables.blockers(explanation.findings))

    def _shapes(
        self,
        parsed: argparse.Namespace,
        selection: Selection,
        pipeline: Pipeline,
        scheduler: DryRunScheduler,
    ) -> Iterator[Section]:
        """The flavor with the ports and images of its instances."""
        if not selection.wants(tables.SHAPES):
            return
        shapes: tuple[Shape, ...] = ()
        if (
            parsed.flavor
            and not parsed.server
            and not guest_options.guest_options_given(parsed)
        ):
            flavor = boot_request.flavor_named(pipeline.context, parsed.flavor)
            found = shapes_of(pipeline, flavor, parsed.shapes)
            self.note(found.notes)
            shapes = found.shapes
        if selection.show is None and len(shapes) < 2:
            # Nothing but the flavor alone, which is explained above.
            return
        self.facts.pop(tables.SHAPES, None)
        explained = []
        for shape in shapes:
            spec = boot_request.request_spec(pipeline.context, shape.request)
            explained.append((shape, scheduler.explain(spec, detailed=0)))
        yield Section(tables.shapes(explained), 'As its instances run')

    def _from_placement(
        self, parsed: argparse.Namespace, source: backends.Backends
    ) -> Explanation:
        """The explanation from Placement alone."""
        if (
            parsed.server
            or parsed.group
            or parsed.show in (tables.SUGGESTIONS, tables.SHAPES)
        ):
            source.require_databases(
                'stored requests, groups, suggestions and shapes need to know '
                'each instance'
            )
        if parsed.availability_zone:
            source.require_databases('zones are those of aggregates of Nova')
        boot_request.init_without_conf()
        survey = source.survey()
        self.problem(survey.problems)
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
        self.note(explanation.notes)
        return explanation

    def _template(
        self,
        parsed: argparse.Namespace,
        pipeline: Pipeline,
        source: backends.Backends,
    ) -> RequestTemplate:
        """The request that the options describe, or the stored one."""
        context = pipeline.context
        if not parsed.server:
            flavor = guest_options.flavor_of(parsed, parsed.flavor, source)
            request = guest_options.boot_request_of(parsed, flavor, source)
            return request_template.of_boot(context, request)
        LOG.info(guest_options.NOT_STORED)
        purpose = Purpose(parsed.purpose or Purpose.BOOT)
        new_flavor = (
            boot_request.flavor_named(context, parsed.flavor)
            if parsed.flavor
            else None
        )
        stored = move_request.request_of(
            context, parsed.server, purpose, new_flavor
        )
        self.note(filter(None, [stored.room]))
        self.note(move_claims.notes(stored.template.spec))
        return stored.template


def _its_own_room(
    uuid: str, scheduler: DryRunScheduler, dry_run: DryRun
) -> Iterator[str]:
    host = fits_in_its_place(scheduler, dry_run, uuid)
    if host is not None:
        yield (
            f'{host} lacks only what the instance itself holds there: it '
            'would boot there in its own place.'
        )


def _contradiction(parsed: argparse.Namespace) -> str | None:
    """Options that cannot be given together, in words."""
    resize = parsed.purpose == Purpose.RESIZE
    if not parsed.server:
        if parsed.purpose:
            return '--for is about an instance that exists: give --server'
        return None
    options = guest_options.guest_options_given(parsed)
    if parsed.flavor and not resize:
        options = ['--flavor', *options]
    if options:
        return (
            f'not allowed with --server: {", ".join(options)}; the instance '
            'is as its stored request has it'
        )
    if resize and not parsed.flavor:
        return '--for resize needs the new flavor: --flavor'
    return None
