"""``nfv-sched report``: a cloud on one page."""

import argparse
import pathlib

from cliff import command

from nfv_sched.cmd import sources
from nfv_sched.picture import page


class Report(command.Command):  # type: ignore[misc]
    """Write a page about the cloud: what is scarce, where, and why.

    One file of HTML that needs no server and nothing from outside: a heat
    map of all hosts and cells, figures of each host and its NUMA map. The
    exit code is 1 if any host or cell could not be read.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        sources.add_arguments(parser)
        parser.add_argument(
            '--output',
            type=pathlib.Path,
            required=True,
            metavar='FILE',
            help='the page to write',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Write the page; returns the exit code."""
        survey = sources.Sources(parsed_args).survey_with_distances()
        parsed_args.output.write_text(page.report(survey), 'utf-8')
        for text in survey.problems:
            print(f'Not read: {text}', file=self.app.stderr)
        return int(bool(survey.problems))
