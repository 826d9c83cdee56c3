"""What is run, in which processes, and where the results are kept."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum
import hashlib
import itertools
import json
import logging
import multiprocessing
import pathlib
from typing import Any
import warnings

import nova.conf

from benchmarks.packing import bounds
from benchmarks.packing import hindsight
from benchmarks.packing import ideal
from benchmarks.packing import scheduler
from benchmarks.packing import simulate
from benchmarks.packing.clouds import CLOUDS
from benchmarks.packing.columns import COLUMNS
from benchmarks.packing.columns import OURS
from benchmarks.packing.loads import LOADS

MODES = ('fill', 'churn')


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Task:
    """One run. ``events`` is 0 where guests only come."""

    cloud: str
    load: str
    mode: str
    seed: int
    column: str
    events: int = 0
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def made_of(self) -> str:
        """A digest of all that the result depends on, short of the code."""
        parts = (
            self,
            CLOUDS[self.cloud],
            LOADS[self.load],
            COLUMNS.get(self.column),
            simulate.OFFERED,
        )
        text = json.dumps(_plain(parts))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """A value without names of classes and fields, which may be renamed.

    Without fields at their defaults, too, so that results survive a new one.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [
            _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if getattr(value, field.name) != _default(field)
        ]
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return [[str(key), _plain(value[key])] for key in sorted(value)]
    if isinstance(value, frozenset):
        return sorted(map(_plain, value))
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _default(field: Any) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


#: The column of what no scheduler can surpass.
BOUND = 'bound'
#: The column of a search that knows what comes, and chooses hosts alone.
HINDSIGHT = 'hindsight'


@dataclasses.dataclass(frozen=True, slots=True)
class Floor:
    """Rejection rates at steady churn of :mod:`benchmarks.packing.ideal`."""

    repacked: float
    foresight: float


Result = simulate.Outcome | bounds.Prefix | Floor
Results = dict[Task, Result]


def tasks(
    cloud_names: Sequence[str],
    load_names: Sequence[str],
    modes: Sequence[str],
    seeds: Sequence[int],
    columns: Sequence[str],
    events: int,
    options: Mapping[str, Any],
) -> list[Task]:
    """Every run of the table; ``options`` change our columns."""
    return [
        Task(
            cloud,
            load,
            mode,
            seed,
            column,
            events if mode == 'churn' else 0,
            tuple(options.items()) if column in OURS else (),
        )
        for seed in seeds
        for mode in modes
        for cloud in cloud_names
        for load in load_names
        for column in columns
        if column != HINDSIGHT or mode == 'fill'
    ]


def perform(task: Task) -> Result:
    """Do one run, in this process."""
    cloud, load = CLOUDS[task.cloud], LOADS[task.load]
    if task.column == BOUND:
        return _bound(task)
    if task.column == HINDSIGHT:
        return _hindsight(task)
    column = COLUMNS[task.column].with_options(dict(task.options))
    if task.mode == 'fill':
        return simulate.fill(cloud, load, column, task.seed)
    return simulate.churn(cloud, load, column, task.seed, task.events)


def _hindsight(task: Task) -> Result:
    cloud, load = CLOUDS[task.cloud], LOADS[task.load]
    with scheduler.configured(COLUMNS['stock']):
        hosts = hindsight.hosts_for(cloud, load, _coming(task))
    return simulate.retrace(cloud, load, task.seed, hosts)


def _coming(task: Task) -> list[str]:
    """The flavors that come: twice of what fits on average.

    No bound is near the end.
    """
    cloud, load = CLOUDS[task.cloud], LOADS[task.load]
    count = int(2 * bounds.expected(cloud, load))
    coming = simulate.sequence(cloud, load, task.seed)
    return [one.flavor for one in itertools.islice(coming, count)]


def _bound(task: Task) -> Result:
    cloud, load = CLOUDS[task.cloud], LOADS[task.load]
    shapes = bounds.shapes_of(load)
    packer = bounds.Packer(cloud, shapes)
    if task.mode == 'fill':
        return bounds.prefix(packer, shapes, _coming(task))
    coming = simulate.arrivals(cloud, load, task.seed, task.events)
    region = ideal.Region(packer)
    guests = list(coming)
    return Floor(
        ideal.repacked(region, shapes, guests, simulate.WARM_UP),
        ideal.foresight(region, shapes, guests, simulate.WARM_UP),
    )


def _prepare(known: Mapping[tuple[str, str], float] = {}) -> None:
    bounds.KNOWN.update(known)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    nova.conf.CONF([], project='nova', default_config_files=[])


def _expected(place: tuple[str, str]) -> float:
    cloud, load = place
    return bounds.expected(CLOUDS[cloud], LOADS[load])


def _work(task: Task) -> tuple[Task, Result]:
    return task, perform(task)


def run_all(
    wanted: Sequence[Task],
    jobs: int,
    path: pathlib.Path | None,
    step: Callable[[Task], None],
) -> Results:
    """Do what is not done yet, each run in a process of its own.

    What a scheduler has learned in one run must not help it in the next.

    :param path: the file in which results are kept
    """
    results = kept(wanted, path)
    for task in results:
        step(task)
    left = [task for task in wanted if task not in results]
    places = sorted({(task.cloud, task.load) for task in left})
    context = multiprocessing.get_context('fork')
    # Not in this process: the solver's threads do not survive a fork.
    with context.Pool(jobs, _prepare) as pool:
        known = dict(zip(places, pool.map(_expected, places), strict=True))
    with context.Pool(jobs, _prepare, (known,), maxtasksperchild=1) as pool:
        for task, outcome in pool.imap_unordered(_work, left, chunksize=1):
            results[task] = outcome
            if path:
                _keep(path, task, outcome)
            step(task)
    return results


def kept(wanted: Sequence[Task], path: pathlib.Path | None) -> Results:
    """The results that are there already.

    A line that a killed process left half written is made again.
    """
    if path is None or not path.exists():
        return {}
    by_digest = {task.made_of: task for task in wanted}
    results: Results = {}
    for pipeline in path.read_text().splitlines():
        try:
            data = json.loads(pipeline)
        except ValueError:
            continue
        if task := by_digest.get(data['made_of']):
            results[task] = _type(task)(**data['outcome'])
    return results


def _type(task: Task) -> type[Result]:
    if task.column != BOUND:
        return simulate.Outcome
    return bounds.Prefix if task.mode == 'fill' else Floor


def _keep(path: pathlib.Path, task: Task, outcome: Result) -> None:
    """Add a line: other processes may do so, too."""
    pipeline = {
        'made_of': task.made_of,
        'run': dataclasses.asdict(task),
        'outcome': dataclasses.asdict(outcome),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('a') as file:
        file.write(json.dumps(pipeline) + '\n')
