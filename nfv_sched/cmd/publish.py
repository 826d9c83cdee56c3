"""``nfv-sched publish``: host topology from Nova's cells to Placement."""

import argparse
from collections.abc import Iterator

from nfv_sched.cmd import backend_options
from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.placement.parallel import MAX_CONCURRENCY


class PublishCommand(MultiTableCommand):
    """Publish the host topology that nova-computes reported, once.

    Reads the compute nodes of all Nova cells and writes one provider tree for
    each to Placement, beside Nova's own. Unchanged hosts are not written: a
    run that was interrupted is resumed by the next one. The exit code is 1 if
    any host or Nova cell could not be read or published.
    """

    failed = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        backend_options.add_config_file(parser)
        parser.add_argument(
            '--source',
            choices=('cells', 'sysfs'),
            default='cells',
            help='where to read: cells, the compute nodes of all Nova cells; '
            'sysfs, the sysfs of this compute node, which adds to its '
            'published tree; not with --dry-run or --prune. Default: cells',
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='print the pending writes instead of making them',
        )
        parser.add_argument(
            '--prune',
            action='store_true',
            help='also remove orphaned trees, whose compute node is in no '
            'Nova cell; skipped if a Nova cell does not answer',
        )
        parser.add_argument(
            '--concurrency',
            type=int,
            choices=range(1, MAX_CONCURRENCY + 1),
            metavar='N',
            help='number of hosts that are published at the same time, 1 to '
            f'{MAX_CONCURRENCY}; only with --source cells. Default: '
            '[nfv_sched_publisher] concurrency',
        )
        backend_options.add_deadline(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        code: int = super().run(parsed_args)
        return ExitCode.ERROR if self.failed else code

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Publish, or plan the writes; yields a table."""
        from nfv_sched.cmd import publish_action

        return publish_action.sections(self, parsed_args, selection)
