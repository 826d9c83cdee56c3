"""Means over the seeds, and whether a difference is more than noise."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import math
import statistics

from benchmarks.packing.bounds import Prefix
from benchmarks.packing.columns import STOCK
from benchmarks.packing.loads import FLAVORS
from benchmarks.packing.runs import BOUND
from benchmarks.packing.runs import Floor
from benchmarks.packing.runs import Result
from benchmarks.packing.runs import Results
from benchmarks.packing.simulate import Outcome
from nfv_sched.sim.boot_request import SimulatedFlavor

# Standard errors that count as more than noise: two-sided 5 % of Student's
# t, by degrees of freedom; the last one for more, too.
_T = (math.inf, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)


@dataclasses.dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a run. ``sign`` is 1 where more is better, else -1."""

    name: str
    mode: str
    sign: int
    value: Callable[[Outcome], float]
    percent: bool = True


def _near(outcome: Outcome) -> float:
    return outcome.near / outcome.devices if outcome.devices else 1.0


def _rejected(
    size: Callable[[SimulatedFlavor], int],
) -> Callable[[Outcome], float]:
    """The share that was rejected of what all guests ask for together."""

    def value(outcome: Outcome) -> float:
        offered, rejected = (
            sum(size(FLAVORS[name]) * count for name, count in counts.items())
            for counts in (outcome.offered, outcome.rejected)
        )
        return rejected / offered if offered else 0.0

    return value


PLACED = Measure('guests placed', 'fill', 1, lambda one: one.placed, False)
REJECTED = Measure('rejected', 'churn', -1, lambda one: one.rejection_rate)
#: The same by size: a scheduler that rejects few large guests instead of many
#: small ones has not gained.
REJECTED_VCPUS = Measure(
    'vCPUs rejected', 'churn', -1, _rejected(lambda flavor: flavor.vcpus)
)
REJECTED_DEVICES = Measure(
    'devices rejected',
    'churn',
    -1,
    _rejected(lambda flavor: len(flavor.ports)),
)
MEASURES = (
    PLACED,
    Measure('devices near', 'fill', 1, _near),
    Measure('devices stranded', 'fill', -1, lambda one: one.stranded),
    REJECTED,
    REJECTED_VCPUS,
    REJECTED_DEVICES,
    Measure('devices near', 'churn', 1, _near),
    Measure('devices stranded', 'churn', -1, lambda one: one.stranded),
    Measure(
        'failed claims', 'churn', -1, lambda one: one.failed_claims, False
    ),
)

#: Values by seed.
BySeed = Mapping[int, float]


@dataclasses.dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the seeds; ``deviation`` is the sample's."""

    mean: float
    deviation: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Mean and spread of at least one value."""
    return Spread(
        statistics.fmean(values),
        statistics.stdev(values) if len(values) > 1 else 0.0,
        min(values),
        max(values),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Judgement:
    """Ours against the better stock column, paired by seed.

    ``gain`` is the mean difference, positive where ours is better, ``error``
    its standard error and ``noise`` half the interval in which it lies with
    95 %. ``ours`` and ``stock`` are means over the same seeds.
    """

    better_stock: str
    ours: float
    stock: float
    gain: float
    error: float
    noise: float

    @property
    def beyond_noise(self) -> bool:
        """Whether the difference is hardly chance."""
        return math.isfinite(self.noise) and abs(self.gain) > self.noise

    @property
    def worse(self) -> bool:
        """Whether ours is worse, and not by chance."""
        return self.beyond_noise and self.gain < 0

    @property
    def better(self) -> bool:
        """Whether ours is better, and not by chance."""
        return self.beyond_noise and self.gain > 0


def judge(
    values: Mapping[str, BySeed], ours: str, sign: int
) -> Judgement | None:
    """Compare over the seeds that all have; None if there are none."""
    stock = [name for name in STOCK if name in values]
    if ours not in values or not stock:
        return None
    seeds = sorted(
        set(values[ours]).intersection(*(values[one] for one in stock))
    )
    if not seeds:
        return None
    means = {
        name: statistics.fmean(values[name][seed] for seed in seeds)
        for name in (ours, *stock)
    }
    best = max(stock, key=lambda name: sign * means[name])
    gains = [sign * (values[ours][one] - values[best][one]) for one in seeds]
    error = math.inf
    if len(gains) > 1:
        error = statistics.stdev(gains) / math.sqrt(len(gains))
    limit = _T[min(len(gains), len(_T)) - 1]
    return Judgement(
        best,
        means[ours],
        means[best],
        statistics.fmean(gains),
        error,
        limit * error,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """All results of one cloud and one load in one mode.

    ``events`` is what a run at churn had.
    """

    cloud: str
    load: str
    mode: str
    events: int
    results: Mapping[str, Mapping[int, Result]]

    @property
    def columns(self) -> list[str]:
        """The schedulers that there are results of, in order."""
        return [name for name in self.results if name != BOUND]

    def values(self, measure: Measure) -> dict[str, dict[int, float]]:
        """A measure's values by column and seed."""
        return {
            name: {
                seed: measure.value(outcome)
                for seed, outcome in self.results[name].items()
                if isinstance(outcome, Outcome)
            }
            for name in self.columns
        }

    @property
    def bounds(self) -> dict[int, Prefix]:
        """How many guests can be placed at most, by seed."""
        by_seed = self.results.get(BOUND, {})
        return {k: v for k, v in by_seed.items() if isinstance(v, Prefix)}

    @property
    def floors(self) -> dict[int, Floor]:
        """What cannot be accepted, by seed."""
        by_seed = self.results.get(BOUND, {})
        return {k: v for k, v in by_seed.items() if isinstance(v, Floor)}

    def of_bound(self, column: str) -> dict[int, float]:
        """What share of the bound a column has placed, by seed."""
        placed = self.values(PLACED).get(column, {})
        return {
            seed: placed[seed] / prefix.at_most
            for seed, prefix in self.bounds.items()
            if seed in placed
        }

    @property
    def exact(self) -> int:
        """For how many seeds the bound is exact.

        A run that reaches it proves it, too.
        """
        placed = self.values(PLACED)
        return sum(
            prefix.exact
            or any(
                values.get(seed) == prefix.at_most
                for values in placed.values()
            )
            for seed, prefix in self.bounds.items()
        )


def cells(results: Results) -> list[Cell]:
    """The results by cloud, load and mode, in order."""
    by_cell: dict[tuple[str, str, str, int], dict[str, dict[int, Result]]] = {}
    for task, outcome in results.items():
        key = task.cloud, task.load, task.mode, task.events
        by_column = by_cell.setdefault(key, {})
        by_column.setdefault(task.column, {})[task.seed] = outcome
    return [Cell(*key, by_column) for key, by_column in by_cell.items()]
