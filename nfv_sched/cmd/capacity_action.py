"""``nfv-sched capacity``: how many more instances fit, and after a loss."""

import argparse
from collections.abc import Iterator
import logging

from nfv_sched.capacity import bounds_tables
from nfv_sched.capacity import CapacityCounter
from nfv_sched.capacity import count_mixture
from nfv_sched.capacity import from_trees
from nfv_sched.capacity import tables
from nfv_sched.capacity.evacuation import evacuate
from nfv_sched.cmd import backends
from nfv_sched.cmd import guest_options
from nfv_sched.cmd import guest_requests
from nfv_sched.cmd import named_hosts
from nfv_sched.cmd import rich_console
from nfv_sched.cmd import server_names
from nfv_sched.cmd import without_databases
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.dryrun.candidates import PlacementCandidates
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.nova import boot_request
from nfv_sched.nova import request_spec
from nfv_sched.nova import stored_requests
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.nova.scheduler_pipeline import placement_query_of
from nfv_sched.nova.shapes import Shape
from nfv_sched.nova.shapes import shapes_of
from nfv_sched.nova.types import RequestSpec
from nfv_sched.plan.reading import CloudReading
from nfv_sched.plan.values import Method
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey

LOG = logging.getLogger(__name__)

#: The name of a flavor, and what to count.
_Requests = tuple[str, list[tuple[Shape | None, RequestSpec]]]
#: More hosts than people read.
_FEW = 50


def sections(
    command: MultiTableCommand,
    parsed_args: argparse.Namespace,
    selection: Selection,
) -> Iterator[Section]:
    """Count."""
    source = backends.Backends(parsed_args)
    if not source.databases:
        yield from _from_apis(command, parsed_args, selection, source)
        return
    if not parsed_args.after_loss:
        command.facts['source'] = Source.NOVA.name.lower()
    client = source.placement()
    pipeline = Pipeline()
    scheduler = DryRunScheduler(pipeline, client)
    command.problem(pipeline.problems)
    if parsed_args.after_loss:
        survey = source.survey()
        command.problem(survey.problems)
        yield from _loss(command, parsed_args, selection, scheduler, survey)
    elif len(parsed_args.flavor) > 1:
        yield from _mixture(command, parsed_args, selection, scheduler, source)
    else:
        command.note(guest_requests.unknown_names(parsed_args, scheduler))
        requests = _requests(command, parsed_args, pipeline, source)
        yield from _single(
            command, parsed_args, selection, scheduler, requests
        )


def _from_apis(
    command: MultiTableCommand,
    parsed: argparse.Namespace,
    selection: Selection,
    source: backends.Backends,
) -> Iterator[Section]:
    """The tables of one flavor, without Nova's databases."""
    if parsed.server or parsed.group or parsed.after_loss:
        source.require_databases(
            'stored requests and groups are not in the APIs'
        )
    if len(parsed.flavor) > 1:
        source.require_databases('a mixture of flavors needs each CPU')
    without_databases.configure(parsed, source)
    name = (
        guest_requests.weighted_flavor('--flavor', parsed.flavor[0], source)[0]
        if parsed.flavor
        else None
    )
    survey, spec = without_databases.read(command, parsed, source, name)
    placement = PlacementCandidates(
        source.placement(), placement_query_of(spec)
    )
    counts = from_trees.count_on_trees(
        request_spec.read_guest(spec), placement, survey.hosts
    )
    command.note(from_trees.notes(survey))
    at_least = sum(count.at_least for count in counts)
    command.answer_is_no = at_least < (parsed.fail_below or 0)
    name = name or 'by hand'
    if selection.wants(tables.TOTAL):
        yield Section(bounds_tables.total(name, counts), 'In all')
    racks = any(host.topology.domains for host in survey.hosts)
    if selection.wants(tables.DOMAINS, overview=racks):
        table = bounds_tables.by_domain(name, survey.hosts, counts)
        yield Section(table, 'By failure domain')
    if selection.wants(tables.HOSTS, overview=len(counts) <= _FEW):
        yield Section(bounds_tables.by_host(name, counts), 'By host')


def _single(
    command: MultiTableCommand,
    parsed: argparse.Namespace,
    selection: Selection,
    scheduler: DryRunScheduler,
    requests: _Requests,
) -> Iterator[Section]:
    """The tables of one flavor."""
    name, shapes = requests
    counts = []
    # Only the table of totals has more than the first one.
    several = selection.wants(tables.TOTAL)
    for shape, spec in shapes if several else shapes[:1]:
        with rich_console.bar('hosts') as tell:
            capacity = CapacityCounter(scheduler, tell=tell).count(spec)
        counts.append((shape, capacity))
        command.note(capacity.notes)
    capacity = counts[0][1]
    command.answer_is_no = capacity.in_all < (parsed.fail_below or 0)
    kinds = backends.failure_domain_kinds()
    domains = scheduler.domains(kinds)
    if selection.wants(tables.TOTAL):
        yield Section(tables.totals(name, counts), 'In all')
    if selection.wants(tables.DOMAINS, overview=bool(kinds)):
        table = tables.by_domain(name, capacity, kinds, domains)
        yield Section(table, 'By failure domain')
    few = len(capacity.hosts) <= _FEW
    if selection.wants(tables.HOSTS, overview=few):
        yield Section(tables.by_host(name, capacity), 'By host')


def _requests(
    command: MultiTableCommand,
    parsed: argparse.Namespace,
    pipeline: Pipeline,
    source: backends.Backends,
) -> _Requests:
    """The name of the flavor, and what to count.

    One request that is described, or the flavor alone and in the shapes
    of its instances.
    """
    context = pipeline.context
    if parsed.server:
        LOG.info(guest_requests.NOT_STORED)
        server = server_names.uuid_of(source, parsed.server)
        spec = stored_requests.stored_spec(context, server)
        return str(spec.flavor.name), [(None, spec)]
    name = (
        guest_requests.weighted_flavor('--flavor', parsed.flavor[0], source)[0]
        if parsed.flavor
        else None
    )
    flavor = guest_requests.flavor_of(parsed, name, source)
    request = guest_requests.boot_request_of(parsed, flavor, source)
    if name is None or guest_options.guest_options_given(parsed):
        spec = boot_request.request_spec(context, request)
        return name or 'by hand', [(None, spec)]
    shapes = shapes_of(pipeline, flavor, parsed.shapes)
    command.note(shapes.notes)
    return name, [
        (shape, boot_request.request_spec(context, shape.request))
        for shape in shapes.shapes
    ]


def _mixture(
    command: MultiTableCommand,
    parsed: argparse.Namespace,
    selection: Selection,
    scheduler: DryRunScheduler,
    source: backends.Backends,
) -> Iterator[Section]:
    """The tables of several flavors."""
    command.note(guest_requests.unknown_names(parsed, scheduler))
    requests = [
        (name, _spec(parsed, scheduler, source, name), weight)
        for name, weight in (
            guest_requests.weighted_flavor('--flavor', text, source)
            for text in parsed.flavor
        )
    ]
    with rich_console.bar('instances') as tell:
        mixture = count_mixture(
            scheduler, requests, tell=lambda done: tell(done, done + 1)
        )
    command.note(mixture.notes)
    placed = sum(mixture.guests.values())
    command.answer_is_no = placed < (parsed.fail_below or 0)
    kinds = backends.failure_domain_kinds()
    domains = scheduler.domains(kinds)
    if selection.wants(tables.TOTAL):
        yield Section(tables.mixture(mixture), 'In all')
    if selection.wants(tables.DOMAINS, overview=bool(kinds)):
        table = tables.mixture_by_domain(mixture, kinds, domains)
        yield Section(table, 'By failure domain')
    few = len(mixture.hosts) <= _FEW
    if selection.wants(tables.HOSTS, overview=few):
        yield Section(tables.mixture_by_host(mixture), 'By host')


def _loss(
    command: MultiTableCommand,
    parsed: argparse.Namespace,
    selection: Selection,
    scheduler: DryRunScheduler,
    survey: Survey,
) -> Iterator[Section]:
    """The tables of a loss."""
    wanted = parsed.after_loss
    lost = [
        host for host in survey.hosts if named_hosts.is_named(host, wanted)
    ]
    if not lost:
        raise named_hosts.unknown(survey, wanted)
    with rich_console.bar('instances') as tell:
        reading = CloudReading(scheduler, survey, methods=(Method.EVACUATION,))
        cloud, _ = reading.cloud(
            [host.topology.name for host in lost], tell=tell
        )
    command.problem(reading.problems)
    evacuation = evacuate(cloud, lost)
    command.note(evacuation.notes)
    relocations = evacuation.relocations
    command.answer_is_no = any(each.host is None for each in relocations)
    command.facts['lost_hosts'] = [host.host for host in lost]
    if selection.wants(tables.TOTAL):
        number = len(lost)
        heading = f'{number} host{"s" if number > 1 else ""} lost'
        yield Section(tables.relocation_summary(relocations), heading)
    if selection.wants(tables.INSTANCES):
        yield Section(tables.relocations(relocations), 'Instances')


def _spec(
    parsed: argparse.Namespace,
    scheduler: DryRunScheduler,
    source: backends.Backends,
    name: str | None,
) -> RequestSpec:
    flavor = guest_requests.flavor_of(parsed, name, source)
    request = guest_requests.boot_request_of(parsed, flavor, source)
    return boot_request.request_spec(scheduler.context, request)
