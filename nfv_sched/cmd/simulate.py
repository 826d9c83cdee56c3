"""``nfv-sched simulate``: what if."""

import argparse
import pathlib
from typing import Any

from cliff import lister

from nfv_sched.cmd import rich_console


def _target(text: str) -> pathlib.Path:
    """A file that can be written once all is played."""
    path = pathlib.Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f'{path.parent} is no directory')
    if path.is_dir():
        raise argparse.ArgumentTypeError(f'{path} is a directory')
    return path


class SimulateCommand(lister.Lister):  # type: ignore[misc]
    """Play a scenario on a simulated cloud: boots, deletes, lost racks.

    Nova's scheduler and claim and Placement itself are real; hosts and
    guests are not. Shows what became of the guests and why some found no
    host; other formats than table list each event. The exit code is 1 if any
    guest found no host.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Describe the command's options."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            '--scenario',
            type=pathlib.Path,
            required=True,
            metavar='FILE',
            help='the scenario, in YAML',
        )
        parser.add_argument(
            '--plot',
            type=_target,
            metavar='FILE.svg',
            help='draw what was in use after each event',
        )
        parser.add_argument(
            '--report',
            type=_target,
            metavar='FILE.html',
            help='write a page about the cloud as it is at the end',
        )
        parser.add_argument(
            '--record',
            type=_target,
            metavar='FILE.jsonl',
            help='write the requests, one a line, to be replayed',
        )
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        try:
            from nfv_sched.cmd import simulate_view  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise RuntimeError(
                f'{error}: simulations need "pip install nfv-sched[demo]"'
            ) from error
        self._played = simulate_view.simulate(
            parsed_args.scenario, rich_console.console(self.app.stderr)
        )
        for path, text in (
            (parsed_args.plot, self._played.drawn),
            (parsed_args.report, self._played.paged),
            (parsed_args.record, self._played.recorded),
        ):
            if path is not None:
                path.write_text(text(), 'utf-8')
        if parsed_args.formatter == 'table':
            simulate_view.show(
                self._played, rich_console.console(self.app.stdout)
            )
        else:
            super().run(parsed_args)
        return int(self._played.failed)

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Return the events as a table."""
        return self._played.rows()
