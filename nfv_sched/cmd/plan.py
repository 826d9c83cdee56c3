"""``nfv-sched plan``: moves that are known to succeed."""

import abc
import argparse
from collections.abc import Iterator
import pathlib

from nfv_sched.cmd import backend_options
from nfv_sched.cmd import guest_options
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection

#: Keys of tables, see :mod:`nfv_sched.plan.tables`.
VIEWS = ('total', 'steps', 'room', 'released', 'unplaced', 'lost_without')
METHODS = ('any', 'cold', 'live')
SCRIPTS = ('ansible', 'shell')


class PlanCommand(MultiTableCommand, metaclass=abc.ABCMeta):
    """A command that prints a plan."""

    views = VIEWS
    default_view = 'steps'
    #: One of ``plan_action.KINDS``.
    kind: str
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
            choices=SCRIPTS,
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

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Plan."""
        from nfv_sched.cmd import plan_action

        return plan_action.sections(self, parsed_args, selection)

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        from nfv_sched.cmd import plan_action

        if parsed_args.script:
            # It is no table: without cliff's formatters.
            text = plan_action.script(self, parsed_args)
            self.app.stdout.write(text)
            return self.exit_code()
        if parsed_args.execute:
            return plan_action.Execution(self, parsed_args).run()
        code: int = super().run(parsed_args)
        return code


def _add_method(parser: argparse.ArgumentParser) -> None:
    """Add ``--method``."""
    parser.add_argument(
        '--method',
        choices=METHODS,
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

    kind = 'drain'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'hosts', nargs='+', metavar='HOST', help='hosts to empty'
        )
        _add_method(parser)
        return parser


class PlanSurviveCommand(PlanCommand):
    """Plan where the instances of lost hosts go.

    As many as possible find a host, all where that is possible. With
    --prepare: the moves to make before the loss, so that more find one. The
    exit code is 3 if any finds none.
    """

    kind = 'survive'

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


class PlanRoomCommand(PlanCommand):
    """Plan the fewest moves that make room for more instances.

    The exit code is 3 if there is no such plan for all of them.
    """

    kind = 'room'

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


class PlanDefragmentCommand(PlanCommand):
    """Plan the moves that regain the most room for expected instances.

    The room counts at the prices of the weighers: for the demand that they
    expect, or for the given flavors. No more moves are planned than pay.
    """

    kind = 'defragment'

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


class PlanConsolidateCommand(PlanCommand):
    """Plan moves that empty as many hosts as possible, to switch them off.

    A host either gives all its instances or takes some. Disable the hosts
    that are emptied: otherwise new instances boot there.
    """

    kind = 'consolidate'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--moves',
            type=guest_options.positive,
            metavar='N',
            help='the most moves (default: any number)',
        )
        _add_method(parser)
        return parser
