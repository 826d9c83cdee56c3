"""``nfv-sched purge``: remove everything of nfv_sched from Placement."""

import argparse
from collections.abc import Iterator

from nfv_sched.cmd import backend_options
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection


class PurgeCommand(MultiTableCommand):
    """Remove every tree, class and trait of nfv-sched from Placement.

    Use it to uninstall nfv-sched, after the publishers have stopped. Without
    --yes it only lists what it would remove. Traits of physical networks
    that other clients use stay. The exit code is 1 if anything else could not
    be removed; the table shows why.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        backend_options.add_config_file(parser)
        parser.add_argument(
            '--yes', action='store_true', help='remove instead of listing'
        )
        backend_options.add_deadline(parser)
        return parser

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Remove, or list what would be removed; yields a table."""
        from nfv_sched.cmd import purge_action

        return purge_action.sections(self, parsed_args, selection)
