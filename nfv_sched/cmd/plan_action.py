"""``nfv-sched plan``: moves that are known to succeed."""

import argparse
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched.cmd import backends
from nfv_sched.cmd import compute_api
from nfv_sched.cmd import guest_requests
from nfv_sched.cmd import named_hosts
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.cmd.named_hosts import is_named
from nfv_sched.cmd.named_hosts import Named
from nfv_sched.cmd.plan import PlanCommand
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.nova import boot_request
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.plan import scripts
from nfv_sched.plan import tables
from nfv_sched.plan.cloud_plans import CloudPlans
from nfv_sched.plan.cloud_plans import METHODS
from nfv_sched.plan.executor import DeviationError
from nfv_sched.plan.executor import Executor
from nfv_sched.plan.executor import Journal
from nfv_sched.plan.planner import SearchLimits
from nfv_sched.plan.values import Plan
from nfv_sched.plan.values import Step
from nfv_sched.render.formatting import printable
from nfv_sched.survey.values import Survey

#: How often what is left is planned again.
MAX_PLANS = 5
SCRIPTS = {'shell': scripts.shell, 'ansible': scripts.ansible}


@dataclasses.dataclass(frozen=True, slots=True)
class _Planning:
    """What plans are made from.

    ``begun`` is how many steps of --execute were begun.
    """

    parsed_args: argparse.Namespace
    source: backends.Backends
    scheduler: DryRunScheduler
    survey: Survey
    plans: CloudPlans
    begun: int


def sections(
    command: PlanCommand, parsed_args: argparse.Namespace, selection: Selection
) -> Iterator[Section]:
    """Plan."""
    title, plan = _plan(command, parsed_args, _source(parsed_args))
    command.facts = {'purpose': title}
    if selection.wants(tables.TOTAL):
        yield Section(tables.total(plan, parsed_args.gbit), title)
    if selection.wants(tables.STEPS):
        heading = 'Steps' if plan.steps else 'No steps'
        yield Section(tables.steps(plan), heading)
    if selection.wants(tables.ROOM, overview=plan.regained is not None):
        yield Section(tables.room(plan), 'Room')
    released = bool(plan.released and plan.released.hosts)
    if selection.wants(tables.RELEASED, overview=released):
        yield Section(tables.released(plan), 'Emptied')
    if selection.wants(tables.UNPLACED, overview=bool(plan.unplaced)):
        yield Section(tables.unplaced(plan), 'Find no host')
    lost = bool(plan.steps and plan.lost_without)
    if selection.wants(tables.LOST_WITHOUT, overview=lost):
        yield Section(
            tables.lost_without(plan), 'Find no host without the steps'
        )


def script(command: PlanCommand, parsed_args: argparse.Namespace) -> str:
    """The plan as a script."""
    title, plan = _plan(command, parsed_args, _source(parsed_args))
    return SCRIPTS[parsed_args.script](plan, title)


class Execution:
    """Makes the steps; what deviates is planned again from where it is."""

    def __init__(
        self, command: PlanCommand, parsed_args: argparse.Namespace
    ) -> None:
        self._command = command
        self._parsed_args = parsed_args

    def run(self) -> int:
        """Run it; returns the exit code."""
        command, parsed_args = self._command, self._parsed_args
        executor = Executor(
            compute_api.connect(parsed_args.os_cloud),
            Journal(parsed_args.journal),
            tell=self._begin,
            timeout=parsed_args.step_timeout,
        )
        executor.settle()
        # Nova reads its configuration once in a process.
        source = _source(parsed_args)
        for _ in range(MAX_PLANS):
            command.answer_is_no = False
            title, plan = _plan(command, parsed_args, source)
            self._say(f'{title}: {len(plan.steps)} steps')
            for each in plan.unplaced:
                self._say(f'{each.name} on {each.host} stays: {each.why}')
            if command.exit_code() == ExitCode.ERROR:
                self._say('Nothing is moved on incomplete data')
                break
            if not plan.steps or not (parsed_args.yes or self._agreed()):
                break
            try:
                executor.run(plan)
            except DeviationError as error:
                self._say(f'{error}: planning the rest again')
                command.answer_is_no = True
                continue
            break
        return command.exit_code()

    def _begin(self, step: Step) -> None:
        self._command.begun += 1
        self._say(scripts.describe(step))

    def _say(self, text: str) -> None:
        self._command.app.stdout.write(printable(text) + '\n')

    def _agreed(self) -> bool:
        app = self._command.app
        app.stdout.write('Make these steps? [y/N] ')
        app.stdout.flush()
        return app.stdin.readline().strip().lower() in ('y', 'yes')


def _source(parsed_args: argparse.Namespace) -> backends.Backends:
    """Nova's databases.

    :raises nfv_sched.cmd.backends.NoBackendError: only Placement is available
    """
    source = backends.Backends(parsed_args)
    source.require_databases('plans need to know each CPU')
    return source


def _plan(
    command: PlanCommand,
    parsed_args: argparse.Namespace,
    source: backends.Backends,
) -> tuple[str, Plan]:
    """What the plan is for, and the plan."""
    client = source.placement()
    pipeline = Pipeline()
    scheduler = DryRunScheduler(pipeline, client)
    survey = source.survey()
    command.problem([*pipeline.problems, *survey.problems])
    plans = CloudPlans(
        scheduler,
        survey,
        methods=METHODS[parsed_args.method],
        search_limits=SearchLimits(parsed_args.leaving, parsed_args.seconds),
        progress=lambda: rich_console.bar('instances'),
    )
    title, plan = KINDS[command.kind](
        _Planning(parsed_args, source, scheduler, survey, plans, command.begun)
    )
    command.problem(plans.problems)
    plan = plan.on_services(
        {host.topology.name: host.host for host in survey.hosts}
    )
    command.note(plan.notes)
    command.answer_is_no = not plan.is_complete
    return title, plan


def _named(survey: Survey, wanted: Sequence[Named]) -> list[str]:
    """The compute nodes of names and failure domains.

    :raises nfv_sched.nova.boot_request.BadRequestError: one names none
    """
    missing = [
        each
        for each in wanted
        if not any(is_named(host, [each]) for host in survey.hosts)
    ]
    if missing:
        raise named_hosts.unknown(survey, missing)
    return [
        host.topology.name for host in survey.hosts if is_named(host, wanted)
    ]


def _drain(planning: _Planning) -> tuple[str, Plan]:
    names = planning.parsed_args.hosts
    hosts = _named(planning.survey, [('host', name) for name in names])
    return f'Drain of {", ".join(hosts)}', planning.plans.drain(hosts)


def _survive(planning: _Planning) -> tuple[str, Plan]:
    """Evacuate, or prepare for that."""
    hosts = _named(planning.survey, planning.parsed_args.lost)
    names = ', '.join(hosts)
    if planning.parsed_args.prepare:
        return f'Prepared loss of {names}', planning.plans.prepare(hosts)
    return f'Loss of {names}', planning.plans.survive(hosts)


def _room(planning: _Planning) -> tuple[str, Plan]:
    parsed_args, source = planning.parsed_args, planning.source
    flavor = guest_requests.flavor_of(parsed_args, parsed_args.flavor, source)
    request = guest_requests.boot_request_of(parsed_args, flavor, source)
    spec = boot_request.request_spec(planning.scheduler.context, request)
    name = parsed_args.flavor or 'flavor by hand'
    title = f'Room for {parsed_args.count} of {name}'
    return title, planning.plans.room(name, spec, parsed_args.count)


def _defragment(planning: _Planning) -> tuple[str, Plan]:
    parsed_args, context = planning.parsed_args, planning.scheduler.context
    flavors = []
    for text in parsed_args.flavors:
        name, weight = guest_requests.weighted_flavor(
            '--for', text, planning.source
        )
        flavor = boot_request.flavor_named(context, name)
        request = boot_request.BootRequest(flavor, flavor_name=flavor.name)
        spec = boot_request.request_spec(context, request)
        flavors.append((name, spec, weight))
    title = f'Most room by {parsed_args.moves} moves'
    # What was begun before a deviation counts, too.
    moves = max(0, parsed_args.moves - planning.begun)
    return title, planning.plans.defragment(moves, flavors)


def _consolidate(planning: _Planning) -> tuple[str, Plan]:
    moves = planning.parsed_args.moves
    title = 'Fewest hosts'
    if moves is not None:
        title = f'Fewest hosts by {moves} moves'
        # What was begun before a deviation counts, too.
        moves = max(0, moves - planning.begun)
    return title, planning.plans.consolidate(moves)


#: What makes each kind of plan.
KINDS: Mapping[str, Callable[[_Planning], tuple[str, Plan]]] = {
    'consolidate': _consolidate,
    'drain': _drain,
    'survive': _survive,
    'room': _room,
    'defragment': _defragment,
}
