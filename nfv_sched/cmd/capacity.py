"""``nfv-sched capacity``: how many more instances fit, and after a loss."""

import argparse
from collections.abc import Iterator

from nfv_sched.cmd import backend_options
from nfv_sched.cmd import guest_options
from nfv_sched.cmd.multi_table import MultiTableCommand
from nfv_sched.cmd.multi_table import Section
from nfv_sched.cmd.multi_table import Selection

_VIEWS = ('total', 'domains', 'hosts')
_LOSS_VIEWS = ('total', 'instances')


class CapacityCommand(MultiTableCommand):
    """Count how many more instances of a flavor fit.

    Counts hypothetical claims, one after another, on every host that the
    filters and Placement leave: for the flavor alone, and with the ports and
    image properties of the instances that run. With several flavors instances
    are placed in turn, by weight, until one finds no host. With --server it
    counts instances like that one.

    With --after-loss it shows instead whether the instances of lost hosts
    fit on the others, as their stored requests ask. Nothing is written. The
    exit code is 1 if any Nova cell, host or instance could not be read, and
    3 if fewer instances fit than --fail-below, or any does not fit after the
    loss.
    """

    views = (*_VIEWS, 'instances')
    default_view = 'hosts'
    _parser: argparse.ArgumentParser

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        self._parser = parser
        parser.add_argument(
            '--flavor',
            action='append',
            default=[],
            metavar='NAME[=WEIGHT]',
            help='name or id of a flavor; may be repeated for a mixture, in '
            'proportion to the weights (default: 1)',
        )
        parser.add_argument(
            '--server',
            metavar='SERVER',
            help='UUID or name: count instances like this one, by its stored '
            'request: flavor, image, ports, hints and server group',
        )
        guest_options.add_shapes_argument(parser)
        guest_options.add_flavor_arguments(parser)
        guest_options.add_arguments(parser)
        parser.add_argument(
            '--after-loss',
            type=guest_options.pair,
            action='append',
            default=[],
            metavar='KIND=NAME',
            help='hosts that are lost: host=NAME, or a failure domain such '
            'as rack=R1; may be repeated',
        )
        self.add_show(parser)
        parser.add_argument(
            '--fail-below',
            type=guest_options.not_negative,
            metavar='N',
            help='end with the exit code 3 if fewer instances fit',
        )
        backend_options.add_arguments(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        views: tuple[str, ...] = _VIEWS
        if parsed_args.server:
            self._refuse_with_server(parsed_args)
        if parsed_args.after_loss:
            self._refuse_with_loss(parsed_args)
            self.default_view = 'instances'
            views = _LOSS_VIEWS
        if parsed_args.show not in (None, *views):
            self._parser.error(
                f'--show {parsed_args.show}: these tables are '
                f'{", ".join(views)}'
            )
        code: int = super().run(parsed_args)
        return code

    def _refuse_with_server(self, parsed_args: argparse.Namespace) -> None:
        """Refuse options that describe another instance."""
        options = ['--flavor'] if parsed_args.flavor else []
        options += guest_options.guest_options_given(parsed_args)
        options += ['--after-loss'] if parsed_args.after_loss else []
        if options:
            self._parser.error(
                f'not allowed with --server: {", ".join(options)}; the '
                'instance is as its stored request has it'
            )

    def _refuse_with_loss(self, parsed_args: argparse.Namespace) -> None:
        """Refuse options that --after-loss does not use."""
        options = ['--flavor'] if parsed_args.flavor else []
        options += guest_options.guest_options_given(parsed_args)
        if options:
            self._parser.error(
                f'not allowed with --after-loss: {", ".join(options)}; the '
                'instances of lost hosts are placed as their stored requests '
                'ask'
            )
        if parsed_args.fail_below is not None:
            self._parser.error(
                'not allowed with --after-loss: --fail-below; the exit code '
                'is 3 if any instance does not fit'
            )

    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterator[Section]:
        """Count."""
        from nfv_sched.cmd import capacity_action

        return capacity_action.sections(self, parsed_args, selection)
