"""``nfv-sched shadow``: what shadow mode has found."""

import argparse
from collections.abc import Iterator

from nfv_sched.cmd import backend_options
from nfv_sched.cmd import journal_options
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection


class ShadowCommand(MultiTableCommand):
    """Compare judgements of shadow mode with what became of instances.

    In shadow mode ([nfv_sched] shadow = true) the filters and weighers judge
    each request and change nothing. This command reads their judgements in
    the decision journal, and in Nova's databases whether the claims on the
    selected hosts succeeded. Nothing is written.

    The exit code is 1 if a part of the journal or of the databases could not
    be read, and 3 if the filters would have rejected a host whose claim
    succeeded.
    """

    views = ('summary', 'decisions')
    default_view = 'summary'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        journal_options.add_journal(parser)
        parser.add_argument(
            '--all',
            action='store_true',
            help='all decisions, those about which all agree included',
        )
        self.add_show(parser)
        backend_options.add_arguments(parser)
        return parser

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Compare."""
        from nfv_sched.cmd import shadow_action

        return shadow_action.sections(self, parsed_args, selection)
