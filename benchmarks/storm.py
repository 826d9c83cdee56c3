"""Many schedulers deciding at once, on what was true a moment ago.

    python -W ignore -m benchmarks.storm

Guests come to a cloud in rounds. In each round a number of requests wait for
a few schedulers, which decide one after the other, each on what hosts have
reported before the round, by Nova's real filters and weighers; then the claims
are made in the order of the decisions. Placement counts at once. A claim that
fails is tried on the alternates, ``[scheduler] max_attempts`` hosts in all, as
nova-conductor does.

With ``--delays`` schedulers share their picks over a bus that delivers them so
many milliseconds later, and loses a share of them (``--loss``). A decision
takes about ``--decision`` milliseconds.

By default guests of all flavors, one and two NUMA nodes with and without
devices, come to a cloud of two-cell hosts that they do not fill. ``--flavor
anuket-HS.large --hosts 36 --guests 170`` is one that they nearly fill: it has
room for 180. ``--cloud nps4 --hosts 6`` has hosts of eight cells, on which the
scheduler may choose the cells.

``failed`` counts first claims that failed, ``refused`` all claims that failed,
``homeless`` guests that ended without a host although, at that moment, some
host would have taken them, and ``full`` those that no host could take.
"""

import argparse
import collections
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import copy
import dataclasses
import functools
import itertools
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
from nfv_sched.scheduler import pick_messages
from nfv_sched.scheduler import process
from nfv_sched.scheduler.in_flight import InFlight
from nfv_sched.scheduler.pick_messages import SharedPick
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.sim import settings
from nfv_sched.sim.machine import Machine

#: Seconds.
_ROUND = 5.0
#: Seconds that a decision takes.
DECISION = 0.05
_GROUP = 'filter_scheduler'
_SCATTER = 'nfv_sched.scatter_weight_multiplier'
_IN_FLIGHT = 'nfv_sched.in_flight_weight_multiplier'
_ATTEMPTS = 'scheduler.max_attempts'
# The one of the README's other options that matters here: no host reports
# failed builds, or builds under way.
_EQUAL = {_ATTEMPTS: settings.NFV.options[_ATTEMPTS]}


def _column(name: str, base: str, options: Mapping[str, Any] = {}) -> Column:
    column = columns.COLUMNS[base].with_options(options)
    return dataclasses.replace(column, name=name)


COLUMNS = (
    _column('stock', 'stock'),
    _column('stock, equal options', 'stock', _EQUAL),
    _column(
        'stock, equal options, host_subset_size = 8',
        'stock',
        {**_EQUAL, f'{_GROUP}.host_subset_size': 8},
    ),
    _column(
        'stock, equal options, shuffled',
        'stock',
        {**_EQUAL, f'{_GROUP}.shuffle_best_same_weighed_hosts': True},
    ),
    _column(
        'ours, neither', 'ours', {**_EQUAL, _SCATTER: 0.0, _IN_FLIGHT: 0.0}
    ),
    _column('ours, scatter', 'ours', {**_EQUAL, _IN_FLIGHT: 0.0}),
    _column('ours, in flight', 'ours', {**_EQUAL, _SCATTER: 0.0}),
    _column('ours', 'ours', _EQUAL),
    _column('ours, 3 attempts', 'ours', {_ATTEMPTS: 3}),
    _column('ours, choosing nodes', 'ours-choosing', _EQUAL),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Sharing:
    """A bus between schedulers: seconds of delay, and the share it loses."""

    delay: float
    loss: float = 0.0


class _Bus:
    """Delivers picks of each scheduler to all others, some time later."""

    def __init__(
        self, sharing: Sharing, now: Callable[[], float], seed: int
    ) -> None:
        self.schedulers: list[InFlight] = []
        self._sharing = sharing
        self._now = now
        self._draws = random.Random(seed)  # noqa: S311 - not for secrets
        self._under_way: list[tuple[float, InFlight, dict[str, Any]]] = []

    def share(self, sender: int, pick: SharedPick) -> None:
        """Send a pick."""
        # As it is on a real bus.
        message = pick_messages.encode(str(sender), 0.0, [pick])
        for number, in_flight in enumerate(self.schedulers):
            if number != sender and self._draws.random() >= self._sharing.loss:
                arrival = self._now() + self._sharing.delay
                self._under_way.append((arrival, in_flight, message))

    def deliver(self) -> None:
        """Deliver what has arrived by now."""
        now = self._now()
        for arrival, in_flight, message in self._under_way:
            if arrival <= now:
                decoded = pick_messages.decode(message)
                for pick in decoded.picks:
                    in_flight.include(pick, decoded.sender)
        self._under_way = [
            entry for entry in self._under_way if entry[0] > now
        ]


@dataclasses.dataclass(slots=True)
class Counts:
    """What came of the guests of a run."""

    placed: int = 0
    failed: int = 0
    refused: int = 0
    homeless: int = 0
    full: int = 0

    def add(self, other: 'Counts') -> None:
        """Add another run's."""
        self.placed += other.placed
        self.failed += other.failed
        self.refused += other.refused
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
        sharing: Sharing | None = None,
        decision: float = DECISION,
    ) -> None:
        self.counts = Counts()
        self._computes = computes
        # What Placement has allocated already, by host.
        self._coming = collections.defaultdict[str, list[Shape]](list)
        self._scheduler = scheduler.Scheduler(column, (*computes.values(),))
        self._running: dict[str, str] = {}
        self._now = 0.0
        self._decision = decision
        self._bus = sharing and _Bus(sharing, lambda: self._now, seed)
        # Every scheduler remembers guests of its own.
        self._processes = []
        for number in range(schedulers):
            in_flight = InFlight(
                self._find,
                lambda: self._now,
                self._bus and functools.partial(self._bus.share, number),
                str(number),
            )
            if self._bus:
                self._bus.schedulers.append(in_flight)
            self._processes.append(
                process.SchedulerProcess(
                    PublishedTopology(None), in_flight=in_flight
                )
            )
        self._draws = random.Random(seed)  # noqa: S311 - not for secrets

    def _find(self, guests: Iterable[str]) -> dict[str, str | None]:
        return {uuid: self._running.get(uuid) for uuid in guests}

    def _offers(self, compute: Compute, wanted: Shape) -> bool:
        return compute.offered(wanted, self._coming[compute.name])

    def round(self, wanted: Sequence[Shape]) -> None:
        """Decide on all, then let them land, which takes some seconds."""
        begin = self._now
        sent = [
            self._send(when, number, wanted[place])
            for when, number, place in self._decisions(len(wanted))
        ]
        for one in filter(None, sent):
            self._land(*one)
        self._now = begin + _ROUND

    def _decisions(self, count: int) -> list[tuple[float, int, int]]:
        """When which scheduler decides on which request, in order."""
        free = [self._now] * len(self._processes)
        decisions = []
        for place in range(count):
            number = place % len(free)
            free[number] += self._decision * self._draws.uniform(0.5, 1.5)
            decisions.append((free[number], number, place))
        return sorted(decisions)

    def _send(
        self, when: float, number: int, shape: Shape
    ) -> tuple[str, Sent] | None:
        self._now = when
        if self._bus:
            self._bus.deliver()
        process.replace(self._processes[number])
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
                self.counts.refused += 1
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
    sharing: Sharing | None = None,
    decision: float = DECISION,
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
        cloud = Cloud(column, computes, schedulers, seed, sharing, decision)
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
    return draws.choices(sorted(FLAVORS), k=guests)


def _total(
    args: argparse.Namespace,
    column: Column,
    workers: int,
    schedulers: int,
    sharing: Sharing | None,
) -> Counts:
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
                schedulers,
                seed,
                sharing,
                args.decision / 1000,
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
    parser.add_argument('--schedulers', type=int, nargs='+', default=[2])
    parser.add_argument('--seeds', type=int, default=5)
    parser.add_argument(
        '--delays',
        type=float,
        nargs='+',
        default=[5.0],
        metavar='MS',
        help='also with shared picks that arrive so much later; '
        'default: %(default)s',
    )
    parser.add_argument('--loss', type=float, default=0.0, metavar='SHARE')
    parser.add_argument(
        '--decision', type=float, default=DECISION * 1000, metavar='MS'
    )
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    table = Table(
        'scheduler',
        'schedulers',
        'at once',
        'shared',
        *(field.name for field in dataclasses.fields(Counts)),
        title=f'{args.seeds} x {args.guests} guests on {args.hosts} hosts',
    )
    shared = [Sharing(delay / 1000, args.loss) for delay in args.delays]
    wanted = [one for one in COLUMNS if one.name in args.columns]
    for column, schedulers, workers in itertools.product(
        wanted, args.schedulers, args.workers
    ):
        for sharing in (None, *shared):
            if sharing and (schedulers == 1 or not _in_flight(column)):
                continue
            counts = _total(args, column, workers, schedulers, sharing)
            table.add_row(
                column.name,
                str(schedulers),
                str(workers),
                f'{sharing.delay * 1000:g} ms' if sharing else '-',
                *map(str, dataclasses.astuple(counts)),
            )
    Console(width=110).print(table)


def _in_flight(column: Column) -> bool:
    """Whether picks count at all."""
    return not column.stock and column.options.get(_IN_FLIGHT) != 0.0


if __name__ == '__main__':
    main()
