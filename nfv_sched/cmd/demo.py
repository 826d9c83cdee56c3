"""``nfv-sched demo``: instances on a simulated telco cloud."""

import argparse
import pathlib

from cliff import command

from nfv_sched.cmd import rich_console


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f'{text} is not a positive number')
    return int(text)


class DemoCommand(command.Command):  # type: ignore[misc]
    """Run a simulated telco cloud and show where its instances are placed.

    Nova's scheduler and claim and Placement are real; the hardware is
    simulated. Everything runs in this process and is removed afterwards. The
    same instances are booted with Nova's own filters and weighers first, for
    comparison.

    With --serve the cloud stays until Ctrl-C, for the other commands. The
    exit code is 1 if a claim failed with the filters of nfv_sched.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser of the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--hosts', type=_positive, default=16, help='hosts (default: 16)'
        )
        parser.add_argument(
            '--guests',
            type=_positive,
            default=96,
            help='instances to boot (default: 96); the demo adds a few, '
            'most of which fit on few hosts or none',
        )
        parser.add_argument(
            '--seed',
            type=int,
            default=1,
            help='selects another mix of instances',
        )
        parser.add_argument(
            '--serve',
            type=pathlib.Path,
            metavar='DIR',
            help='keep the cloud until Ctrl-C or SIGTERM, with a nova.conf '
            'and a clouds.yaml for other commands in DIR, a new or an empty '
            'directory; only this user can read them, and Placement listens '
            'on a loopback port',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Run the demo."""
        try:
            from nfv_sched.cmd import demo_view
        except ModuleNotFoundError as error:
            raise RuntimeError(
                f'{error}: the demo needs "pip install nfv-sched[demo]"'
            ) from error
        return demo_view.demo(
            rich_console.console(self.app.stdout),
            parsed_args.hosts,
            parsed_args.guests,
            parsed_args.seed,
            parsed_args.serve,
        )
