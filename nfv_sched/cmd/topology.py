"""``nfv-sched topology``: the NUMA maps of hosts, and what is free on them."""

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nfv_sched.cmd import backend_options
from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection
from nfv_sched.cmd.output_file import output_file

if TYPE_CHECKING:
    from nfv_sched.survey import Survey

#: More hosts are not drawn for a terminal unless they are named.
_MOST_DRAWN = 20
_PICTURES = ('html', 'json', 'svg', 'table', 'yaml')


def add_hosts(parser: argparse.ArgumentParser) -> None:
    """Add the names or patterns of hosts."""
    parser.add_argument(
        'hosts',
        nargs='*',
        metavar='HOST',
        help='name of a host, or a pattern such as "cmp-?"; default: all',
    )


class UsageError(Exception):
    """A combination of options that is not supported; the text says which."""


class TopologyCommand(MultiTableCommand):
    """Show the NUMA maps of hosts: NUMA nodes, cores, instances, devices.

    The formats are a drawing for the terminal (table, the default), a picture
    (svg), a page (html) and data (json, yaml). With --summary the command
    prints a table of the hosts instead, one row for each, in all formats of
    lists. So it does for the terminal if no host is named and there are more
    than 20. The exit code is 1 if any host or Nova cell could not be read.
    """

    default_view = 'summary'
    #: The hosts that are named, once they are read.
    surveyed: 'Survey | None' = None

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        backend_options.add_arguments(parser)
        add_hosts(parser)
        parser.add_argument(
            '--summary',
            action='store_true',
            help='one row per host: free resources, fragmentation, stranded '
            'devices',
        )
        parser.add_argument(
            '--output',
            type=output_file,
            metavar='FILE',
            help='write the maps to this file instead of to the terminal',
        )
        self._add_pictures()
        return parser

    def _add_pictures(self) -> None:
        """Add the formats of maps to those of lists in ``--format``."""
        lists = self._formatter_plugins.names()
        group = self._formatter_group
        group.conflict_handler = 'resolve'
        group.add_argument(
            '-f',
            '--format',
            dest='formatter',
            choices=sorted({*lists, *_PICTURES}),
            default=self.formatter_default,
            help='the output format: html and svg for maps, csv and value '
            'for --summary; the default, table, draws maps for the terminal',
        )

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        known = self._formatter_plugins.names()
        form = parsed_args.formatter
        if parsed_args.summary:
            if form not in known:
                raise UsageError(f'--summary has no format {form}')
            if parsed_args.output:
                raise UsageError('--output cannot be used with --summary')
            code: int = super().run(parsed_args)
            return code
        if form not in _PICTURES:
            raise UsageError(
                f'the format {form} is available with --summary only'
            )
        from nfv_sched.cmd import topology_action

        survey = topology_action.survey_of(self, parsed_args)
        shown = form == 'table' and parsed_args.output is None
        if shown and not parsed_args.hosts and len(survey.hosts) > _MOST_DRAWN:
            print(
                f'{len(survey.hosts)} hosts; name hosts to see their NUMA '
                'nodes',
                file=self.app.stderr,
            )
            summarized: int = super().run(parsed_args)
            return summarized
        topology_action.draw(self, survey, parsed_args)
        return ExitCode.ERROR if survey.problems else ExitCode.OK

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Survey the hosts, and yield the summary."""
        from nfv_sched.cmd import topology_action

        del selection
        return topology_action.sections(self, parsed_args)
