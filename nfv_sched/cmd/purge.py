"""``nfv-sched purge``: remove everything of nfv_sched from Placement."""

import argparse
import logging

from cliff import lister

from nfv_sched.cmd import backends
from nfv_sched.nova import config as nova_config
from nfv_sched.placement import removal
from nfv_sched.placement.client import PlacementClient

LOG = logging.getLogger(__name__)


class PurgeCommand(lister.Lister):  # type: ignore[misc]
    """Remove every tree, class and trait of nfv-sched from Placement.

    Use it to uninstall nfv-sched, after the publishers have stopped. Without
    --yes it only lists what it would remove. The exit code is 1 if anything
    could not be removed; the table shows why.
    """

    failed = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        backends.add_config_file(parser)
        parser.add_argument(
            '--yes', action='store_true', help='remove instead of listing'
        )
        backends.add_deadline(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        super().run(parsed_args)
        return int(self.failed)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Remove, or list what would be removed; returns a table."""
        nova_config.configure(parsed_args.config_file)
        client = PlacementClient(
            nova_config.placement_adapter(), deadline=parsed_args.deadline
        )
        if not parsed_args.yes:
            LOG.warning('Nothing is removed without --yes')
            return (
                ('Kind', 'Name'),
                [(each.kind, each.name) for each in removal.removable(client)],
            )
        removals = list(removal.purge(client))
        self.failed = any(each.problem for each in removals)
        return (
            ('Kind', 'Name', 'Problem'),
            [(each.kind, each.name, each.problem or '') for each in removals],
        )
