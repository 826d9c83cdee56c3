"""One run: one cloud, one load, one scheduler, one seed."""

import collections
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import heapq
import math
import time
from typing import Any

from benchmarks.packing import bounds
from benchmarks.packing import loads
from benchmarks.packing import moves
from benchmarks.packing import scheduler
from benchmarks.packing.clouds import Cloud
from benchmarks.packing.columns import Column
from benchmarks.packing.columns import COLUMNS
from benchmarks.packing.computes import Compute
from benchmarks.packing.computes import CPU_RATIO
from benchmarks.packing.computes import Held
from benchmarks.packing.computes import Shape
from benchmarks.packing.loads import Load
from nfv_sched import fit
from nfv_sched.nova import request_spec
from nfv_sched.scheduler import demand
from nfv_sched.scheduler import process
from nfv_sched.scheduler.process import SchedulerProcess
from nfv_sched.scheduler.published_topology import PublishedTopology

#: Guests that would run at steady state if all were placed, as a share of
#: those that fit at most.
OFFERED = 0.95
#: Mean lifetimes until a cloud that was empty counts as steady.
WARM_UP = 4.0
_SAMPLE_EVERY = 25


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run.

    ``offered`` and ``rejected`` count guests by flavor, those of the warm-up
    aside. ``near`` of ``devices`` taken were on a cell of their guest.
    ``stranded`` is the share of all devices that are free on cells where no
    device flavor fits any more: at the end, or on average. ``seconds`` are
    the process's. ``moves`` were made for ``moved_for`` guests that found no
    host otherwise, those of the warm-up included.
    """

    placed: int
    offered: dict[str, int]
    rejected: dict[str, int]
    failed_claims: int
    devices: int
    near: int
    stranded: float
    used_cpus: float
    seconds: float
    moves: int = 0
    moved_for: int = 0

    @property
    def rejection_rate(self) -> float:
        """The share of guests that were not placed."""
        offered = sum(self.offered.values())
        return sum(self.rejected.values()) / offered if offered else 0.0


class _Run:
    """A cloud, its scheduler, and what is counted."""

    def __init__(
        self, cloud: Cloud, load: Load, column: Column, *, remember: bool
    ) -> None:
        self.shapes = {shape.name: shape for shape in bounds.shapes_of(load)}
        self.computes = [
            Compute(f'host{place:02}', machine)
            for place, machine in enumerate(cloud.machines)
        ]
        requests = {
            name: fit.FitRequest(request_spec.read_guest(shape.spec))
            for name, shape in self.shapes.items()
        }
        if column.told:
            expected = fit.DemandHistogram(
                (request, load.weights[name])
                for name, request in requests.items()
            )
            process.replace(
                SchedulerProcess(PublishedTopology(None), expected)
            )
        if column.primed:
            process.current().demand.prime(
                (requests[name], 1.0)
                for name in loads.earlier(load, demand.MOST_INSTANCES)
            )
        if column.knows_flavors:
            weight = demand.FLAVORS_WEIGHT / len(self.shapes)
            process.current().demand.prime(
                (request, weight) for request in requests.values()
            )
        self.scheduler = scheduler.Scheduler(
            column, self.computes, remember=remember
        )
        self._room_maker = (
            moves.RoomMaker(self.computes, column.most_moves)
            if column.most_moves
            else None
        )
        #: The guests that run, by number.
        self.running: dict[int, tuple[Compute, Held]] = {}
        self.placed = self.devices = self.near = 0
        self.offered = collections.Counter[str]()
        self.rejected = collections.Counter[str]()
        self.stranded: list[float] = []
        self.used: list[float] = []
        self._asking = [
            shape for shape in self.shapes.values() if shape.devices
        ]
        self._started = time.process_time()

    def boot(
        self, arrival: loads.Arrival, *, counted: bool
    ) -> tuple[Compute, Held] | None:
        """Place one guest, and count what came of it."""
        wanted = self.shapes[arrival.flavor]
        placed = self.scheduler.place(arrival.number, wanted)
        if placed is None and self._room_maker:
            placed = self._room_maker.boot(wanted, self.running)
        if placed is not None:
            self.running[arrival.number] = placed
        if counted:
            self._count(wanted, placed)
        return placed

    def put(self, arrival: loads.Arrival, compute: Compute) -> None:
        """Place one guest on a host, with no limits for its claim."""
        wanted = self.shapes[arrival.flavor]
        placed = compute, compute.claim(wanted, None)
        self.running[arrival.number] = placed
        self._count(wanted, placed)

    def _count(
        self, wanted: Shape, placed: tuple[Compute, Held] | None
    ) -> None:
        self.offered[wanted.name] += 1
        if placed is None:
            self.rejected[wanted.name] += 1
        else:
            self.placed += 1
            self.devices += len(placed[1].devices)
            self.near += placed[1].near

    def end(self, number: int) -> None:
        """End a guest."""
        compute, held = self.running.pop(number)
        compute.release(held)

    def report(self) -> None:
        """Note what is idle and what is used."""
        self.stranded.append(stranded(self.computes, self._asking))
        self.used.append(
            sum(compute.pcpus for compute in self.computes)
            / sum(len(compute.machine.dedicated) for compute in self.computes)
        )

    def outcome(self) -> Outcome:
        """All that was counted."""
        reports = max(1, len(self.stranded))
        return Outcome(
            placed=self.placed,
            offered=dict(sorted(self.offered.items())),
            rejected=dict(sorted(self.rejected.items())),
            failed_claims=self.scheduler.failed_claims,
            devices=self.devices,
            near=self.near,
            stranded=sum(self.stranded) / reports,
            used_cpus=sum(self.used) / reports,
            seconds=time.process_time() - self._started,
            moves=self._room_maker.moves if self._room_maker else 0,
            moved_for=self._room_maker.booted if self._room_maker else 0,
        )


def sequence(cloud: Cloud, load: Load, seed: int) -> Iterator[loads.Arrival]:
    """The guests that come until one is rejected."""
    fits = bounds.expected(cloud, load)
    return loads.sequence(load, seed, int(fits))


def arrivals(
    cloud: Cloud, load: Load, seed: int, events: int
) -> Iterator[loads.Arrival]:
    """The guests that come and go.

    :raises ValueError: the cloud is not steady after half of the events
    """
    resident = bounds.expected(cloud, load) * OFFERED
    if events // 2 < 2 * WARM_UP * resident:
        raise ValueError(
            f'{cloud.name} needs {4 * WARM_UP * resident:.0f} events'
        )
    return loads.churn(load, seed, resident, events // 2)


def fill(
    cloud: Cloud,
    load: Load,
    column: Column,
    seed: int,
    *,
    remember: bool = True,
) -> Outcome:
    """Guests come and stay, until the first one is rejected."""
    with scheduler.configured(column):
        run = _Run(cloud, load, column, remember=remember)
        for arrival in sequence(cloud, load, seed):
            if run.boot(arrival, counted=True) is None:
                break
        run.report()
        return run.outcome()


def retrace(
    cloud: Cloud, load: Load, seed: int, hosts: Sequence[int]
) -> Outcome:
    """Guests come, stay, and get the hosts that were found for them.

    Nova's own claim takes what they need.

    :param hosts: of the guests that are placed, by number
    :raises benchmarks.packing.computes.Refused: a claim fails
    """
    column = COLUMNS['stock']
    with scheduler.configured(column):
        run = _Run(cloud, load, column, remember=False)
        coming = sequence(cloud, load, seed)
        for host, arrival in zip(hosts, coming, strict=False):
            run.put(arrival, run.computes[host])
        run.report()
        return run.outcome()


def churn(
    cloud: Cloud,
    load: Load,
    column: Column,
    seed: int,
    events: int,
    *,
    remember: bool = True,
) -> Outcome:
    """Guests come and go: ``events / 2`` arrivals, each with a departure."""
    with scheduler.configured(column):
        run = _Run(cloud, load, column, remember=remember)
        leaving: list[tuple[float, int]] = []
        for arrival in arrivals(cloud, load, seed, events):
            while leaving and leaving[0][0] <= arrival.time:
                run.end(heapq.heappop(leaving)[1])
            steady = arrival.time >= WARM_UP
            placed = run.boot(arrival, counted=steady)
            if placed is not None:
                end = arrival.time + arrival.lifetime
                heapq.heappush(leaving, (end, arrival.number))
            if steady and arrival.number % _SAMPLE_EVERY == 0:
                run.report()
        return run.outcome()


def stranded(computes: Sequence[Compute], asking: Sequence[Shape]) -> float:
    """The share of devices that are free where none can use them.

    On cells with fewer free CPUs or pages than the smallest guest cell of
    any flavor with devices wants.
    """
    if not asking:
        return 0.0
    idle = total = 0
    for compute in computes:
        total += sum(
            len(nic.assignable_addresses) for nic in compute.machine.nics
        )
        dead = {
            cell.id
            for cell in compute.topology.cells
            if not any(_has_room(cell, shape) for shape in asking)
        }
        idle += sum(
            pool['count']
            for pool in compute.stats.pools
            if pool['numa_node'] in dead
        )
    return idle / total if total else 0.0


def _has_room(cell: Any, wanted: Shape) -> bool:
    return any(
        len(guest.pcpuset) <= len(cell.free_pcpus)
        and len(guest.cpuset) <= _floating(cell)
        and any(
            pages.free_kb >= guest.memory * 1024
            and guest.pagesize in (pages.size_kb, -2)
            and pages.size_kb > 4
            for pages in cell.mempages
        )
        for guest in wanted.spec.numa_topology.cells
    )


def _floating(cell: Any) -> float:
    return math.floor(len(cell.cpuset) * CPU_RATIO - cell.cpu_usage)
