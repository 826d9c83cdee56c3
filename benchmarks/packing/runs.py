"""What is run, in which processes, and where the results are kept."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import json
import logging
import multiprocessing
import pathlib
from typing import Any
import warnings

import nova.conf

from benchmarks.packing import simulate
from benchmarks.packing.clouds import CLOUDS
from benchmarks.packing.columns import COLUMNS
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
    def path(self) -> str:
        """Where the result is kept, below the runs' folder."""
        size = f'-{self.events}' if self.events else ''
        return (
            f'{self.cloud}/{self.load}/{self.mode}{size}/'
            f'{self.column}-{self.seed}.json'
        )


Results = dict[Task, simulate.Outcome]


def tasks(
    clouds: Sequence[str],
    loads: Sequence[str],
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
            () if COLUMNS[column].stock else tuple(options.items()),
        )
        for seed in seeds
        for mode in modes
        for cloud in clouds
        for load in loads
        for column in columns
    ]


def perform(task: Task) -> simulate.Outcome:
    """Do one run, in this process."""
    cloud, load = CLOUDS[task.cloud], LOADS[task.load]
    column = COLUMNS[task.column].with_options(dict(task.options))
    if task.mode == 'fill':
        return simulate.fill(cloud, load, column, task.seed)
    return simulate.churn(cloud, load, column, task.seed, task.events)


def _prepare() -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    nova.conf.CONF([], project='nova', default_config_files=[])


def _work(task: Task) -> tuple[Task, simulate.Outcome]:
    return task, perform(task)


def run_all(
    wanted: Sequence[Task],
    jobs: int,
    folder: pathlib.Path | None,
    step: Callable[[Task], None],
) -> Results:
    """Do what is not done yet, each run in a process of its own.

    What a scheduler has learned in one run must not help it in the next.
    """
    results = kept(wanted, folder)
    for task in results:
        step(task)
    left = [task for task in wanted if task not in results]
    with multiprocessing.get_context('fork').Pool(
        jobs, _prepare, maxtasksperchild=1
    ) as pool:
        for task, outcome in pool.imap_unordered(_work, left, chunksize=1):
            results[task] = outcome
            if folder:
                _keep(folder, task, outcome)
            step(task)
    return results


def kept(wanted: Sequence[Task], folder: pathlib.Path | None) -> Results:
    """The results that are there already."""
    if folder is None:
        return {}
    return dict(_read(wanted, folder))


def _read(
    wanted: Sequence[Task], folder: pathlib.Path
) -> Iterator[tuple[Task, simulate.Outcome]]:
    for task in wanted:
        path = folder / task.path
        if path.exists():
            data = json.loads(path.read_text())
            if data['options'] == dict(task.options):
                yield task, simulate.Outcome(**data['outcome'])


def _keep(folder: pathlib.Path, task: Task, outcome: simulate.Outcome) -> None:
    path = folder / task.path
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {
        'options': dict(task.options),
        'outcome': dataclasses.asdict(outcome),
    }
    partial = path.with_suffix('.part')
    partial.write_text(json.dumps(data, indent=1) + '\n')
    partial.rename(path)
