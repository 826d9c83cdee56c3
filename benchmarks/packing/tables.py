"""The results as tables of text, and what the targets say to them."""

from collections.abc import Sequence
import dataclasses

from benchmarks.packing import measures
from benchmarks.packing.columns import OURS
from benchmarks.packing.loads import LOADS
from benchmarks.packing.measures import Cell
from benchmarks.packing.measures import Judgement
from benchmarks.packing.measures import Measure
from benchmarks.packing.simulate import Outcome

#: Ours places this share of what can be placed at all.
OF_BOUND = 0.98
#: Ours rejects at most this share of what the better stock column rejects.
OF_STOCK = 0.5


@dataclasses.dataclass(frozen=True, slots=True)
class Sheet:
    """A table: one row of texts per line, ``name`` for its file."""

    name: str
    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def columns(cells: Sequence[Cell]) -> list[str]:
    """The schedulers that there are results of, in order."""
    return list(dict.fromkeys(name for cell in cells for name in cell.columns))


def ours(cells: Sequence[Cell]) -> list[str]:
    """Our columns among them."""
    return [name for name in columns(cells) if name in OURS]


def figure(measure: Measure, values: Sequence[float]) -> str:
    """Mean and deviation of some values; empty without any."""
    if not values:
        return ''
    spread = measures.spread(values)
    if measure.percent:
        return f'{spread.mean:.2%} ± {spread.deviation * 100:.2f}'
    return f'{spread.mean:.1f} ± {spread.deviation:.1f}'


def verdict(measure: Measure, judgement: Judgement | None) -> str:
    """How ours differs from the better stock column, beyond noise or not."""
    if judgement is None:
        return ''
    # No negative zero.
    gain = measure.sign * judgement.gain + 0.0
    text = f'{gain * 100:+.2f} %' if measure.percent else f'{gain:+.1f}'
    if judgement.worse:
        return f'{text} worse'
    return f'{text} better' if judgement.better else text


def fill(cells: Sequence[Cell]) -> Sheet:
    """Guests placed until the first one is rejected."""
    names = columns(cells)
    mine = ours(cells)
    rows = []
    for cell in cells:
        if cell.mode != 'fill':
            continue
        values = cell.values(measures.PLACED)
        bounds = [float(prefix.at_most) for prefix in cell.bounds.values()]
        rows.append(
            (
                cell.cloud,
                cell.load,
                figure(measures.PLACED, bounds),
                f'{cell.exact} of {len(bounds)}',
                *(
                    figure(
                        measures.PLACED, list(values.get(name, {}).values())
                    )
                    for name in names
                ),
                *(_share(cell, name) for name in mine),
                *(
                    verdict(
                        measures.PLACED,
                        measures.judge(values, name, measures.PLACED.sign),
                    )
                    for name in mine
                ),
            )
        )
    return Sheet(
        'packing-fill',
        'Guests placed before the first rejection',
        (
            'cloud',
            'load',
            'bound',
            'exact',
            *names,
            *(f'{name} / bound' for name in mine),
            *(f'{name} - stock' for name in mine),
        ),
        tuple(rows),
    )


def _share(cell: Cell, name: str) -> str:
    shares = list(cell.of_bound(name).values())
    return f'{measures.spread(shares).mean:.1%}' if shares else ''


def churn(cells: Sequence[Cell]) -> Sheet:
    """Rejection rates at steady churn."""
    names = columns(cells)
    mine = ours(cells)
    rows = []
    for cell in cells:
        if cell.mode != 'churn':
            continue
        values = cell.values(measures.REJECTED)
        floors = list(cell.floors.values())
        verdicts = [
            measures.judge(values, name, measures.REJECTED.sign)
            for name in mine
        ]
        rows.append(
            (
                cell.cloud,
                cell.load,
                figure(measures.REJECTED, [one.foresight for one in floors]),
                figure(measures.REJECTED, [one.repacked for one in floors]),
                *(
                    figure(
                        measures.REJECTED, list(values.get(name, {}).values())
                    )
                    for name in names
                ),
                *(_ratio(one) for one in verdicts),
                *(verdict(measures.REJECTED, one) for one in verdicts),
            )
        )
    return Sheet(
        'packing-churn',
        'Guests rejected at steady churn',
        (
            'cloud',
            'load',
            'foresight',
            'repacked',
            *names,
            *(f'{name} / stock' for name in mine),
            *(f'{name} - stock' for name in mine),
        ),
        tuple(rows),
    )


def _ratio(judgement: Judgement | None) -> str:
    if judgement is None:
        return ''
    if not judgement.stock:
        return 'n/a'
    return f'{judgement.ours / judgement.stock:.2f}'


def sizes(cells: Sequence[Cell]) -> Sheet:
    """What is rejected of what the better stock column rejects, by size."""
    counted = (
        measures.REJECTED,
        measures.REJECTED_VCPUS,
        measures.REJECTED_DEVICES,
    )
    rows = [
        (
            cell.cloud,
            cell.load,
            name,
            *(
                _ratio(
                    measures.judge(cell.values(measure), name, measure.sign)
                )
                for measure in counted
            ),
        )
        for cell in cells
        if cell.mode == 'churn'
        for name in cell.columns
        if name in OURS
    ]
    return Sheet(
        'packing-sizes',
        'Rejected at steady churn, as a multiple of the better stock column',
        ('cloud', 'load', 'column', 'guests', 'vCPUs', 'devices'),
        tuple(rows),
    )


def others(cells: Sequence[Cell]) -> Sheet:
    """Locality, idle devices and failed claims."""
    names = columns(cells)
    mine = ours(cells)
    rows = []
    for cell in cells:
        for measure in measures.MEASURES:
            if measure in (measures.PLACED, measures.REJECTED):
                continue
            if measure.mode != cell.mode:
                continue
            values = cell.values(measure)
            rows.append(
                (
                    cell.cloud,
                    cell.load,
                    cell.mode,
                    measure.name,
                    *(
                        figure(measure, list(values.get(name, {}).values()))
                        for name in names
                    ),
                    *(
                        verdict(
                            measure,
                            measures.judge(values, name, measure.sign),
                        )
                        for name in mine
                    ),
                )
            )
    return Sheet(
        'packing-devices',
        'Devices and claims',
        (
            'cloud',
            'load',
            'mode',
            'measure',
            *names,
            *(f'{name} - stock' for name in mine),
        ),
        tuple(rows),
    )


def flavors(cells: Sequence[Cell]) -> Sheet:
    """Rejection rates at steady churn by flavor, over all seeds."""
    names = columns(cells)
    rows = []
    for cell in cells:
        if cell.mode != 'churn' or len(LOADS[cell.load].weights) == 1:
            continue
        rows += [
            (
                cell.cloud,
                cell.load,
                flavor,
                *(_of_flavor(cell, name, flavor) for name in names),
            )
            for flavor in LOADS[cell.load].weights
        ]
    return Sheet(
        'packing-flavors',
        'Guests rejected at steady churn, by flavor',
        ('cloud', 'load', 'flavor', *names),
        tuple(rows),
    )


def _of_flavor(cell: Cell, name: str, flavor: str) -> str:
    outcomes = [
        outcome
        for outcome in cell.results.get(name, {}).values()
        if isinstance(outcome, Outcome)
    ]
    offered = sum(outcome.offered.get(flavor, 0) for outcome in outcomes)
    rejected = sum(outcome.rejected.get(flavor, 0) for outcome in outcomes)
    return f'{rejected / offered:.2%}' if offered else ''


def targets(cells: Sequence[Cell]) -> Sheet:
    """Each target in each cell, reached or missed."""
    rows = [row for name in ours(cells) for row in _targets_of(cells, name)]
    return Sheet(
        'packing-targets',
        'Targets',
        ('column', 'cloud', 'load', 'target', 'found', 'judgement'),
        tuple(rows),
    )


def _targets_of(
    cells: Sequence[Cell], name: str
) -> list[tuple[str, str, str, str, str, str]]:
    rows = []
    for cell in cells:
        at = name, cell.cloud, cell.load
        shares = list(cell.of_bound(name).values())
        if shares and cell.exact == len(cell.bounds):
            mean = measures.spread(shares).mean
            rows.append(
                (
                    *at,
                    f'places {OF_BOUND:.0%} of the exact bound',
                    f'{mean:.1%}',
                    _judged(mean >= OF_BOUND),
                )
            )
        if cell.mode == 'churn':
            values = cell.values(measures.REJECTED)
            judgement = measures.judge(values, name, measures.REJECTED.sign)
            if judgement:
                reached = judgement.ours <= OF_STOCK * judgement.stock
                rows.append(
                    (
                        *at,
                        'rejects half of the better stock',
                        f'{judgement.ours:.2%} of {judgement.stock:.2%}',
                        _judged(reached),
                    )
                )
        rows += [
            (*at, f'not worse: {measure.name}, {cell.mode}', text, 'missed')
            for measure, text in worse(cell, name)
        ]
    return rows


def worse(cell: Cell, name: str) -> list[tuple[Measure, str]]:
    """The measures by which ours is worse beyond noise, and how much."""
    losses = []
    for measure in measures.MEASURES:
        if measure.mode == cell.mode:
            judgement = measures.judge(
                cell.values(measure), name, measure.sign
            )
            if judgement and judgement.worse:
                losses.append((measure, verdict(measure, judgement)))
    return losses


def _judged(reached: bool) -> str:
    return 'reached' if reached else 'missed'


def setting(cells: Sequence[Cell]) -> Sheet:
    """How much was run."""
    rows = dict.fromkeys(
        (
            cell.mode,
            str(len({s for seeds in cell.results.values() for s in seeds})),
            f'{cell.events:,}' if cell.events else 'n/a',
        )
        for cell in cells
    )
    return Sheet(
        'packing-run',
        'Runs of each cloud, load and column',
        ('mode', 'seeds', 'events'),
        tuple(rows),
    )


def sheets(cells: Sequence[Cell]) -> list[Sheet]:
    """All tables."""
    return [
        make(cells)
        for make in (setting, fill, churn, sizes, others, flavors, targets)
    ]
