"""``nfv-sched check``: check the deployment."""

import argparse
from collections.abc import Iterator

from nfv_sched.cmd import backend_options
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection

#: The exit code of an error, which no result has.
_ERROR = 255


class CheckCommand(MultiTableCommand):
    """Check the configuration of schedulers, hosts and Placement.

    Run it with the nova.conf of a nova-scheduler. The exit codes are those of
    "nova-status upgrade check": 0 if all checks succeed, 1 with a warning, 2
    with a failure, 255 if the checks could not run. Nothing is written.
    """

    views = ('checks', 'findings', 'differences')
    default_view = 'checks'
    #: Of the worst result.
    code = 0

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--placement-config-file',
            action='append',
            default=[],
            metavar='PATH',
            help='placement.conf, to check its options as well',
        )
        self.add_show(parser)
        backend_options.add_arguments(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        try:
            super().run(parsed_args)
        except BrokenPipeError:
            # The reader of the output ended: not an error of the checks.
            raise
        except Exception as error:
            # Logged as cliff does, whose exit code 1 means a warning here.
            debug = self.app.options.debug
            self.app.LOG.error(error, exc_info=debug)  # noqa: TRY400
            return _ERROR
        return self.code

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Run all checks and yield the tables of results."""
        from nfv_sched.cmd import check_action

        return check_action.sections(self, parsed_args, selection)
