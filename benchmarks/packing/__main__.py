"""The command line: see the package's docstring."""

import argparse
import json
import pathlib
import time
from typing import Any

from rich.console import Console
from rich.progress import MofNCompleteColumn
from rich.progress import Progress
from rich.progress import TimeElapsedColumn
from rich.progress import TimeRemainingColumn

import benchmarks
import benchmarks.packing
from benchmarks.packing import columns
from benchmarks.packing import measures
from benchmarks.packing import report
from benchmarks.packing import runs
from benchmarks.packing.clouds import CLOUDS
from benchmarks.packing.loads import LOADS

# A pipe has no width; the table needs one.
_PIPED_WIDTH = 180


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.packing',
        description=benchmarks.packing.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--seeds', type=_seeds)
    parser.add_argument('--events', type=int)
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--output', type=pathlib.Path)
    parser.add_argument('--results', type=pathlib.Path)
    for name, known, default in (
        ('clouds', CLOUDS, tuple(CLOUDS)),
        ('loads', LOADS, tuple(LOADS)),
        ('modes', runs.MODES, runs.MODES),
        (
            'columns',
            (*columns.COLUMNS, runs.HINDSIGHT, runs.BOUND),
            (*columns.DEFAULT, runs.BOUND),
        ),
    ):
        parser.add_argument(
            f'--{name}', type=_names(known), default=list(default)
        )
    parser.add_argument(
        '--set', action='append', type=_option, default=[], dest='options'
    )
    return parser


def _seeds(text: str) -> list[int]:
    first, dash, last = text.partition('-')
    if dash:
        return list(range(int(first), int(last) + 1))
    return list(range(1, int(first) + 1))


def _names(known: Any) -> Any:
    def parse(text: str) -> list[str]:
        found = text.split(',')
        for name in found:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f'{name} is none of {", ".join(known)}'
                )
        return found

    return parse


def _option(text: str) -> tuple[str, Any]:
    name, _, value = text.partition('=')
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def main() -> None:
    """Run what is asked for and print the table."""
    args = arguments().parse_args()
    seeds = args.seeds or _seeds('2' if args.quick else '10')
    events = args.events or (6_000 if args.quick else 30_000)
    wanted = runs.tasks(
        args.clouds,
        args.loads,
        args.modes,
        seeds,
        args.columns,
        events,
        dict(args.options),
    )
    results_folder = args.results or args.output
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED_WIDTH)
    start = time.monotonic()
    with Progress(
        *Progress.get_default_columns()[:2],
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        bar = progress.add_task('runs', total=len(wanted))
        results = runs.run_all(
            wanted,
            args.jobs,
            results_folder / report.RUNS if results_folder else None,
            lambda task: progress.advance(bar),
        )
    cells = measures.cells({task: results[task] for task in wanted})
    report.show(console, cells)
    if args.output:
        report.write(cells, args.output)
    console.print(f'{time.monotonic() - start:.0f} s')


if __name__ == '__main__':
    main()
