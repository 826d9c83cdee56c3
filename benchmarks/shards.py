"""Scheduler processes of a cloud of 100,000 hosts, on one of its shards.

``python -m benchmarks.shards`` simulates some seconds of 200 requests a
second. The model:

* The cloud has 20 shards of 5,000 hosts. Each is a host aggregate that Nova's
  request filters name to Placement (by availability zone, or by tenant with
  ``[scheduler] limit_tenants_to_placement_aggregate``), so that a request sees
  one shard. Of the hosts there whose CPUs and memory suffice, Placement
  answers with ``--limit`` of them, ``[scheduler] max_placement_results``, at
  random as with ``[placement] randomize_allocation_candidates``.
* All scheduler processes serve all shards, as workers of nova-scheduler do: a
  shard has a twentieth of the requests, and of each process a twentieth of its
  time. Shards have nothing in common but the processes, and what a process
  knows is by host: one shard is simulated, with all processes.
* A decision takes as long as Nova takes for the host states, which is measured
  first, with random differences. There are as many processes as are busy for
  60 % of their time.
* The scheduler sees what hosts had reported when it began, and picks of other
  processes that were made 5 ms ago or earlier. Placement counts at once.
  nova-compute claims two seconds later, more or less, and reports at once; a
  claim that fails is tried on the next alternate, as nova-conductor does. As
  many instances leave as come.
* Hosts are those of the packing benchmark's mixed cloud, with instances that
  Nova's claim has placed, and instances are those of its VNF load.

``rejected`` counts instances that ended without a host, ``fit`` those of them
that a host of the shard would have taken, which was not among those that
Placement answered with. ``rescheduled`` are instances that a compute refused
and another one took. The time of a request is the CPU time of its filters and
weighers, Nova's weighers among them. All processes start without forecasts.

``--memory`` prints the memory that a process's forecasts take per host.
"""

import argparse
from collections.abc import Callable
from collections.abc import Sequence
import copy
import dataclasses
import functools
import gc
import heapq
import itertools
import json
import logging
import math
import multiprocessing
import pathlib
import random
import statistics
import sys
import time
from typing import Any
from unittest import mock
import uuid
import warnings

import nova.conf
from nova.scheduler import manager
from rich.console import Console
from rich.table import Table

from benchmarks import filters
from benchmarks import memory
from benchmarks import scale
from benchmarks import storm
from benchmarks.packing import bounds
from benchmarks.packing import loads
from benchmarks.packing import scheduler
from benchmarks.packing.clouds import CLOUDS
from benchmarks.packing.columns import Column
from benchmarks.packing.computes import CANDIDATE
from benchmarks.packing.computes import Compute
from benchmarks.packing.computes import Held
from benchmarks.packing.computes import Refused
from benchmarks.packing.computes import Shape
from nfv_sched import fit
from nfv_sched.nova import request_spec
from nfv_sched.scheduler import forecasts
from nfv_sched.scheduler import pick_messages
from nfv_sched.scheduler import process
from nfv_sched.scheduler.in_flight import InFlight
from nfv_sched.scheduler.pick_messages import SharedPick
from nfv_sched.scheduler.process import SchedulerProcess
from nfv_sched.scheduler.published_topology import PublishedTopology

CLOUD, LOAD = CLOUDS['mixed'], loads.LOADS['vnf']
COLUMNS = ('stock, equal options', 'ours', 'ours, choosing nodes')
#: Seconds until a pick arrives, and until a compute claims.
SHARING, CLAIM = 0.005, 2.0
#: The largest share of their time that processes are busy.
BUSY = 0.6
#: Hosts of each kind that differ at the start.
VARIANTS = 12
#: The least and the largest share of dedicated CPUs in use at the start.
_USED = 0.5, 0.95
#: Earlier instances that a process has counted as demand.
_EARLIER = 64
#: Hosts with which the time of host states is measured.
MEASURED_HOSTS = 200


class Resident(Compute):
    """A compute with the instances that run there."""

    def __init__(self, name: str, machine: Any) -> None:
        super().__init__(name, machine)
        self.held: list[Held] = []

    def fill(self, shapes: Sequence[Shape], draws: random.Random) -> None:
        """Claim at random until enough CPUs are in use, or little fits."""
        used = draws.uniform(*_USED) * len(self.machine.dedicated)
        failures = 0
        while self.pcpus < used and failures < len(shapes):
            [shape] = draws.choices(shapes, _weights(shapes))
            if not self.offered(shape):
                failures += 1
                continue
            try:
                self.held.append(self.claim(shape, None))
            except Refused:
                failures += 1

    def fork(self, name: str) -> 'Resident':
        """A compute that is like this one so far."""
        fork = copy.copy(self)
        fork.name = name
        fork.held = list(self.held)
        # A claim changes the lists, but no device and no topology.
        fork.stats = copy.copy(self.stats)
        fork.stats.pools = [
            {**pool, 'devices': list(pool['devices'])}
            for pool in self.stats.pools
        ]
        fork.state = copy.copy(self.state)
        return fork


def _weights(shapes: Sequence[Shape]) -> list[float]:
    return [LOAD.weights[shape.name] for shape in shapes]


class Host:
    """A host of the shard: a compute of its own once anything changed."""

    def __init__(self, number: int, compute: Resident) -> None:
        self.name = f'host{number:05}'
        self.uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name))
        self.compute = compute
        self._own = False
        # What Placement has allocated already.
        self.coming: list[Shape] = []

    def offers(self, shape: Shape) -> bool:
        """Whether Placement has an allocation candidate here."""
        return self.compute.offered(shape, self.coming)

    def state(self) -> Any:
        """A host state for one request."""
        state = copy.copy(self.compute.state)
        state.host = state.nodename = self.name
        state.uuid = self.uuid
        state.allocation_candidates = [CANDIDATE]
        state.limits = {}
        return state

    def change(self) -> Resident:
        """The compute, to change it."""
        if not self._own:
            self.compute = self.compute.fork(self.name)
            self._own = True
        return self.compute


class Scheduler(scheduler.Scheduler):
    """Nova's scheduler, given the host states of each request."""

    def __init__(self, column: Column) -> None:
        super().__init__(column, (), remember=False)
        self.seconds: list[float] = []

    def rank(self, spec: Any, states: Sequence[Any]) -> list[Any]:
        """The hosts that pass, best first."""
        start = time.process_time()
        found: list[Any] = manager.SchedulerManager._get_sorted_hosts(  # noqa: SLF001
            self._manager, spec, states, 0
        )
        self.seconds.append(time.process_time() - start)
        return found

    def passing(self, spec: Any, states: Sequence[Any]) -> list[Any]:
        """The hosts that pass the filters."""
        return list(self._filter(states, spec, 0) or ())


@dataclasses.dataclass
class Outcome:
    """What came of the requests of a run.

    Times are in CPU seconds, ``states_seconds`` those of Nova's host states
    of one request; ``picks_seconds`` is what a process takes to receive a
    pick.
    """

    limit: int
    schedulers: int
    states_seconds: float
    requests: int = 0
    placed: int = 0
    rejected: int = 0
    fit: int = 0
    failed: int = 0
    rescheduled: int = 0
    picks_seconds: float = 0.0
    p50: float = 0.0
    p99: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Sent:
    """An instance on its way: the hosts that are left, with their limits."""

    instance: str
    shape: Shape
    hosts: tuple[tuple[Host, Any], ...]
    attempt: int = 0


@dataclasses.dataclass(frozen=True)
class Load:
    """What is simulated: requests a second, and for how many seconds."""

    shards: int = 20
    hosts: int = 5000
    rate: float = 200.0
    seconds: float = 30.0
    limit: int = 100


class Shard:
    """One shard, and the processes that decide on it."""

    def __init__(
        self,
        column: Column,
        load: Load,
        seed: int,
        host_seconds: float,
        schedulers: int | None = None,
    ) -> None:
        self._load = load
        self._draws = random.Random(seed)  # noqa: S311 - not for secrets
        self._shapes = list(bounds.shapes_of(LOAD))
        self._scheduler = Scheduler(column)
        self._running: dict[str, str] = {}
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._received: list[float] = []
        kinds = residents(VARIANTS)
        self._hosts = [
            Host(number, self._draws.choice(kinds[number % len(kinds)]))
            for number in range(load.hosts)
        ]
        self._names = {host.name: host for host in self._hosts}
        self._outcome = Outcome(load.limit, 0, host_seconds * load.limit)
        self._processes: list[SchedulerProcess] = []
        self._outcome.schedulers = schedulers or self._processes_needed()
        self._processes = [
            self._process(number) for number in range(self._outcome.schedulers)
        ]

    def _processes_needed(self) -> int:
        """Processes that are busy for the wanted share of their time."""
        self._processes = [self._process(0)]
        for number in range(10):
            [shape] = self._draws.choices(self._shapes, _weights(self._shapes))
            spec = request_of(2**90 + number, shape)
            with process.replaced(self._processes[0]):
                self._scheduler.rank(spec, self._candidates(shape))
        took = statistics.mean(self._scheduler.seconds)
        self._scheduler.seconds.clear()
        busy = self._load.rate * (took + self._outcome.states_seconds)
        return math.ceil(busy / BUSY)

    def _process(self, number: int) -> SchedulerProcess:
        started = SchedulerProcess(
            PublishedTopology(None),
            in_flight=InFlight(
                lambda uuids: {
                    each: self._running.get(each) for each in uuids
                },
                lambda: self._now,
                functools.partial(self._share, number),
                str(number),
            ),
        )
        started.demand.prime(_demand(self._shapes))
        return started

    def _share(self, number: int, pick: SharedPick) -> None:
        message = pick_messages.encode(str(number), 0.0, [pick])
        self._at(SHARING, lambda: self._deliver(number, message))

    def _deliver(self, sender: int, message: Any) -> None:
        start = time.process_time()
        for pick in pick_messages.decode(message).picks:
            decoded = time.process_time()
            for number, receiver in enumerate(self._processes):
                if number != sender:
                    receiver.in_flight.include(pick, str(sender))
            included = time.process_time() - decoded
            others = max(1, len(self._processes) - 1)
            self._received.append(decoded - start + included / others)

    def _at(self, delay: float, action: Callable[[], None]) -> None:
        heapq.heappush(
            self._events, (self._now + delay, next(self._numbers), action)
        )

    def run(self) -> Outcome:
        """Simulate, and wait for the last claim."""
        rate = self._load.rate / self._load.shards
        when = 0.0
        while (when := when + self._draws.expovariate(rate)) < (
            self._load.seconds
        ):
            self._at(when, self._arrive)
            self._at(when, self._leave)
        while self._events:
            self._now, _, action = heapq.heappop(self._events)
            action()
        outcome = self._outcome
        seconds = sorted(self._scheduler.seconds)
        if seconds:
            outcome.p50 = seconds[len(seconds) // 2]
            outcome.p99 = seconds[int(len(seconds) * 0.99)]
        if self._received:
            outcome.picks_seconds = statistics.median(self._received)
        return outcome

    def _candidates(self, shape: Shape) -> list[Any]:
        """The states of hosts that Placement answers with."""
        states: list[Any] = []
        for place in self._draws.sample(
            range(len(self._hosts)), len(self._hosts)
        ):
            if len(states) == self._load.limit:
                break
            host = self._hosts[place]
            if host.offers(shape):
                states.append(host.state())
        return states

    def _leave(self) -> None:
        """End an instance of some host."""
        host = self._draws.choice(self._hosts)
        if host.compute.held:
            compute = host.change()
            place = self._draws.randrange(len(compute.held))
            compute.release(compute.held.pop(place))

    def _arrive(self) -> None:
        self._outcome.requests += 1
        [shape] = self._draws.choices(self._shapes, _weights(self._shapes))
        states = self._candidates(shape)
        took = self._outcome.states_seconds * self._draws.uniform(0.5, 1.5)
        number = self._draws.randrange(len(self._processes))
        self._at(took, lambda: self._decide(number, shape, states))

    def _decide(
        self, number: int, shape: Shape, states: Sequence[Any]
    ) -> None:
        process.replace(self._processes[number])
        spec = request_of(self._draws.getrandbits(100), shape)
        ranked = self._scheduler.rank(spec, states)
        while ranked and not self._names[ranked[0].host].offers(shape):
            # Another process has claimed the rest in Placement.
            ranked = ranked[1:]
        if not ranked:
            self._rejected(shape)
            return
        chosen = ranked[0]
        self._names[chosen.host].coming.append(shape)
        # Nova says so by this, and nfv_sched by that.
        chosen.pci_stats = copy.deepcopy(chosen.pci_stats)
        uuid_ = spec.instance_uuid
        chosen.consume_from_request(spec)
        attempts = nova.conf.CONF.scheduler.max_attempts
        hosts = tuple(
            (self._names[state.host], state.limits.get('numa_topology'))
            for state in ranked[:attempts]
        )
        sent = Sent(uuid_, shape, hosts)
        self._at(self._claim_delay(), lambda: self._claim(sent))

    def _claim_delay(self) -> float:
        return CLAIM * self._draws.uniform(0.5, 1.5)

    def _claim(self, sent: Sent) -> None:
        """Claim on the first host, with its allocations in Placement."""
        (host, limits), *others = sent.hosts
        host.coming.remove(sent.shape)
        compute = host.change()
        try:
            compute.held.append(compute.claim(sent.shape, limits))
        except Refused:
            self._outcome.failed += not sent.attempt
        else:
            self._running[sent.instance] = host.name
            self._outcome.placed += 1
            self._outcome.rescheduled += bool(sent.attempt)
            return
        while others and not others[0][0].offers(sent.shape):
            del others[0]
        if not others:
            self._rejected(sent.shape)
            return
        others[0][0].coming.append(sent.shape)
        retry = Sent(
            sent.instance, sent.shape, tuple(others), sent.attempt + 1
        )
        self._at(self._claim_delay(), lambda: self._claim(retry))

    def _rejected(self, shape: Shape) -> None:
        self._outcome.rejected += 1
        offered = {
            id(host.compute): host
            for host in self._hosts
            if host.offers(shape)
        }
        with process.replaced(SchedulerProcess(PublishedTopology(None))):
            # Which agree with the claim.
            self._outcome.fit += bool(
                filters.run(
                    filters.OURS,
                    [host.state() for host in offered.values()],
                    request_of(2**91, shape),
                )
            )


def request_of(number: int, shape: Shape) -> Any:
    """The request for one instance, which Nova may write into."""
    spec = scheduler.request_of(number, shape)
    spec.numa_topology = shape.spec.numa_topology.obj_clone()
    return spec


def _demand(shapes: Sequence[Shape]) -> list[tuple[fit.FitRequest, float]]:
    """Earlier instances of the load."""
    requests = {
        shape.name: fit.FitRequest(request_spec.read_guest(shape.spec))
        for shape in shapes
    }
    return [(requests[name], 1.0) for name in loads.earlier(LOAD, _EARLIER)]


@functools.cache
def residents(variants: int) -> list[list[Resident]]:
    """Computes with instances: some variants for each host of the cloud.

    They are not changed: a host that changes has a copy.
    """
    draws = random.Random(1)  # noqa: S311 - not for secrets
    shapes = list(bounds.shapes_of(LOAD))
    kinds: dict[str, list[Resident]] = {}
    for machine in CLOUD.machines:
        if machine.name not in kinds:
            kinds[machine.name] = [
                Resident(f'{machine.name}-{variant}', machine)
                for variant in range(variants)
            ]
            for compute in kinds[machine.name]:
                compute.fill(shapes, draws)
    return [kinds[machine.name] for machine in CLOUD.machines]


def node_rows(
    computes: Sequence[Resident], first: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of compute nodes and services of new hosts like some computes."""
    nodes, services = [], []
    for number, compute in enumerate(computes, first):
        host = Host(number, compute)
        record = scale.node_row(compute.record())
        nodes.append(
            record
            | {
                'id': number + 1,
                'uuid': host.uuid,
                'host': host.name,
                'hypervisor_hostname': host.name,
            }
        )
        services.append(scale.service_row(number + 1, host.name))
    return nodes, services


def measure_host_state(runs: int = 5) -> float:
    """CPU seconds that Nova takes for the host state of an average host."""
    draws = random.Random(1)  # noqa: S311 - not for secrets
    kinds = residents(VARIANTS)
    computes = [
        draws.choice(kinds[number % len(kinds)])
        for number in range(MEASURED_HOSTS)
    ]
    rows = node_rows(computes, 0)
    host_manager = scale.RecordedHostManager()
    times = []
    for _ in range(runs):
        gc.collect()
        times.append(scale.timed(lambda: host_manager.states_of(*rows))[0])
    return min(times) / MEASURED_HOSTS


@dataclasses.dataclass(frozen=True, slots=True)
class Memory:
    """What the forecasts of a process take for some hosts."""

    hosts: int
    forecasts: int
    kib_per_host: float


def measure_memory(column: Column, hosts: int, page: int = 250) -> Memory:
    """Forecast every shape on every host, and measure the resident size.

    The host states are Nova's own, and are gone afterwards. What the first
    page takes is not counted.
    """
    draws = random.Random(1)  # noqa: S311 - not for secrets
    shapes = list(bounds.shapes_of(LOAD))
    started = SchedulerProcess(PublishedTopology(None))
    started.demand.prime(_demand(shapes))
    with scheduler.configured(column):
        kinds = residents(VARIANTS)
        ours = Scheduler(column)
        host_manager = scale.RecordedHostManager()
        process.replace(started)
        before, known = 0.0, 0
        for first in range(0, hosts + page, page):
            computes = [
                draws.choice(kinds[number % len(kinds)])
                for number in range(page)
            ]
            states = host_manager.states_of(*node_rows(computes, first))
            for shape in shapes:
                scale.reset(states)
                with mock.patch.object(
                    forecasts, 'NEW_PER_REQUEST', sys.maxsize
                ):
                    ours.rank(request_of(1, shape), states)
            del states
            gc.collect()
            if not first:
                before, known = memory.resident_mib(), _forecasts(started)
        return Memory(
            hosts,
            _forecasts(started) - known,
            (memory.resident_mib() - before) * 1024 / hosts,
        )


def _forecasts(started: SchedulerProcess) -> int:
    return sum(
        len(host.forecasts) for host in started.forecasts.hosts.values()
    )


def simulate(column: Column, load: Load, seed: int = 1) -> Outcome:
    """Simulate the load with one kind of schedulers."""
    with scheduler.configured(column):
        host_seconds = measure_host_state()
        return Shard(column, load, seed, host_seconds).run()


def show(rows: Sequence[tuple[str, Outcome]], console: Console) -> None:
    """Print what came of the runs."""
    table = Table(title='One of the shards')
    for header in (
        'scheduler',
        'limit',
        'processes',
        'requests',
        'rejected',
        'of these fit',
        'first claims failed',
        'rescheduled',
        'host states ms',
        'filters, weighers p50 ms',
        'p99 ms',
        'µs per pick',
    ):
        table.add_column(
            header, justify='left' if header == 'scheduler' else 'right'
        )
    for name, row in rows:
        table.add_row(
            name,
            f'{row.limit}',
            f'{row.schedulers}',
            f'{row.requests}',
            f'{row.rejected}',
            f'{row.fit}',
            f'{row.failed}',
            f'{row.rescheduled}',
            f'{row.states_seconds * 1e3:.0f}',
            f'{row.p50 * 1e3:.0f}',
            f'{row.p99 * 1e3:.0f}',
            f'{row.picks_seconds * 1e6:.0f}',
        )
    console.print(table)


def main() -> None:
    """Simulate, and print the table."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.shards',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--columns', nargs='+', choices=COLUMNS, default=COLUMNS
    )
    parser.add_argument('--shards', type=int, default=Load.shards)
    parser.add_argument('--hosts', type=int, default=Load.hosts)
    parser.add_argument('--rate', type=float, default=Load.rate)
    parser.add_argument('--seconds', type=float, default=Load.seconds)
    parser.add_argument('--limit', type=int, nargs='+', default=[Load.limit])
    parser.add_argument('--memory', type=int, metavar='HOSTS')
    parser.add_argument('--results', type=pathlib.Path, metavar='JSON')
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    console = Console(width=160)
    columns = {column.name: column for column in storm.COLUMNS}
    if args.memory:
        for name in args.columns:
            # Memory that another run has freed would be used again.
            with multiprocessing.get_context('spawn').Pool(1) as pool:
                measured = pool.apply(
                    measure_memory, (columns[name], args.memory)
                )
            console.print(
                f'{name}: {measured.hosts:,} hosts, '
                f'{measured.forecasts:,} forecasts, '
                f'{measured.kib_per_host:.1f} KiB per host'
            )
        return
    rows = []
    for limit in args.limit:
        for name in args.columns:
            load = Load(
                args.shards, args.hosts, args.rate, args.seconds, limit
            )
            with console.status(f'{name}, {limit} hosts of a request'):
                rows.append((name, simulate(columns[name], load)))
    show(rows, console)
    if args.results:
        figures = [
            {'scheduler': name, **dataclasses.asdict(row)}
            for name, row in rows
        ]
        args.results.write_text(f'{json.dumps(figures, indent=1)}\n')


if __name__ == '__main__':
    main()
