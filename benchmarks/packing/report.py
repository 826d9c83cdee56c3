"""The tables on the terminal, and as files for the docs."""

from collections.abc import Sequence
import csv
import pathlib

from rich.console import Console
from rich.table import Table

from benchmarks.packing import plots
from benchmarks.packing import tables
from benchmarks.packing.measures import Cell
from benchmarks.packing.tables import Sheet

#: Each run's result, one to a line, in the results folder.
RUNS = 'packing-runs.jsonl'

_COLORS = {'worse': 'red', 'missed': 'red', 'better': 'green'}


def show(console: Console, cells: Sequence[Cell]) -> None:
    """Print all tables."""
    for sheet in tables.sheets(cells):
        if sheet.rows:
            console.print(_table(sheet))


def _table(sheet: Sheet) -> Table:
    made = Table(title=sheet.title)
    for place, header in enumerate(sheet.headers):
        words = all(
            not row[place][:1].isdigit() or ' of ' in row[place]
            for row in sheet.rows
        )
        made.add_column(header, justify='left' if words else 'right')
    for row in sheet.rows:
        made.add_row(*map(_colored, row))
    return made


def _colored(text: str) -> str:
    color = _COLORS.get(text.rpartition(' ')[2])
    return f'[{color}]{text}[/{color}]' if color else text


def write(cells: Sequence[Cell], folder: pathlib.Path) -> None:
    """Write the tables as CSV, and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    for sheet in tables.sheets(cells):
        path = folder / f'{sheet.name}.csv'
        with path.open('w', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(sheet.headers)
            writer.writerows(sheet.rows)
    plots.fill(cells, folder / 'packing-fill.svg')
    plots.churn(cells, folder / 'packing-churn.svg')
