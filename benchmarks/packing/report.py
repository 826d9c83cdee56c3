"""The table on the terminal."""

from rich.table import Table

from benchmarks.packing import measures
from benchmarks.packing.columns import COLUMNS
from benchmarks.packing.measures import Judgement
from benchmarks.packing.measures import Measure
from benchmarks.packing.runs import Results


def stock_names(results: Results) -> list[str]:
    """The stock columns that there are results of."""
    return [name for name in measures.columns(results) if COLUMNS[name].stock]


def our_names(results: Results) -> list[str]:
    """Our columns that there are results of."""
    return [
        name for name in measures.columns(results) if not COLUMNS[name].stock
    ]


def table(results: Results) -> Table:
    """Every measure of every cloud and load, by column."""
    made = Table(title='Packing: mean ± deviation over the seeds')
    for header in ('cloud', 'load', 'mode', 'measure'):
        made.add_column(header)
    names = measures.columns(results)
    for name in names:
        made.add_column(name, justify='right')
    for name in our_names(results):
        made.add_column(f'{name} - better stock', justify='right')
    for cloud, load in measures.places(results):
        for measure in measures.MEASURES:
            values = measures.by_column(results, cloud, load, measure)
            if not values:
                continue
            shown = [
                figure(measure, values.get(name, {}).values())
                for name in names
            ]
            verdicts = [
                verdict(measure, _judge(results, values, name, measure))
                for name in our_names(results)
            ]
            made.add_row(
                cloud, load, measure.mode, measure.name, *shown, *verdicts
            )
    return made


def _judge(
    results: Results,
    values: dict[str, dict[int, float]],
    ours: str,
    measure: Measure,
) -> Judgement | None:
    return measures.judge(values, ours, stock_names(results), measure.sign)


def figure(measure: Measure, values: object) -> str:
    """Mean and deviation of some values."""
    found = list(values)  # type: ignore[call-overload]
    if not found:
        return ''
    spread = measures.spread(found)
    if measure.percent:
        return f'{spread.mean:.2%} ± {spread.deviation:.2%}'
    return f'{spread.mean:.1f} ± {spread.deviation:.1f}'


def verdict(measure: Measure, judgement: Judgement | None) -> str:
    """How ours compares, and whether that is more than noise."""
    if judgement is None:
        return ''
    gain = measure.sign * judgement.gain
    text = f'{gain:+.2%}' if measure.percent else f'{gain:+.1f}'
    if judgement.worse:
        return f'[red]{text} worse[/red]'
    if judgement.better:
        return f'[green]{text} better[/green]'
    return text
