"""``nfv-sched purge``: everything of ours out of Placement."""

import argparse
import logging

from cliff import lister

from nfv_sched.cmd import backends
from nfv_sched.nova import compute_topology
from nfv_sched.placement import removal
from nfv_sched.placement.client import PlacementClient

LOG = logging.getLogger(__name__)


class PurgeCommand(lister.Lister):  # type: ignore[misc]
    """Remove every tree, resource class and trait of ours from Placement.

    For those who take nfv-sched out again: stop the publishers first. Without
    --yes it only tells what it would remove. The exit code is 1 if anything
    is left, which is then told.
    """

    failed = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        backends.add_config_file(parser)
        parser.add_argument(
            '--yes', action='store_true', help='really remove it'
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
        """Remove, or tell what there is; returns a table."""
        compute_topology.configure(parsed_args.config_file)
        client = PlacementClient(
            compute_topology.placement_adapter(), deadline=parsed_args.deadline
        )
        if not parsed_args.yes:
            LOG.warning('Nothing is removed without --yes')
            return (
                ('Kind', 'Name'),
                [(one.kind, one.name) for one in removal.removable(client)],
            )
        done = list(removal.purge(client))
        self.failed = any(one.problem for one in done)
        return (
            ('Kind', 'Name', 'Problem'),
            [(one.kind, one.name, one.problem or '') for one in done],
        )
