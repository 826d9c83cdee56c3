"""``nfv-sched report``: a page or a document about a whole cloud."""

import argparse
import pathlib

from cliff import command

from nfv_sched.cmd import backend_options
from nfv_sched.cmd import guest_options
from nfv_sched.cmd.multi_table import DOCUMENTS
from nfv_sched.cmd.output_file import output_file

PAGE = 'html'
_FORMATS = (PAGE, *DOCUMENTS)


class ReportCommand(command.Command):  # type: ignore[misc]
    """Report on the capacity of the cloud, as an HTML page or a document.

    The page is one file without external resources: a heat map of all hosts
    and NUMA nodes, figures and a NUMA map of each host, capacity by flavor,
    what the check finds about instances, refused requests, and the trend of
    the last days. json and yaml
    have the same without the maps, which are those of the topology command.
    The exit code is 1 if any host or Nova cell could not be read.
    """

    _parser: argparse.ArgumentParser

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser of the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        self._parser = parser
        parser.add_argument(
            '--output',
            type=output_file,
            metavar='FILE',
            help='file to write; json and yaml are printed without it',
        )
        parser.add_argument(
            '-f',
            '--format',
            choices=_FORMATS,
            default=PAGE,
            help='html: a page; json and yaml: a document (default: html)',
        )
        parser.add_argument(
            '--flavor',
            action='append',
            default=[],
            metavar='NAME',
            help='count how many more instances of this flavor fit, by name '
            "or id; may be repeated. Needs Nova's databases",
        )
        guest_options.add_shapes_argument(parser)
        parser.add_argument(
            '--log',
            type=pathlib.Path,
            metavar='FILE',
            help='log of nova-scheduler, whose refused requests are listed; '
            '"-" reads standard input',
        )
        parser.add_argument(
            '--prometheus',
            metavar='URL',
            help='Prometheus that scrapes nfv-sched-exporter, for the trend '
            'of the last days',
        )
        parser.add_argument(
            '--days',
            type=guest_options.positive,
            default=7,
            metavar='N',
            help='days of that trend (default: 7)',
        )
        backend_options.add_arguments(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Write the report.

        :returns: the exit code
        """
        if parsed_args.format == PAGE and parsed_args.output is None:
            self._parser.error('the page needs a file: --output FILE')
        from nfv_sched.cmd import report_action

        return report_action.report(self.app, parsed_args)
