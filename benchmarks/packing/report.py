"""The tables on the terminal, and as files for the docs."""

from collections.abc import Sequence
import csv
import dataclasses
import json
import pathlib

from rich.console import Console
from rich.table import Table

from benchmarks import filters
from benchmarks.packing import measures
from benchmarks.packing import plots
from benchmarks.packing import simulate
from benchmarks.packing import tables
from benchmarks.packing.clouds import CLOUDS
from benchmarks.packing.columns import COLUMNS
from benchmarks.packing.loads import LOADS
from benchmarks.packing.measures import Cell
from benchmarks.packing.simulate import Outcome
from benchmarks.packing.tables import Sheet

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
    """Write the tables as CSV, all figures as JSON, and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    for sheet in tables.sheets(cells):
        path = folder / f'{sheet.name}.csv'
        with path.open('w', newline='') as file:
            writer = csv.writer(file)
            writer.writerow(sheet.headers)
            writer.writerows(sheet.rows)
    (folder / 'packing.json').write_text(
        json.dumps(_figures(cells), indent=1) + '\n'
    )
    plots.fill(cells, folder / 'packing-fill.svg')
    plots.churn(cells, folder / 'packing-churn.svg')


def _figures(cells: Sequence[Cell]) -> dict[str, object]:
    return {
        'machine': filters.machine(),
        'offered': simulate.OFFERED,
        'clouds': {name: one.about for name, one in CLOUDS.items()},
        'loads': {name: one.about for name, one in LOADS.items()},
        'columns': {name: one.about for name, one in COLUMNS.items()},
        'cells': [_cell_figures(cell) for cell in cells],
    }


def _cell_figures(cell: Cell) -> dict[str, object]:
    return {
        'cloud': cell.cloud,
        'load': cell.load,
        'mode': cell.mode,
        'events': cell.events,
        'measures': {
            measure.name: cell.values(measure)
            for measure in measures.MEASURES
            if measure.mode == cell.mode
        },
        'bounds': {
            seed: dataclasses.asdict(one)
            for seed, one in {**cell.bounds, **cell.floors}.items()
        },
        'seconds': {
            name: [
                round(one.seconds, 1)
                for one in cell.results[name].values()
                if isinstance(one, Outcome)
            ]
            for name in cell.columns
        },
    }
