"""``nfv-sched simulate``: run a scenario on a simulated cloud."""

import argparse
from collections.abc import Iterator
import pathlib

from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.cmd.output_file import output_file
from nfv_sched.scenario import source


class SimulateCommand(MultiTableCommand):
    """Run a scenario on a simulated cloud: boots, deletes, lost racks.

    Nova's scheduler and claim and Placement are real; hosts and instances
    are simulated. The table format shows a summary of the instances and why
    some have no host; csv and value list each event. The exit code is 3 if
    any instance has no host.
    """

    views = ('events', 'steps', 'flavors', 'errors', 'rejections', 'hosts')
    default_view = 'events'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser of the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--scenario',
            type=pathlib.Path,
            required=True,
            metavar='FILE',
            help='scenario in YAML',
        )
        parser.add_argument(
            '--plot',
            type=output_file,
            metavar='FILE.svg',
            help='write a plot of the used shares after each event',
        )
        parser.add_argument(
            '--report',
            type=output_file,
            metavar='FILE.html',
            help='write a page about the cloud at the end',
        )
        parser.add_argument(
            '--record',
            type=output_file,
            metavar='FILE.jsonl',
            help='write the requests as JSON lines, which can be replayed',
        )
        self.add_show(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command.

        :returns: its exit code
        """
        # Before Nova is imported, which takes seconds.
        source.check(parsed_args.scenario)
        from nfv_sched.cmd import rich_console

        try:
            from nfv_sched.cmd import simulate_view
        except ModuleNotFoundError as error:
            raise RuntimeError(
                f'{error}: simulations need "pip install nfv-sched[demo]"'
            ) from error
        self._result = simulate_view.simulate(
            parsed_args.scenario, rich_console.console(self.app.stderr)
        )
        for path, text in (
            (parsed_args.plot, self._result.plot),
            (parsed_args.report, self._result.page),
            (parsed_args.record, self._result.requests),
        ):
            if path is not None:
                path.write_text(text(), 'utf-8')
        self.answer_is_no = self._result.failed
        if parsed_args.formatter == 'table' and parsed_args.show is None:
            simulate_view.show(
                self._result, rich_console.console(self.app.stdout)
            )
            return ExitCode.NO if self.answer_is_no else ExitCode.OK
        code: int = super().run(parsed_args)
        return code

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """The tables of the run."""
        del parsed_args
        self.problem(self._result.survey.problems)
        for table in self._result.tables():
            if selection.wants(table.key):
                yield Section(table)
