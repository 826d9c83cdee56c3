"""``nfv-sched explain``: why a boot gets no host, and what would help."""

import argparse
from collections.abc import Iterator
import logging

from nfv_sched.cmd import backends
from nfv_sched.cmd import guest_options
from nfv_sched.cmd import guest_requests
from nfv_sched.cmd import rich_console
from nfv_sched.cmd import server_names
from nfv_sched.cmd import without_databases
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


def sections(
    command: MultiTableCommand,
    parsed_args: argparse.Namespace,
    selection: Selection,
) -> Iterator[Section]:
    """Explain."""
    source = backends.Backends(parsed_args)
    command.facts['source'] = Source.NOVA.name.lower()
    if not source.databases:
        explanation = _from_placement(command, parsed_args, source)
        yield from _explained(command, parsed_args, selection, explanation)
        return
    if parsed_args.server:
        parsed_args.server = server_names.uuid_of(source, parsed_args.server)
    client = source.placement()
    pipeline = Pipeline()
    template = _template(command, parsed_args, pipeline, source)
    with rich_console.bar('hosts') as tell:
        scheduler = DryRunScheduler(pipeline, client, tell=tell)
        command.note(guest_requests.unknown_names(parsed_args, scheduler))
        dry_run = scheduler.run(
            template.request(),
            parsed_args.nearest,
            task_state=template.task_state,
        )
        explanation = dry_run.explanation
        command.problem(pipeline.problems)
        command.note(explanation.notes)
        if parsed_args.server and template.task_state is None:
            command.note(
                _its_own_room(parsed_args.server, scheduler, dry_run, template)
            )
        yield from _explained(command, parsed_args, selection, explanation)
        needed = selection.show is not None or not explanation.fitting
        if needed and selection.wants(tables.SUGGESTIONS):
            command.facts.pop(tables.SUGGESTIONS, None)
            suggested = suggest(scheduler, dry_run, template)
            if suggested or not selection.overview:
                table = tables.suggestions(suggested)
                yield Section(table, 'What would help')
    # Last: it changes the host states.
    yield from _shapes(command, parsed_args, selection, pipeline, scheduler)


def _explained(
    command: MultiTableCommand,
    parsed: argparse.Namespace,
    selection: Selection,
    explanation: Explanation,
) -> Iterator[Section]:
    """The tables of an explanation without suggestions."""
    command.answer_is_no = explanation.fitting < parsed.fail_below
    command.facts |= {
        'host_count': explanation.hosts,
        'fitting_count': explanation.fitting,
    }
    if selection.show is None:
        # Unless they are searched.
        command.facts[tables.SUGGESTIONS] = None
        command.facts[tables.SHAPES] = None
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
    command: MultiTableCommand,
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
        command.note(found.notes)
        shapes = found.shapes
    if selection.show is None and len(shapes) < 2:
        # Nothing but the flavor alone, which is explained above.
        return
    command.facts.pop(tables.SHAPES, None)
    explained = []
    for shape in shapes:
        spec = boot_request.request_spec(pipeline.context, shape.request)
        explained.append((shape, scheduler.explain(spec, detailed=0)))
    yield Section(tables.shapes(explained), 'As its instances run')


def _from_placement(
    command: MultiTableCommand,
    parsed: argparse.Namespace,
    source: backends.Backends,
) -> Explanation:
    """The explanation without Nova's databases."""
    if (
        parsed.server
        or parsed.group
        or parsed.show in (tables.SUGGESTIONS, tables.SHAPES)
    ):
        source.require_databases(
            'stored requests, groups, suggestions and shapes need to know '
            'each instance'
        )
    without_databases.configure(parsed, source)
    survey, spec = without_databases.read(
        command, parsed, source, parsed.flavor
    )
    explanation = placement_only.explain_from_trees(
        request_spec.read_guest(spec),
        placement_query_of(spec),
        survey.hosts,
        source.placement(),
        parsed.nearest,
    )
    command.note(explanation.notes)
    return explanation


def _template(
    command: MultiTableCommand,
    parsed: argparse.Namespace,
    pipeline: Pipeline,
    source: backends.Backends,
) -> RequestTemplate:
    """The request that the options describe, or the stored one."""
    context = pipeline.context
    if not parsed.server:
        flavor = guest_requests.flavor_of(parsed, parsed.flavor, source)
        request = guest_requests.boot_request_of(parsed, flavor, source)
        return request_template.of_boot(context, request)
    LOG.info(guest_requests.NOT_STORED)
    purpose = Purpose(parsed.purpose or Purpose.BOOT)
    new_flavor = (
        boot_request.flavor_named(context, parsed.flavor)
        if parsed.flavor
        else None
    )
    stored = move_request.request_of(
        context, parsed.server, purpose, new_flavor
    )
    command.note(filter(None, [stored.room]))
    command.note(move_claims.notes(stored.template.spec))
    return stored.template


def _its_own_room(
    uuid: str,
    scheduler: DryRunScheduler,
    dry_run: DryRun,
    template: RequestTemplate,
) -> Iterator[str]:
    host = fits_in_its_place(scheduler, dry_run, uuid, template)
    if host is not None:
        yield (
            f'{host} lacks only what the instance itself holds there: it '
            'would boot there in its own place.'
        )
