"""Many schedulers deciding at once, on what was true a moment ago.

    python -W ignore -m benchmarks.storm

Guests with devices come to a cloud in rounds. In each round so many workers
decide on one view of the hosts, by Nova's real filters and weighers; then
the claims are made one after the other. A claim that fails is tried on the
alternates, ``[scheduler] max_attempts`` hosts in all, as nova-conductor does.

``failed`` counts first claims that failed, ``homeless`` guests that ended
without a host although, at that moment, some host would have taken them, and
``full`` those that no host could take.
"""

import argparse
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import logging
import random
from typing import Any
import warnings

import nova.conf
from rich.console import Console
from rich.table import Table

from benchmarks.packing import bounds
from benchmarks.packing import columns
from benchmarks.packing import scheduler
from benchmarks.packing.clouds import CLOUDS
from benchmarks.packing.columns import Column
from benchmarks.packing.computes import Compute
from benchmarks.packing.computes import Refused
from benchmarks.packing.computes import Shape
from benchmarks.packing.loads import FLAVORS
from benchmarks.packing.loads import Load

_GROUP = 'filter_scheduler'
_SCATTER = 'nfv_sched.scatter_weight_multiplier'
_ATTEMPTS = 'scheduler.max_attempts'


def _column(name: str, base: str, options: Mapping[str, Any]) -> Column:
    made = columns.COLUMNS[base].with_options(options)
    return dataclasses.replace(made, name=name)


COLUMNS = (
    _column('stock', 'stock', {}),
    _column(
        'stock, host_subset_size = 8',
        'stock',
        {f'{_GROUP}.host_subset_size': 8},
    ),
    _column(
        'stock, shuffled',
        'stock',
        {f'{_GROUP}.shuffle_best_same_weighed_hosts': True},
    ),
    _column('stock, 10 attempts', 'stock', {_ATTEMPTS: 10}),
    _column('ours, no scatter', 'ours', {_SCATTER: 0.0}),
    _column('ours, scatter 0.1', 'ours', {_SCATTER: 0.1}),
    _column('ours, scatter 0.5', 'ours', {_SCATTER: 0.5}),
    _column('ours, scatter 1', 'ours', {_SCATTER: 1.0}),
    _column('ours, scatter 2', 'ours', {_SCATTER: 2.0}),
    _column(
        'ours, scatter 0.1, 10 attempts',
        'ours',
        {_SCATTER: 0.1, _ATTEMPTS: 10},
    ),
)


@dataclasses.dataclass(slots=True)
class Counts:
    """What came of the guests of a run."""

    placed: int = 0
    failed: int = 0
    homeless: int = 0
    full: int = 0

    def add(self, other: 'Counts') -> None:
        """Add another run's."""
        self.placed += other.placed
        self.failed += other.failed
        self.homeless += other.homeless
        self.full += other.full


def run(
    column: Column, hosts: int, wanted: Sequence[str], workers: int, seed: int
) -> Counts:
    """Boot the guests, ``workers`` at a time on one view."""
    counts = Counts()
    load = Load('storm', '', dict.fromkeys(wanted, 1.0))
    shapes = {one.name: one for one in bounds.shapes_of(load)}
    machines = CLOUDS['one-sided'].machines[0]
    computes = {
        name: Compute(name, machines)
        for name in (f'host{place:02}' for place in range(hosts))
    }
    draws = random.Random(seed)  # noqa: S311 - not for secrets
    with scheduler.configured(column):
        made = scheduler.Scheduler(column, tuple(computes.values()))
        for first in range(0, len(wanted), workers):
            batch = wanted[first : first + workers]
            chosen = [
                (
                    shapes[name],
                    made.select(draws.getrandbits(100), shapes[name]),
                )
                for name in batch
            ]
            attempts = nova.conf.CONF.scheduler.max_attempts
            for shape, states in chosen:
                _claim(counts, computes, shape, states[:attempts])
    return counts


def _claim(
    counts: Counts,
    computes: Mapping[str, Compute],
    shape: Shape,
    states: Sequence[Any],
) -> None:
    for attempt, state in enumerate(states):
        if _takes(computes[state.host], shape, state.limits):
            counts.placed += 1
            counts.failed += attempt > 0
            return
    counts.failed += bool(states)
    if any(_would_take(one, shape) for one in computes.values()):
        counts.homeless += 1
    else:
        counts.full += 1


def _takes(compute: Compute, shape: Shape, limits: Any) -> bool:
    # Placement is asked again for an alternate.
    if not compute.offered(shape):
        return False
    try:
        compute.claim(shape, limits.get('numa_topology'))
    except Refused:
        return False
    return True


def _would_take(compute: Compute, shape: Shape) -> bool:
    if not compute.offered(shape):
        return False
    try:
        held = compute.claim(shape, None)
    except Refused:
        return False
    compute.release(held)
    return True


def _wanted(guests: int, seed: int) -> list[str]:
    draws = random.Random(seed)  # noqa: S311 - not for secrets
    asking = [name for name, one in sorted(FLAVORS.items()) if one.ports]
    return draws.choices(asking, k=guests)


def _rows(args: argparse.Namespace) -> Iterator[tuple[str, int, Counts]]:
    for column in COLUMNS:
        for workers in args.workers:
            total = Counts()
            for seed in range(1, args.seeds + 1):
                wanted = _wanted(args.guests, seed)
                total.add(run(column, args.hosts, wanted, workers, seed))
            yield column.name, workers, total


def main() -> None:
    """Run every column and print the table."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.storm',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--hosts', type=int, default=40)
    parser.add_argument('--guests', type=int, default=96)
    parser.add_argument('--workers', type=int, nargs='+', default=[16, 32])
    parser.add_argument('--seeds', type=int, default=5)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    table = Table(
        'scheduler',
        'workers',
        'placed',
        'failed',
        'homeless',
        'full',
        title=f'{args.seeds} x {args.guests} guests on {args.hosts} hosts',
    )
    for name, workers, counts in _rows(args):
        table.add_row(
            name,
            f'{workers}',
            *(
                f'{number}'
                for number in (
                    counts.placed,
                    counts.failed,
                    counts.homeless,
                    counts.full,
                )
            ),
        )
    Console(width=100).print(table)


if __name__ == '__main__':
    main()
