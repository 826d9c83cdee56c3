"""``nfv-sched why``: why an instance is on its host, or has none."""

import argparse
from collections.abc import Iterator

from nfv_sched.cmd import backend_options
from nfv_sched.cmd import journal_options
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection


class WhyCommand(MultiTableCommand):
    """Show why an instance was placed on its host, or found none.

    Reads the decision journal that nova-scheduler writes where [nfv_sched]
    journal_folder names a folder. It shows the newest decision on the
    instance: the hosts that each filter left, the weights of the best hosts,
    and which host would be first without each weigher. Nothing is written.

    The exit code is 1 if no decision on the instance is in the journal, or
    a part of the journal could not be read.
    """

    views = (
        'decisions',
        'filters',
        'hosts',
        'weights',
        'counterfactuals',
        'conditions',
    )
    default_view = 'decisions'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            'server',
            metavar='SERVER',
            help='UUID or name of an instance; a name is looked up in '
            "Nova's databases or API",
        )
        journal_options.add_journal(parser)
        parser.add_argument(
            '--all',
            action='store_true',
            help='all decisions on the instance, the newest one first',
        )
        self.add_show(parser)
        backend_options.add_arguments(parser)
        return parser

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Read the decisions."""
        from nfv_sched.cmd import why_action

        return why_action.sections(self, parsed_args, selection)
