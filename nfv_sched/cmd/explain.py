"""``nfv-sched explain``: why a boot gets no host, and what would help."""

import argparse
from collections.abc import Iterator

from nfv_sched.cmd import backend_options
from nfv_sched.cmd import guest_options
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection

_RESIZE = 'resize'
#: What an instance may be scheduled for.
PURPOSES = ('boot', 'migrate', 'live-migrate', _RESIZE, 'evacuate')


class ExplainCommand(MultiTableCommand):
    """Explain why hosts do not fit an instance.

    Runs the filters that nova.conf enables, asks Placement, and predicts
    nova-compute's claim, for every host as it is now. Each host counts for
    the first condition that rejects it; these hosts and those that fit add
    up to all. Nothing is written.

    As a table it prints the conditions, the nearest hosts, what would help,
    and how many hosts fit the flavor with the ports and image properties of
    its running instances. The exit code is 1 if any Nova cell or host could
    not be read, and 3 if fewer hosts fit than --fail-below.
    """

    views = ('conditions', 'hosts', 'blockers', 'suggestions', 'shapes')
    default_view = 'conditions'
    _parser: argparse.ArgumentParser

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        self._parser = parser
        parser.add_argument(
            '--flavor', metavar='NAME', help='name or id of a flavor'
        )
        parser.add_argument(
            '--server',
            metavar='SERVER',
            help='UUID or name of an instance, as its stored request has it',
        )
        parser.add_argument(
            '--for',
            dest='purpose',
            choices=PURPOSES,
            help='what --server is to be scheduled for (default: boot); a '
            'resize is to the flavor of --flavor',
        )
        guest_options.add_shapes_argument(parser)
        guest_options.add_flavor_arguments(parser)
        guest_options.add_arguments(parser)
        self.add_show(parser)
        parser.add_argument(
            '--nearest',
            type=guest_options.not_negative,
            default=10,
            metavar='N',
            help='number of hosts of which to find all blockers (default: 10)',
        )
        parser.add_argument(
            '--fail-below',
            type=guest_options.not_negative,
            default=0,
            metavar='N',
            help='end with the exit code 3 if fewer hosts fit',
        )
        backend_options.add_arguments(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        if problem := _contradiction(parsed_args):
            self._parser.error(problem)
        code: int = super().run(parsed_args)
        return code

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Explain."""
        from nfv_sched.cmd import explain_action

        return explain_action.sections(self, parsed_args, selection)


def _contradiction(parsed: argparse.Namespace) -> str | None:
    """Options that cannot be given together, in words."""
    resize = parsed.purpose == _RESIZE
    if not parsed.server:
        if parsed.purpose:
            return '--for is about an instance that exists: give --server'
        return None
    options = guest_options.guest_options_given(parsed)
    if parsed.flavor and not resize:
        options = ['--flavor', *options]
    if options:
        return (
            f'not allowed with --server: {", ".join(options)}; the instance '
            'is as its stored request has it'
        )
    if resize and not parsed.flavor:
        return '--for resize needs the new flavor: --flavor'
    return None
