"""``nfv-sched purge``: remove everything of nfv_sched from Placement."""

import argparse
from collections.abc import Iterator

from nfv_sched.cmd import backends
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.dryrun.tables import Column
from nfv_sched.dryrun.tables import Table
from nfv_sched.nova import config as nova_config
from nfv_sched.placement import removal
from nfv_sched.placement.client import PlacementClient

_REMOVALS = (
    Column[removal.Removal]('kind', 'Kind', lambda row: row.kind),
    Column[removal.Removal]('name', 'Name', lambda row: row.name),
    Column[removal.Removal]('problem', 'Problem', lambda row: row.problem),
)


class PurgeCommand(MultiTableCommand):
    """Remove every tree, class and trait of nfv-sched from Placement.

    Use it to uninstall nfv-sched, after the publishers have stopped. Without
    --yes it only lists what it would remove. The exit code is 1 if anything
    could not be removed; the table shows why.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        backends.add_config_file(parser)
        parser.add_argument(
            '--yes', action='store_true', help='remove instead of listing'
        )
        backends.add_deadline(parser)
        return parser

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Remove, or list what would be removed; yields a table."""
        del selection
        nova_config.configure(parsed_args.config_file)
        client = PlacementClient(
            nova_config.placement_adapter(), deadline=parsed_args.deadline
        )
        self.facts['removed'] = parsed_args.yes
        if not parsed_args.yes:
            self.note(['Nothing is removed without --yes'])
            found = list(removal.removable(client))
            yield Section(Table('removals', _REMOVALS, found))
            return
        removals = list(removal.purge(client))
        self.add_problems(
            f'{each.kind} {each.name}: {each.problem}'
            for each in removals
            if each.problem
        )
        yield Section(Table('removals', _REMOVALS, removals))
