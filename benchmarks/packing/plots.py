"""The plots for the docs."""

from collections.abc import Callable
from collections.abc import Sequence
import pathlib
from typing import Any

from benchmarks.packing import measures
from benchmarks.packing import tables
from benchmarks.packing.measures import Cell

_BAR = 0.8


def fill(cells: Sequence[Cell], path: pathlib.Path) -> None:
    """What share of the bound each scheduler places."""
    shown = [cell for cell in cells if cell.mode == 'fill' and cell.bounds]
    figure, axes = _bars(shown, _shares)
    axes.set_xlabel('guests placed before the first rejection, % of the bound')
    axes.axvline(
        100 * tables.OF_BOUND, color='black', linewidth=0.8, linestyle=':'
    )
    _save(figure, axes, path)


def churn(cells: Sequence[Cell], path: pathlib.Path) -> None:
    """What share of the guests each scheduler rejects."""
    shown = [cell for cell in cells if cell.mode == 'churn']
    figure, axes = _bars(shown, _rejected)
    for place, cell in enumerate(shown):
        floors = [100 * one.repacked for one in cell.floors.values()]
        if floors:
            mean = measures.spread(floors).mean
            axes.plot(
                [mean, mean],
                [place - _BAR / 2, place + _BAR / 2],
                color='black',
                linewidth=1.2,
                label=None if place else 'all guests movable',
            )
    axes.set_xlabel('guests rejected at steady churn, %')
    _save(figure, axes, path)


def _shares(cell: Cell, name: str) -> list[float]:
    return [100 * one for one in cell.of_bound(name).values()]


def _rejected(cell: Cell, name: str) -> list[float]:
    values = cell.values(measures.REJECTED).get(name, {})
    return [100 * one for one in values.values()]


def _bars(
    shown: Sequence[Cell], values: Callable[[Cell, str], list[float]]
) -> tuple[Any, Any]:
    """Bars of the means, with lines from the lowest to the highest seed."""
    import matplotlib as mpl  # noqa: PLC0415 - only the plots need it

    mpl.use('svg')
    # The same figures make the same file.
    mpl.rcParams['svg.hashsalt'] = 'packing'
    from matplotlib import pyplot  # noqa: PLC0415

    names = tables.columns(shown)
    figure, axes = pyplot.subplots(
        figsize=(9, 0.7 * len(shown) + 1.5), layout='constrained'
    )
    width = _BAR / max(1, len(names))
    for number, name in enumerate(names):
        for place, cell in enumerate(shown):
            found = values(cell, name)
            if not found:
                continue
            spread = measures.spread(found)
            axes.barh(
                place - _BAR / 2 + (number + 0.5) * width,
                spread.mean,
                width * 0.9,
                xerr=[[spread.mean - spread.low], [spread.high - spread.mean]],
                color=f'C{number}',
                error_kw={'linewidth': 0.8},
                label=None if place else name,
            )
    axes.set_yticks(
        range(len(shown)), [f'{cell.cloud}\n{cell.load}' for cell in shown]
    )
    axes.invert_yaxis()
    return figure, axes


def _save(figure: Any, axes: Any, path: pathlib.Path) -> None:
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc='outside upper center',
        ncols=5,
        fontsize='small',
    )
    figure.savefig(path, metadata={'Date': None})
