"""``nfv-sched capacity``: how many more instances fit, and after a loss."""

import argparse
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
import functools
import logging

from nfv_sched.capacity import CapacityCounter
from nfv_sched.capacity import count_mixture
from nfv_sched.capacity import tables
from nfv_sched.capacity.evacuation import evacuate
from nfv_sched.cmd import backends
from nfv_sched.cmd import guest_options
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.values import TableData
from nfv_sched.nova import boot_request
from nfv_sched.nova import flavors
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.nova.types import RequestSpec
from nfv_sched.survey.values import Survey

LOG = logging.getLogger(__name__)

_VIEWS = ('total', 'domains', 'hosts')
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
    filters and Placement leave. With several flavors instances are placed in
    turn, by weight, until one finds no host.

    With --after-loss it shows instead whether the instances of lost hosts
    fit on the others, as their stored requests ask. Nothing is written. The
    exit code is 1 if any Nova cell, host or instance could not be read.
    """

    failed = False
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
        parser.add_argument(
            '--show',
            choices=_VIEWS,
            help='this table only; hosts is the default of other formats '
            'than table',
        )
        backends.add_arguments(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        options = ['--flavor'] if parsed_args.flavor else []
        options += guest_options.guest_options_given(parsed_args)
        if parsed_args.after_loss and options:
            self._parser.error(
                f'not allowed with --after-loss: {", ".join(options)}; the '
                'instances of lost hosts are placed as their stored requests '
                'ask'
            )
        super().run(parsed_args)
        return int(self.failed)

    def sections(
        self, parsed_args: argparse.Namespace
    ) -> Iterator[tuple[str, TableData]]:
        """Count."""
        source = backends.Backends(parsed_args)
        source.require_databases('capacity needs to know each CPU')
        client = source.placement()
        pipeline = Pipeline()
        scheduler = DryRunScheduler(pipeline, client)
        survey = source.survey() if parsed_args.after_loss else None
        problems = dict.fromkeys(pipeline.problems)
        if survey is not None:
            problems.update(dict.fromkeys(survey.problems))
        backends.show_problems(problems, self.app.stderr)
        self.failed = bool(problems)
        warn = functools.partial(_warn, problems)
        if survey is not None:
            yield from _loss(parsed_args, scheduler, survey, warn)
        elif len(parsed_args.flavor) > 1:
            yield from _mixture(parsed_args, scheduler, source, warn)
        else:
            yield from _flavor_capacity(parsed_args, scheduler, source, warn)


def _warn(problems: Collection[str], notes: Iterable[str]) -> None:
    """Log what the numbers leave out, unless it is a problem shown before."""
    for note in notes:
        if note not in problems:
            LOG.warning(note)


def _spec(
    parsed: argparse.Namespace,
    scheduler: DryRunScheduler,
    source: backends.Backends,
    name: str | None,
) -> RequestSpec:
    flavor = guest_options.flavor_of(parsed, name, source)
    request = guest_options.boot_request_of(parsed, flavor, source)
    return boot_request.request_spec(scheduler.context, request)


def _flavor_capacity(
    parsed: argparse.Namespace,
    scheduler: DryRunScheduler,
    source: backends.Backends,
    warn: Callable[[Iterable[str]], None],
) -> Iterator[tuple[str, TableData]]:
    name = _weighted(parsed.flavor[0], source)[0] if parsed.flavor else None
    spec = _spec(parsed, scheduler, source, name)
    with rich_console.bar('hosts') as tell:
        capacity = CapacityCounter(scheduler, tell=tell).count(spec)
    warn(capacity.notes)
    kinds = backends.failure_domain_kinds()
    domains = scheduler.domains(kinds)
    every = parsed.show is None and parsed.formatter == 'table'
    if every or parsed.show == 'total':
        heading = 'In all' if every else ''
        yield heading, tables.totals(name or 'by hand', capacity)
    if (every and kinds) or parsed.show == 'domains':
        heading = 'By failure domain' if every else ''
        yield heading, tables.by_domain(capacity, kinds, domains)
    few_hosts = len(capacity.hosts) <= _FEW
    if (
        (every and few_hosts)
        or parsed.show == 'hosts'
        or not (every or parsed.show)
    ):
        yield ('By host' if every else ''), tables.by_host(capacity)


def _mixture(
    parsed: argparse.Namespace,
    scheduler: DryRunScheduler,
    source: backends.Backends,
    warn: Callable[[Iterable[str]], None],
) -> Iterator[tuple[str, TableData]]:
    requests = [
        (name, _spec(parsed, scheduler, source, name), weight)
        for name, weight in (_weighted(text, source) for text in parsed.flavor)
    ]
    with rich_console.bar('instances') as tell:
        mixture = count_mixture(
            scheduler, requests, tell=lambda done: tell(done, done + 1)
        )
    warn(mixture.notes)
    every = parsed.show is None and parsed.formatter == 'table'
    if every or parsed.show in ('total', 'domains'):
        yield ('In all' if every else ''), tables.mixture(mixture)
    few_hosts = len(mixture.hosts) <= _FEW
    if (
        (every and few_hosts)
        or parsed.show == 'hosts'
        or not (every or parsed.show)
    ):
        yield ('By host' if every else ''), tables.mixture_by_host(mixture)


def _loss(
    parsed: argparse.Namespace,
    scheduler: DryRunScheduler,
    survey: Survey,
    warn: Callable[[Iterable[str]], None],
) -> Iterator[tuple[str, TableData]]:
    lost = [
        host
        for host in survey.hosts
        if any(
            name in (host.host, host.topology.name)
            if kind == 'host'
            else host.topology.domains.get(kind) == name
            for kind, name in parsed.after_loss
        )
    ]
    if not lost:
        wanted = ', '.join(f'{k}={v}' for k, v in parsed.after_loss)
        raise boot_request.BadRequestError(
            f'no host is {wanted}; [nfv_sched] failure_domains names the '
            'kinds of domains'
        )
    instances = [
        (host.topology.name, instance)
        for host in lost
        for instance in host.residents or ()
    ]
    with rich_console.bar('instances') as tell:
        evacuation = evacuate(
            scheduler, instances, [host.host for host in lost], tell=tell
        )
    warn(evacuation.notes)
    every = parsed.show is None and parsed.formatter == 'table'
    if every or parsed.show == 'total':
        number = len(lost)
        lost_hosts = f'{number} host{"s" if number > 1 else ""} lost'
        heading = lost_hosts if every else ''
        yield heading, tables.relocation_summary(evacuation.relocations)
    if every or parsed.show != 'total':
        yield (
            ('Instances' if every else ''),
            tables.relocations(evacuation.relocations),
        )
