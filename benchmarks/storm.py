"""Many schedulers deciding at once, on what was true a moment ago.

    python -W ignore -m benchmarks.storm

Guests with devices come to a cloud in rounds. In each round so many workers,
of two schedulers, decide on what hosts have reported before it, by Nova's real
filters and weighers; then the claims are made one after the other. Placement
counts at once. A claim that fails is tried on the alternates, ``[scheduler]
max_attempts`` hosts in all, as nova-conductor does.

By default guests of several flavors come to a cloud of two-cell hosts that
they do not fill. ``--flavor anuket-HS.large --hosts 36 --guests 170`` is one
that they nearly fill: it has room for 180. ``--cloud nps4 --hosts 6`` has
hosts of eight cells, on which the scheduler may choose the cells.

``failed`` counts first claims that failed, ``homeless`` guests that ended
without a host although, at that moment, some host would have taken them, and
``full`` those that no host could take.
"""

import argparse
import collections
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import copy
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
from nfv_sched.scheduler import process
from nfv_sched.scheduler.in_flight import InFlight
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.sim.machine import Machine

#: Seconds.
_ROUND = 5.0
_GROUP = 'filter_scheduler'
_SCATTER = 'nfv_sched.scatter_weight_multiplier'
_IN_FLIGHT = 'nfv_sched.in_flight_weight_multiplier'
_ATTEMPTS = 'scheduler.max_attempts'


def _column(name: str, base: str, options: Mapping[str, Any] = {}) -> Column:
    column = columns.COLUMNS[base].with_options(options)
    return dataclasses.replace(column, name=name)


COLUMNS = (
    _column('stock', 'stock'),
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
    _column('ours, neither', 'ours', {_SCATTER: 0.0, _IN_FLIGHT: 0.0}),
    _column('ours, scatter', 'ours', {_IN_FLIGHT: 0.0}),
    _column('ours, scatter 1', 'ours', {_SCATTER: 1.0, _IN_FLIGHT: 0.0}),
    _column('ours, in flight', 'ours', {_SCATTER: 0.0}),
    _column('ours, both', 'ours'),
    _column('ours, both, 10 attempts', 'ours', {_ATTEMPTS: 10}),
    _column('ours, choosing nodes', 'ours-choosing'),
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


@dataclasses.dataclass(frozen=True, slots=True)
class Sent:
    """A guest on its way: the chosen host, and then the alternates."""

    shape: Shape
    hosts: tuple[str, ...]
    limits: tuple[Any, ...]


class Cloud:
    """Hosts, the schedulers that decide on them, and what came of it."""

    def __init__(
        self,
        column: Column,
        computes: Mapping[str, Compute],
        schedulers: int,
        seed: int,
    ) -> None:
        self.counts = Counts()
        self._computes = computes
        # What Placement has allocated already, by host.
        self._coming = collections.defaultdict[str, list[Shape]](list)
        self._scheduler = scheduler.Scheduler(column, (*computes.values(),))
        self._running: dict[str, str] = {}
        self._now = 0.0
        # Every scheduler remembers guests of its own.
        self._processes = [
            process.SchedulerProcess(
                PublishedTopology(None),
                in_flight=InFlight(self._find, lambda: self._now),
            )
            for _ in range(schedulers)
        ]
        self._draws = random.Random(seed)  # noqa: S311 - not for secrets

    def _find(self, guests: Iterable[str]) -> dict[str, str | None]:
        return {uuid: self._running.get(uuid) for uuid in guests}

    def _offers(self, compute: Compute, wanted: Shape) -> bool:
        return compute.offered(wanted, self._coming[compute.name])

    def round(self, wanted: Sequence[Shape]) -> None:
        """Decide on all, then let them land, which takes some seconds."""
        sent = [self._send(number, one) for number, one in enumerate(wanted)]
        for one in filter(None, sent):
            self._land(*one)
        self._now += _ROUND

    def _send(self, number: int, shape: Shape) -> tuple[str, Sent] | None:
        process.replace(self._processes[number % len(self._processes)])
        drawn = self._draws.getrandbits(100)
        spec = scheduler.request_of(drawn, shape)
        states = self._scheduler.select(spec, shape, self._offers)
        if not states:
            self._lost(shape)
            return None
        chosen, uuid = states[0], spec.instance_uuid
        self._coming[chosen.host].append(shape)
        # Nova says so by this, and we by that.
        chosen.pci_stats = copy.deepcopy(chosen.pci_stats)
        chosen.consume_from_request(spec)
        kept = states[: nova.conf.CONF.scheduler.max_attempts]
        return uuid, Sent(
            shape,
            tuple(state.host for state in kept),
            tuple(state.limits.get('numa_topology') for state in kept),
        )

    def _land(self, uuid: str, sent: Sent) -> None:
        for attempt, (name, limits) in enumerate(
            zip(sent.hosts, sent.limits, strict=True)
        ):
            compute = self._computes[name]
            if attempt:
                # nova-conductor claims the alternate in Placement.
                if not self._offers(compute, sent.shape):
                    continue
            else:
                self._coming[name].remove(sent.shape)
            try:
                compute.claim(sent.shape, limits)
            except Refused:
                self.counts.failed += not attempt
                continue
            self._running[uuid] = name
            self.counts.placed += 1
            return
        self._lost(sent.shape)

    def _lost(self, shape: Shape) -> None:
        if any(
            _would_take(compute, shape) for compute in self._computes.values()
        ):
            self.counts.homeless += 1
        else:
            self.counts.full += 1


def run(
    column: Column,
    machines: Sequence[Machine],
    hosts: int,
    wanted: Sequence[str],
    workers: int,
    schedulers: int,
    seed: int,
) -> Counts:
    """Boot the guests, ``workers`` at a time on one view."""
    load = Load('storm', '', dict.fromkeys(wanted, 1.0))
    shapes = {one.name: one for one in bounds.shapes_of(load)}
    computes = {
        name: Compute(name, machine)
        for name, machine in (
            (f'host{place:02}', machines[place % len(machines)])
            for place in range(hosts)
        )
    }
    with scheduler.configured(column):
        cloud = Cloud(column, computes, schedulers, seed)
        for first in range(0, len(wanted), workers):
            batch = wanted[first : first + workers]
            cloud.round([shapes[name] for name in batch])
    return cloud.counts


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
    asking = [name for name, flavor in sorted(FLAVORS.items()) if flavor.ports]
    return draws.choices(asking, k=guests)


def _total(args: argparse.Namespace, column: Column, workers: int) -> Counts:
    total = Counts()
    for seed in range(1, args.seeds + 1):
        wanted = (
            [args.flavor] * args.guests
            if args.flavor
            else _wanted(args.guests, seed)
        )
        total.add(
            run(
                column,
                CLOUDS[args.cloud].machines,
                args.hosts,
                wanted,
                workers,
                args.schedulers,
                seed,
            )
        )
    return total


def main() -> None:
    """Run every column and print the table."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.storm',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [column.name for column in COLUMNS]
    parser.add_argument('--columns', nargs='+', choices=names, default=names)
    parser.add_argument('--cloud', choices=sorted(CLOUDS), default='one-sided')
    parser.add_argument('--hosts', type=int, default=40)
    parser.add_argument('--guests', type=int, default=96)
    parser.add_argument('--flavor', choices=sorted(FLAVORS))
    parser.add_argument('--workers', type=int, nargs='+', default=[16, 32])
    parser.add_argument('--schedulers', type=int, default=2)
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
        title=f'{args.seeds} x {args.guests} guests on {args.hosts} hosts, '
        f'{args.schedulers} schedulers',
    )
    for column in COLUMNS:
        if column.name not in args.columns:
            continue
        for workers in args.workers:
            counts = _total(args, column, workers)
            table.add_row(
                column.name,
                str(workers),
                *map(str, dataclasses.astuple(counts)),
            )
    Console(width=100).print(table)


if __name__ == '__main__':
    main()
