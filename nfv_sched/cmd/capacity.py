"""``nfv-sched capacity``: how many more instances fit, and after a loss."""

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
import logging

from nfv_sched.capacity import CapacityCounter
from nfv_sched.capacity import count_mixture
from nfv_sched.capacity import tables
from nfv_sched.capacity.evacuation import evacuate
from nfv_sched.cmd import backends
from nfv_sched.cmd import guest_options
from nfv_sched.cmd import named_hosts
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.nova import boot_request
from nfv_sched.nova import flavors
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.nova.shapes import Shape
from nfv_sched.nova.shapes import shapes_of
from nfv_sched.nova.types import RequestSpec
from nfv_sched.plan.reading import CloudReading
from nfv_sched.plan.values import Method
from nfv_sched.survey.values import Survey

LOG = logging.getLogger(__name__)

_VIEWS = (tables.TOTAL, tables.DOMAINS, tables.HOSTS)
_LOSS_VIEWS = (tables.TOTAL, tables.INSTANCES)
#: More hosts than people read.
_FEW = 50


def _weighted(text: str, source: backends.Backends) -> tuple[str, int]:
    """The name and the weight of a flavor, whose name may have ``=``.

    :raises nfv_sched.nova.boot_request.BadRequestError: the weight is invalid
    """
    if '=' in text and guest_options.is_flavor(text, source):
        return text, 1
    try:
        return flavors.parse_weight(text)
    except ValueError as error:
        raise boot_request.BadRequestError(f'--flavor: {error}') from error


class CapacityCommand(MultiTableCommand):
    """Count how many more instances of a flavor fit.

    Counts hypothetical claims, one after another, on every host that the
    filters and Placement leave: for the flavor alone, and with the ports and
    image properties of the instances that run. With several flavors instances
    are placed in turn, by weight, until one finds no host. With --server it
    counts instances like that one.

    With --after-loss it shows instead whether the instances of lost hosts
    fit on the others, as their stored requests ask. Nothing is written. The
    exit code is 1 if any Nova cell, host or instance could not be read, and
    3 if fewer instances fit than --fail-below, or any does not fit after the
    loss.
    """

    views = (tables.TOTAL, tables.DOMAINS, tables.HOSTS, tables.INSTANCES)
    default_view = tables.HOSTS
    _parser: argparse.ArgumentParser

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        self._parser = parser
        parser.add_argument(
            '--flavor',
            action='append',
            default=[],
            metavar='NAME[=WEIGHT]',
            help='name or id of a flavor; may be repeated for a mixture, in '
            'proportion to the weights (default: 1)',
        )
        parser.add_argument(
            '--server',
            metavar='UUID',
            help='count instances like this one, by its stored request: '
            'flavor, image, ports, hints and server group',
        )
        guest_options.add_shapes_argument(parser)
        guest_options.add_flavor_arguments(parser)
        guest_options.add_arguments(parser)
        parser.add_argument(
            '--after-loss',
            type=guest_options.pair,
            action='append',
            default=[],
            metavar='KIND=NAME',
            help='hosts that are lost: host=NAME, or a failure domain such '
            'as rack=R1; may be repeated',
        )
        self.add_show(parser)
        parser.add_argument(
            '--fail-below',
            type=guest_options.not_negative,
            metavar='N',
            help='end with the exit code 3 if fewer instances fit',
        )
        backends.add_arguments(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        views: tuple[str, ...] = _VIEWS
        if parsed_args.server:
            self._refuse_with_server(parsed_args)
        if parsed_args.after_loss:
            self._refuse_with_loss(parsed_args)
            self.default_view = tables.INSTANCES
            views = _LOSS_VIEWS
        if parsed_args.show not in (None, *views):
            self._parser.error(
                f'--show {parsed_args.show}: these tables are '
                f'{", ".join(views)}'
            )
        code: int = super().run(parsed_args)
        return code

    def _refuse_with_server(self, parsed_args: argparse.Namespace) -> None:
        """Refuse options that describe another instance."""
        options = ['--flavor'] if parsed_args.flavor else []
        options += guest_options.guest_options_given(parsed_args)
        options += ['--after-loss'] if parsed_args.after_loss else []
        if options:
            self._parser.error(
                f'not allowed with --server: {", ".join(options)}; the '
                'instance is as its stored request has it'
            )

    def _refuse_with_loss(self, parsed_args: argparse.Namespace) -> None:
        """Refuse options that --after-loss does not use."""
        options = ['--flavor'] if parsed_args.flavor else []
        options += guest_options.guest_options_given(parsed_args)
        if options:
            self._parser.error(
                f'not allowed with --after-loss: {", ".join(options)}; the '
                'instances of lost hosts are placed as their stored requests '
                'ask'
            )
        if parsed_args.fail_below is not None:
            self._parser.error(
                'not allowed with --after-loss: --fail-below; the exit code '
                'is 3 if any instance does not fit'
            )

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Count."""
        source = backends.Backends(parsed_args)
        source.require_databases('capacity needs to know each CPU')
        client = source.placement()
        pipeline = Pipeline()
        scheduler = DryRunScheduler(pipeline, client)
        self.problem(pipeline.problems)
        if parsed_args.after_loss:
            survey = source.survey()
            self.problem(survey.problems)
            yield from self._loss(parsed_args, selection, scheduler, survey)
        elif len(parsed_args.flavor) > 1:
            yield from self._mixture(parsed_args, selection, scheduler, source)
        else:
            self.note(guest_options.unknown_names(parsed_args, scheduler))
            name, requests = self._requests(parsed_args, pipeline, source)
            yield from self._single(
                parsed_args, selection, scheduler, name, requests
            )

    def _single(
        self,
        parsed: argparse.Namespace,
        selection: Selection,
        scheduler: DryRunScheduler,
        name: str,
        requests: Sequence[tuple[Shape | None, RequestSpec]],
    ) -> Iterator[Section]:
        """The tables of one flavor."""
        counts = []
        # Only the table of totals has more than the first one.
        several = selection.wants(tables.TOTAL)
        for shape, spec in requests if several else requests[:1]:
            with rich_console.bar('hosts') as tell:
                capacity = CapacityCounter(scheduler, tell=tell).count(spec)
            counts.append((shape, capacity))
            self.note(capacity.notes)
        capacity = counts[0][1]
        self.answer_is_no = capacity.in_all < (parsed.fail_below or 0)
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
        self,
        parsed: argparse.Namespace,
        pipeline: Pipeline,
        source: backends.Backends,
    ) -> tuple[str, list[tuple[Shape | None, RequestSpec]]]:
        """The name of the flavor, and what to count.

        One request that is described, or the flavor alone and in the shapes
        of its instances.
        """
        context = pipeline.context
        if parsed.server:
            LOG.info(guest_options.NOT_STORED)
            spec = boot_request.stored_spec(context, parsed.server)
            return str(spec.flavor.name), [(None, spec)]
        name = (
            _weighted(parsed.flavor[0], source)[0] if parsed.flavor else None
        )
        flavor = guest_options.flavor_of(parsed, name, source)
        request = guest_options.boot_request_of(parsed, flavor, source)
        if name is None or guest_options.guest_options_given(parsed):
            spec = boot_request.request_spec(context, request)
            return name or 'by hand', [(None, spec)]
        shapes = shapes_of(pipeline, flavor, parsed.shapes)
        self.note(shapes.notes)
        return name, [
            (shape, boot_request.request_spec(context, shape.request))
            for shape in shapes.shapes
        ]

    def _mixture(
        self,
        parsed: argparse.Namespace,
        selection: Selection,
        scheduler: DryRunScheduler,
        source: backends.Backends,
    ) -> Iterator[Section]:
        """The tables of several flavors."""
        self.note(guest_options.unknown_names(parsed, scheduler))
        requests = [
            (name, _spec(parsed, scheduler, source, name), weight)
            for name, weight in (
                _weighted(text, source) for text in parsed.flavor
            )
        ]
        with rich_console.bar('instances') as tell:
            mixture = count_mixture(
                scheduler, requests, tell=lambda done: tell(done, done + 1)
            )
        self.note(mixture.notes)
        placed = sum(mixture.guests.values())
        self.answer_is_no = placed < (parsed.fail_below or 0)
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
        self,
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
            reading = CloudReading(
                scheduler, survey, methods=(Method.EVACUATION,)
            )
            cloud, _ = reading.cloud(
                [host.topology.name for host in lost], tell=tell
            )
        self.problem(reading.problems)
        evacuation = evacuate(cloud, lost)
        self.note(evacuation.notes)
        relocations = evacuation.relocations
        self.answer_is_no = any(each.host is None for each in relocations)
        self.facts['lost_hosts'] = [host.host for host in lost]
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
    flavor = guest_options.flavor_of(parsed, name, source)
    request = guest_options.boot_request_of(parsed, flavor, source)
    return boot_request.request_spec(scheduler.context, request)
