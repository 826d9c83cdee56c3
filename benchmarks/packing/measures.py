"""Means over the seeds, and whether a difference is more than noise."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import math
import statistics

from benchmarks.packing.runs import Results
from benchmarks.packing.runs import Task
from benchmarks.packing.simulate import Outcome

# Standard errors that count as more than noise: two-sided 5 % of Student's
# t, by degrees of freedom; beyond ten nearly that of the normal.
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


MEASURES = (
    Measure('guests placed', 'fill', 1, lambda one: one.placed, False),
    Measure('devices near', 'fill', 1, _near),
    Measure('devices stranded', 'fill', -1, lambda one: one.stranded),
    Measure('rejected', 'churn', -1, lambda one: one.rejection_rate),
    Measure('devices near', 'churn', 1, _near),
    Measure('devices stranded', 'churn', -1, lambda one: one.stranded),
    Measure(
        'failed claims', 'churn', -1, lambda one: one.failed_claims, False
    ),
)


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

    ``gain`` is the mean difference, positive where ours is better, and
    ``error`` its standard error.
    """

    better_stock: str
    gain: float
    error: float
    beyond_noise: bool

    @property
    def worse(self) -> bool:
        """Whether ours is worse, and not by chance."""
        return self.beyond_noise and self.gain < 0

    @property
    def better(self) -> bool:
        """Whether ours is better, and not by chance."""
        return self.beyond_noise and self.gain > 0


def by_column(
    results: Results, cloud: str, load: str, measure: Measure
) -> dict[str, dict[int, float]]:
    """A measure's values by column and seed."""
    found: dict[str, dict[int, float]] = {}
    for task, outcome in results.items():
        if (task.cloud, task.load, task.mode) == (cloud, load, measure.mode):
            found.setdefault(task.column, {})[task.seed] = measure.value(
                outcome
            )
    return found


def judge(
    values: Mapping[str, Mapping[int, float]],
    ours: str,
    stock: Sequence[str],
    sign: int,
) -> Judgement | None:
    """Compare over the seeds that all have; None if there are none."""
    present = [name for name in stock if name in values]
    if ours not in values or not present:
        return None
    seeds = set(values[ours]).intersection(*(values[one] for one in present))
    if not seeds:
        return None
    best = max(
        present,
        key=lambda name: sign * sum(values[name][seed] for seed in seeds),
    )
    gains = [
        sign * (values[ours][seed] - values[best][seed])
        for seed in sorted(seeds)
    ]
    mean = statistics.fmean(gains)
    error = (
        statistics.stdev(gains) / math.sqrt(len(gains))
        if len(gains) > 1
        else math.inf
    )
    limit = _T[min(len(gains) - 1, len(_T) - 1)]
    beyond = error < math.inf and abs(mean) > limit * error
    return Judgement(best, mean, error, beyond)


def places(results: Results) -> list[tuple[str, str]]:
    """The clouds and loads that there are results of, in order."""
    return list(dict.fromkeys((task.cloud, task.load) for task in results))


def columns(results: Results) -> list[str]:
    """The columns that there are results of, in order."""
    return list(dict.fromkeys(task.column for task in results))


def one_task(
    results: Results, cloud: str, load: str, mode: str
) -> Task | None:
    """Some run of a cell of the table."""
    for task in results:
        if (task.cloud, task.load, task.mode) == (cloud, load, mode):
            return task
    return None
