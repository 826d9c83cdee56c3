"""``nfv-sched plan``: moves that are known to succeed."""

import abc
import argparse
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import pathlib

from nfv_sched.cmd import backend_options
from nfv_sched.cmd import backends
from nfv_sched.cmd import compute_api
from nfv_sched.cmd import guest_options
from nfv_sched.cmd import guest_requests
from nfv_sched.cmd import named_hosts
from nfv_sched.cmd import rich_console
from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.cmd.named_hosts import is_named
from nfv_sched.cmd.named_hosts import Named
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
_SCRIPTS = {'shell': scripts.shell, 'ansible': scripts.ansible}


class PlanCommand(MultiTableCommand, metaclass=abc.ABCMeta):
    """A command that prints a plan."""

    views = (
        tables.TOTAL,
        tables.STEPS,
        tables.ROOM,
        tables.UNPLACED,
        tables.LOST_WITHOUT,
    )
    default_view = tables.STEPS
    #: How many steps of --execute were begun.
    begun = 0

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the options that all plans have."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        self.add_show(parser)
        parser.add_argument(
            '--leaving',
            type=guest_options.not_negative,
            default=2,
            metavar='N',
            help='the most instances that leave each host to make room '
            '(default: 2)',
        )
        parser.add_argument(
            '--seconds',
            type=guest_options.not_negative,
            default=10,
            metavar='S',
            help='the time that the search of options and each run of the '
            'solver may take (default: 10)',
        )
        parser.add_argument(
            '--gbit',
            type=float,
            default=10.0,
            metavar='GBIT/S',
            help='bandwidth for memory that is copied (default: 10)',
        )
        parser.add_argument(
            '--script',
            choices=sorted(_SCRIPTS),
            help='print the plan as a shell script or an Ansible playbook '
            'instead',
        )
        group = parser.add_argument_group('execution')
        group.add_argument(
            '--execute',
            action='store_true',
            help='make the steps, after a question for each plan; with the '
            'credentials of an administrator in clouds.yaml or OS_* variables',
        )
        group.add_argument(
            '--yes', action='store_true', help='do not ask before --execute'
        )
        group.add_argument(
            '--journal',
            type=pathlib.Path,
            default=pathlib.Path('nfv-sched-plan.jsonl'),
            metavar='PATH',
            help='file that records the steps of --execute; a run that was '
            'stopped continues with it (default: nfv-sched-plan.jsonl)',
        )
        group.add_argument(
            '--step-timeout',
            type=guest_options.not_negative,
            default=3600,
            metavar='S',
            help='seconds that a step may take (default: 3600)',
        )
        backend_options.add_arguments(parser)
        return parser

    @abc.abstractmethod
    def plan(
        self,
        parsed_args: argparse.Namespace,
        source: backends.Backends,
        scheduler: DryRunScheduler,
        survey: Survey,
    ) -> tuple[str, Plan]:
        """What the plan is for, and the plan."""

    @contextlib.contextmanager
    def plans(
        self,
        parsed_args: argparse.Namespace,
        scheduler: DryRunScheduler,
        survey: Survey,
    ) -> Iterator[CloudPlans]:
        """Plans as the options ask, with a bar while instances are read."""
        plans = CloudPlans(
            scheduler,
            survey,
            methods=METHODS[getattr(parsed_args, 'method', 'any')],
            search_limits=SearchLimits(
                parsed_args.leaving, parsed_args.seconds
            ),
            progress=lambda: rich_console.bar('instances'),
        )
        yield plans
        self.problem(plans.problems)

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Plan."""
        title, plan = self._plan(parsed_args)
        self.facts = {'purpose': title}
        if selection.wants(tables.TOTAL):
            yield Section(tables.total(plan, parsed_args.gbit), title)
        if selection.wants(tables.STEPS):
            yield Section(tables.steps(plan), 'Steps')
        if selection.wants(tables.ROOM, overview=plan.regained is not None):
            yield Section(tables.room(plan), 'Room')
        if selection.wants(tables.UNPLACED, overview=bool(plan.unplaced)):
            yield Section(tables.unplaced(plan), 'Find no host')
        lost = bool(plan.steps and plan.lost_without)
        if selection.wants(tables.LOST_WITHOUT, overview=lost):
            yield Section(
                tables.lost_without(plan), 'Find no host without the steps'
            )

    def _plan(self, parsed_args: argparse.Namespace) -> tuple[str, Plan]:
        source = backends.Backends(parsed_args)
        source.require_databases('plans need to know each CPU')
        client = source.placement()
        pipeline = Pipeline()
        scheduler = DryRunScheduler(pipeline, client)
        survey = source.survey()
        self.problem([*pipeline.problems, *survey.problems])
        title, plan = self.plan(parsed_args, source, scheduler, survey)
        plan = plan.on_services(
            {host.topology.name: host.host for host in survey.hosts}
        )
        self.note(plan.notes)
        self.answer_is_no = not plan.is_complete
        return title, plan

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        if parsed_args.script:
            # It is no table: without cliff's formatters.
            title, plan = self._plan(parsed_args)
            text = _SCRIPTS[parsed_args.script](plan, title)
            self.app.stdout.write(text)
            return self.exit_code()
        if parsed_args.execute:
            return self._execute(parsed_args)
        code: int = super().run(parsed_args)
        return code

    def _execute(self, parsed_args: argparse.Namespace) -> int:
        """Make the steps; what deviates is planned again from where it is."""
        executor = Executor(
            compute_api.connect(parsed_args.os_cloud),
            Journal(parsed_args.journal),
            tell=self._begin,
            timeout=parsed_args.step_timeout,
        )
        executor.settle()
        for _ in range(MAX_PLANS):
            self.answer_is_no = False
            title, plan = self._plan(parsed_args)
            self._say(f'{title}: {len(plan.steps)} steps')
            for each in plan.unplaced:
                self._say(f'{each.name} on {each.host} stays: {each.why}')
            if self.exit_code() == ExitCode.ERROR:
                self._say('Nothing is moved on incomplete data')
                break
            if not plan.steps or not (parsed_args.yes or self._agreed()):
                break
            try:
                executor.run(plan)
            except DeviationError as error:
                self._say(f'{error}: planning the rest again')
                self.answer_is_no = True
                continue
            break
        return self.exit_code()

    def _begin(self, step: Step) -> None:
        self.begun += 1
        self._say(scripts.describe(step))

    def _say(self, text: str) -> None:
        self.app.stdout.write(printable(text) + '\n')

    def _agreed(self) -> bool:
        self.app.stdout.write('Make these steps? [y/N] ')
        self.app.stdout.flush()
        return self.app.stdin.readline().strip().lower() in ('y', 'yes')


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


def _add_method(parser: argparse.ArgumentParser) -> None:
    """Add ``--method``."""
    parser.add_argument(
        '--method',
        choices=sorted(METHODS),
        default='any',
        help='how instances may move; any prefers live migration '
        '(default: any)',
    )


class PlanDrainCommand(PlanCommand):
    """Plan moves that empty hosts.

    Each step names the destination, and what its claim takes there. Where
    not all instances find a host, others move to make room. The exit code is
    3 if an instance has to stay.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'hosts', nargs='+', metavar='HOST', help='hosts to empty'
        )
        _add_method(parser)
        return parser

    def plan(
        self,
        parsed_args: argparse.Namespace,
        source: backends.Backends,
        scheduler: DryRunScheduler,
        survey: Survey,
    ) -> tuple[str, Plan]:
        """Drain."""
        hosts = _named(survey, [('host', name) for name in parsed_args.hosts])
        with self.plans(parsed_args, scheduler, survey) as plans:
            return f'Drain of {", ".join(hosts)}', plans.drain(hosts)


class PlanSurviveCommand(PlanCommand):
    """Plan where the instances of lost hosts go.

    As many as possible find a host, all where that is possible. With
    --prepare: the moves to make before the loss, so that more find one. The
    exit code is 3 if any finds none.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'lost',
            nargs='+',
            type=guest_options.pair,
            metavar='KIND=NAME',
            help='hosts that are lost: host=NAME, or a failure domain such '
            'as rack=R1',
        )
        parser.add_argument(
            '--prepare',
            action='store_true',
            help='plan the fewest moves on the other hosts after which as '
            'many as possible find a host',
        )
        _add_method(parser)
        return parser

    def plan(
        self,
        parsed_args: argparse.Namespace,
        source: backends.Backends,
        scheduler: DryRunScheduler,
        survey: Survey,
    ) -> tuple[str, Plan]:
        """Evacuate, or prepare for that."""
        hosts = _named(survey, parsed_args.lost)
        names = ', '.join(hosts)
        with self.plans(parsed_args, scheduler, survey) as plans:
            if parsed_args.prepare:
                return f'Prepared loss of {names}', plans.prepare(hosts)
            return f'Loss of {names}', plans.survive(hosts)


class PlanRoomCommand(PlanCommand):
    """Plan the fewest moves that make room for more instances.

    The exit code is 3 if there is no such plan for all of them.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--flavor', metavar='NAME', help='name or id of a flavor'
        )
        parser.add_argument(
            '--count',
            type=guest_options.not_negative,
            default=1,
            metavar='N',
            help='how many more are to fit (default: 1)',
        )
        _add_method(parser)
        guest_options.add_flavor_arguments(parser)
        guest_options.add_arguments(parser)
        return parser

    def plan(
        self,
        parsed_args: argparse.Namespace,
        source: backends.Backends,
        scheduler: DryRunScheduler,
        survey: Survey,
    ) -> tuple[str, Plan]:
        """Make room."""
        flavor = guest_requests.flavor_of(
            parsed_args, parsed_args.flavor, source
        )
        request = guest_requests.boot_request_of(parsed_args, flavor, source)
        spec = boot_request.request_spec(scheduler.context, request)
        name = parsed_args.flavor or 'flavor by hand'
        title = f'Room for {parsed_args.count} of {name}'
        with self.plans(parsed_args, scheduler, survey) as plans:
            return title, plans.room(name, spec, parsed_args.count)


class PlanDefragmentCommand(PlanCommand):
    """Plan the moves that regain the most room for expected instances.

    The room counts at the prices of the weighers: for the demand that they
    expect, or for the given flavors. No more moves are planned than pay.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--moves',
            type=guest_options.positive,
            required=True,
            metavar='N',
            help='the most moves',
        )
        parser.add_argument(
            '--for',
            action='append',
            default=[],
            dest='flavors',
            metavar='NAME[=WEIGHT]',
            help='name or id of a flavor that room is for; may be repeated, '
            'with weights (default: 1)',
        )
        _add_method(parser)
        return parser

    def plan(
        self,
        parsed_args: argparse.Namespace,
        source: backends.Backends,
        scheduler: DryRunScheduler,
        survey: Survey,
    ) -> tuple[str, Plan]:
        """Regain room."""
        flavors = []
        for text in parsed_args.flavors:
            name, weight = guest_requests.weighted_flavor(
                '--for', text, source
            )
            flavor = boot_request.flavor_named(scheduler.context, name)
            request = boot_request.BootRequest(flavor, flavor_name=flavor.name)
            spec = boot_request.request_spec(scheduler.context, request)
            flavors.append((name, spec, weight))
        title = f'Most room by {parsed_args.moves} moves'
        # What was begun before a deviation counts, too.
        moves = max(0, parsed_args.moves - self.begun)
        with self.plans(parsed_args, scheduler, survey) as plans:
            return title, plans.defragment(moves, flavors)
