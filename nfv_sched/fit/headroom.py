"""Headroom: how many more instances of one shape fit a host, estimated.

Counts CPUs, pages and devices cell by cell, without placing an instance:
fast enough for many shapes before and after a claim. Guest cells that are
not alike count as their mean; otherwise the estimate is never too low. The
exact number is that of repeated claims.

Where the scheduler chooses NUMA nodes, it compares smoothed headrooms: what is
short limits them most, and what is going to be short next somewhat less. With
the plain ones, what a claim takes of the second scarcest resource of a node
costs nothing.
"""

import collections
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import itertools
import math
from typing import NamedTuple

from nfv_sched.fit import cores
from nfv_sched.fit.cell import page_sizes
from nfv_sched.fit.request import CellMean
from nfv_sched.fit.request import FitRequest
from nfv_sched.fit.request import KIB_PER_MIB
from nfv_sched.model import Cell
from nfv_sched.model import DevicePool
from nfv_sched.model import GuestCell
from nfv_sched.model import Host

#: More instances than any host holds.
PLENTY = 1 << 20

#: The fractions of an instance in which headrooms of hosts are compared: they
#: are whole numbers, so that sums of many do not drift.
FRACTIONS = 1024


class Shapes(NamedTuple):
    """The shapes whose headroom is compared, and whether it is smoothed."""

    requests: tuple[FitRequest, ...]
    smooth: bool = False


#: What several limits allow together.
_Combine = Callable[[Sequence[float]], float]


def headroom(fit_request: FitRequest, host: Host) -> int:
    """How many more instances of the requested shape fit, by counts.

    PLENTY for guests that ask for nothing, which no count limits.
    """
    counts = [_cell_headroom(fit_request, cell, host) for cell in host.cells]
    return int(_headroom(fit_request, host, counts, min))


def by_cell(fit_request: FitRequest, host: Host) -> list[int]:
    """How many instances of one cell each cell of a host takes, by counts.

    With the devices that have to be near them.
    """
    counts = [_cell_headroom(fit_request, cell, host) for cell in host.cells]
    near = [
        demand
        for demand in _device_needs(fit_request, host)
        if not demand.anywhere
    ]
    return [
        min(free, *(demand.near(cell) for demand in near)) if near else free
        for free, cell in zip(counts, host.cells, strict=True)
    ]


class HostHeadroom:
    """The headroom of one host for one shape: now, and in other states.

    In FRACTIONS of an instance; 0 exactly where no instance fits by counts.
    Cells that are the same object in another state are not counted again.
    ``counts`` is how many of the shape's cells each cell takes.

    :param smooth: whether to smooth it
    """

    __slots__ = ('_combine', '_fit_request', '_host', 'counts', 'now')

    def __init__(
        self, fit_request: FitRequest, host: Host, *, smooth: bool
    ) -> None:
        self._combine: _Combine = smoothed if smooth else min
        self._fit_request = fit_request
        self._host = host
        self.counts = [self.of_cell(cell, host) for cell in host.cells]
        self.now = self.of_host(host, self.counts)

    def after(self, host: Host) -> int:
        """The headroom in another state of the same host."""
        counts = [
            count if cell is same else self.of_cell(cell, host)
            for count, same, cell in zip(
                self.counts, self._host.cells, host.cells, strict=True
            )
        ]
        return self.of_host(host, counts)

    def of_cell(self, cell: Cell, host: Host) -> float:
        """How many of the shape's cells a cell takes."""
        return self._combine(_cell_limits(self._fit_request, cell, host))

    def of_host(self, host: Host, counts: Sequence[float]) -> int:
        """The headroom in a state of the host, given that of each cell.

        Cells count with the devices on them: it does not depend on how cells
        are numbered.
        """
        whole = _headroom(self._fit_request, host, counts, self._combine)
        if self._combine is min:
            return int(whole) * FRACTIONS
        return math.ceil(whole * FRACTIONS)

    def device_needs(
        self, pools: Sequence[tuple[DevicePool, int]]
    ) -> list['_DeviceNeed']:
        """The devices that an instance of the shape needs.

        :param pools: with which of its requests may use each
        """
        return _needs_of_pools(self._fit_request, pools)

    def usable(self, pool: DevicePool) -> int:
        """Which of the shape's device requests may use a pool's devices."""
        return self._fit_request.matches(pool).usable


class HostHeadrooms:
    """The headrooms of one host for several shapes: now, and in other states.

    Those of states that differ only in the numbers of the cells are counted
    once: a claim leaves the same on each of several nodes that are alike.
    """

    __slots__ = (
        '_cells',
        '_devices',
        '_known',
        '_pools',
        '_shapes',
        'now',
    )

    def __init__(self, shapes: Shapes, host: Host) -> None:
        self._shapes = [
            HostHeadroom(request, host, smooth=shapes.smooth)
            for request in shapes.requests
        ]
        self.now = tuple(shape.now for shape in self._shapes)
        # By identity, with the objects so that these live as long.
        self._cells = {
            id(cell): (cell, tuple(shape.counts[i] for shape in self._shapes))
            for i, cell in enumerate(host.cells)
        }
        self._pools: dict[int, tuple[DevicePool, _PoolKey]] = {}
        self._devices: tuple[object, _DevicesKey] = (None, {})
        self._known: dict[Hashable, tuple[int, ...]] = {}

    def after(self, host: Host) -> tuple[int, ...]:
        """The headrooms in another state of the same host.

        Parts that are the same object in several states are looked at once.
        """
        cells = [self._of_cell(cell, host) for cell in host.cells]
        key = self._key(host, cells)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = tuple(
                shape.of_host(host, counts)
                for shape, counts in zip(
                    self._shapes,
                    # A host may report no cells.
                    zip(*cells, strict=True)
                    if cells
                    else itertools.repeat(()),
                    strict=bool(cells),
                )
            )
        return known

    def _key(self, host: Host, cells: Sequence[tuple[float, ...]]) -> Hashable:
        """What headrooms follow from, without the numbers of the cells."""
        if self._devices[0] is not host.pools:
            self._devices = (host.pools, self._devices_key(host.pools))
        devices = dict(self._devices[1])
        on_cells = sorted(
            (counts, devices.pop(cell.id, ()))
            for counts, cell in zip(cells, host.cells, strict=True)
        )
        return tuple(on_cells), frozenset(devices.items())

    def _devices_key(self, pools: Sequence[DevicePool]) -> '_DevicesKey':
        by_node = collections.defaultdict(list)
        for pool in pools:
            node, key = self._pool_key(pool)
            by_node[node].append(key)
        return {node: tuple(sorted(keys)) for node, keys in by_node.items()}

    def _of_cell(self, cell: Cell, host: Host) -> tuple[float, ...]:
        known = self._cells.get(id(cell))
        if known is None:
            counts = tuple(shape.of_cell(cell, host) for shape in self._shapes)
            known = self._cells[id(cell)] = (cell, counts)
        return known[1]

    def _pool_key(self, pool: DevicePool) -> '_PoolKey':
        known = self._pools.get(id(pool))
        if known is None:
            usable = tuple(shape.usable(pool) for shape in self._shapes)
            key = (pool.numa_node, (pool.count, usable))
            known = self._pools[id(pool)] = (pool, key)
        return known[1]


class SharedHeadrooms(HostHeadrooms):
    """As HostHeadrooms, for many states of many hosts with the same shapes.

    The headroom of a shape follows from few numbers: how many of its cells
    each cell takes, and how many of its devices are free there. Hosts share
    what is known by these numbers.

    :param known: what is known, which is added to
    """

    __slots__ = ('_needs', '_shared')

    def __init__(
        self, shapes: Shapes, host: Host, known: dict[Hashable, int]
    ) -> None:
        super().__init__(shapes, host)
        self._shared = known
        # By identity, with the pools so that these live as long.
        self._needs: dict[
            int, tuple[Sequence[DevicePool], list[list[_DeviceNeed]]]
        ] = {}

    def after(self, host: Host) -> tuple[int, ...]:
        """The headrooms in another state of the same host."""
        cells = [self._of_cell(cell, host) for cell in host.cells]
        found = []
        for number, needs in enumerate(self._needs_of(host)):
            counts = [each[number] for each in cells]
            key = _headroom_key(number, host, counts, needs)
            headroom = self._shared.get(key)
            if headroom is None:
                shape = self._shapes[number]
                headroom = shape.of_host(host, counts)
                self._shared[key] = headroom
            found.append(headroom)
        return tuple(found)

    def _needs_of(self, host: Host) -> list[list['_DeviceNeed']]:
        """The devices of each shape, as they are on the host."""
        pools = host.pools
        known = self._needs.get(id(pools))
        if known is None:
            usable = [(pool, self._pool_key(pool)[1][1]) for pool in pools]
            needs = [
                shape.device_needs(
                    [(pool, each[number]) for pool, each in usable]
                )
                for number, shape in enumerate(self._shapes)
            ]
            known = self._needs[id(pools)] = pools, needs
        return known[1]


def _headroom_key(
    number: int,
    host: Host,
    counts: Sequence[float],
    needs: Sequence['_DeviceNeed'],
) -> Hashable:
    """What the headroom of a host for a shape follows from."""
    if not needs:
        return number, *sorted(counts)
    return (
        number,
        tuple(
            sorted(
                (count, *(need.free.get(cell.id, 0) for need in needs))
                for count, cell in zip(counts, host.cells, strict=True)
            )
        ),
        tuple(
            (sum(need.free.values()), need.free.get(None, 0), need.anywhere)
            for need in needs
        ),
    )


#: How many devices a pool has, and which requests may use them.
_Usable = tuple[int, tuple[int, ...]]
#: A pool's node, and what headrooms follow from of it.
_PoolKey = tuple[int | None, _Usable]
_DevicesKey = dict[int | None, tuple[_Usable, ...]]


def smoothed(limits: Sequence[float]) -> float:
    """What several limits allow: less than the least if others are near it.

    The reciprocal of the 4-norm of the reciprocals, a common smooth minimum:
    of two equal limits 0.84, of limits 1 and 2 0.98.
    """
    if len(limits) == 1:
        return limits[0]
    total = 0.0
    for limit in limits:
        if limit <= 0:
            return 0.0
        total += 1 / (limit * limit) ** 2
    return 1 / math.sqrt(math.sqrt(total))


def _headroom(
    fit_request: FitRequest,
    host: Host,
    by_cell: Sequence[float],
    combine: _Combine,
) -> float:
    """The headroom of a host, given how many guest cells each cell takes."""
    guest, wanted = fit_request.guest, len(fit_request.guest.cells)
    most = _together(by_cell, wanted, combine) if wanted else PLENTY
    if not guest.devices or not most:
        return most
    demands = _device_needs(fit_request, host)
    if not demands:
        return most
    if wanted == 1 and not any(demand.anywhere for demand in demands):
        # All of a guest's devices are on its cell.
        # Sorted: the sum of rounded numbers depends on their order.
        return sum(
            sorted(
                combine([free, *(demand.near(cell) for demand in demands)])
                for free, cell in zip(by_cell, host.cells, strict=True)
            )
        )
    usable = [
        cell for free, cell in zip(by_cell, host.cells, strict=True) if free
    ]
    return combine(
        [
            most,
            *(demand.on(usable if wanted else None) for demand in demands),
        ]
    )


def _together(rooms: Sequence[float], wanted: int, combine: _Combine) -> float:
    """As :func:`guests_together`; combined where all rooms are needed."""
    usable = sorted(room for room in rooms if room)
    if len(usable) == wanted:
        return combine(usable)
    return guests_together(usable, wanted)


def guests_together(rooms: Sequence[float], wanted: int) -> float:
    """How many instances of ``wanted`` cells fit, each cell on another one.

    The largest number for which no host cell takes more than it has room
    for, and at most one cell of each instance. The last instance may be a
    fraction.
    """
    rooms = sorted(rooms, reverse=True)
    left = sum(rooms)
    for place, largest in enumerate(rooms[:wanted]):
        # Each instance has a cell on all cells that are larger than others.
        most = left / (wanted - place)
        if largest <= most:
            return most
        left -= largest
    return 0


def _cell_headroom(fit_request: FitRequest, cell: Cell, host: Host) -> int:
    """How many cells like the guest's mean cell a host cell takes."""
    return min(_cell_limits(fit_request, cell, host))


def _cell_limits(
    fit_request: FitRequest, cell: Cell, host: Host
) -> Sequence[int]:
    """How many of these cells each resource of a host cell allows.

    Of the CPUs one limit only, so that each resource counts once.
    """
    mean = fit_request.mean_cell
    if mean is None:
        return (0,)
    first = fit_request.guest.cells[0]
    if mean.shared > len(cell.shared_cpus):
        # An instance never overcommits against itself.
        return (0,)
    limits = [_memory_headroom(fit_request, cell, mean.memory_kib)]
    if mean.dedicated and limits[0]:
        limits.append(
            min(
                len(cell.free_dedicated) // mean.pinned,
                _usable_cpus(first, cell) // mean.dedicated,
            )
        )
    if first.cpu_policy != 'dedicated' and limits[0]:
        limits.extend(_overcommit_limits(mean, cell, host))
    return limits


def _overcommit_limits(
    mean: CellMean, cell: Cell, host: Host
) -> Iterator[int]:
    """How many the allocation ratios allow on a cell."""
    memory = cell.memory_mib * host.ram_allocation_ratio - cell.memory_used_mib
    yield max(0, int(memory * KIB_PER_MIB // mean.memory_kib))
    if mean.shared:
        cpus = (
            len(cell.shared_cpus) * host.cpu_allocation_ratio
            - cell.shared_used
        )
        yield max(0, int(cpus // mean.shared))


def _usable_cpus(guest: GuestCell, cell: Cell) -> int:
    """Free dedicated CPUs that the thread policy allows.

    The emulator, which may take any, is left out.
    """
    if guest.thread_policy == 'isolate':
        return cores.usable(cell, guest.thread_policy)
    if guest.thread_policy == 'require':
        return sum(len(core) for core in cell.free_cores if len(core) > 1)
    return len(cell.free_dedicated)


def _memory_headroom(
    fit_request: FitRequest, cell: Cell, memory_kib: int
) -> int:
    """How many find free memory; PLENTY where only a ratio limits them."""
    guest = fit_request.guest.cells[0]
    if guest.page_size:
        sizes: Sequence[int] = page_sizes(cell, guest.page_size)
    elif cell.pages:
        sizes = [min(pool.size_kib for pool in cell.pages)]
    else:
        # Claims fail on a cell that reports no page pools.
        return 0
    if fit_request.single_shape:
        sizes = [size for size in sizes if memory_kib % size == 0]
    if not guest.page_size and not guest.pinned:
        whole = {pool.size_kib: pool.total for pool in cell.pages}
        fits = any(whole[size] * size >= memory_kib for size in sizes)
        return PLENTY if fits else 0
    return sum(
        max(0, cell.free_pages(size)) * size // memory_kib for size in sizes
    )


class _DeviceNeed(NamedTuple):
    """``wanted`` devices for each instance, and the free ones by NUMA node.

    ``anywhere`` is whether some of them need not be on the guest's cells.
    """

    wanted: int
    free: Mapping[int | None, int]
    anywhere: bool
    policy: str

    def near(self, cell: Cell) -> int:
        """How many instances find their devices on a cell."""
        return self.free.get(cell.id, 0) // self.wanted

    def on(self, cells: Sequence[Cell] | None) -> int:
        """How many instances find their devices on cells, or anywhere."""
        if cells is None or self.policy in ('preferred', 'socket'):
            return sum(self.free.values()) // self.wanted
        found = sum(self.free.get(cell.id, 0) for cell in cells)
        if self.policy == 'legacy':
            found += self.free.get(None, 0)
        return found // self.wanted


def _device_needs(fit_request: FitRequest, host: Host) -> list[_DeviceNeed]:
    """The devices of a guest, with requests for the same ones added up."""
    return _needs_of_pools(
        fit_request,
        [(pool, fit_request.matches(pool).usable) for pool in host.pools],
    )


def _needs_of_pools(
    fit_request: FitRequest, pools: Sequence[tuple[DevicePool, int]]
) -> list[_DeviceNeed]:
    """As :func:`_device_needs`, with which requests may use each pool."""
    counts: dict[tuple[int, str], int] = {}
    for index, request in enumerate(fit_request.guest.devices):
        if not request.count:
            continue
        key = fit_request.first_equal_request(index), request.policy
        counts[key] = counts.get(key, 0) + request.count
    demands = []
    for (index, policy), count in counts.items():
        free: dict[int | None, int] = {}
        for pool, usable in pools:
            if usable >> index & 1:
                node = pool.numa_node
                free[node] = free.get(node, 0) + pool.count
        anywhere = policy in ('preferred', 'socket') or (
            policy == 'legacy' and None in free
        )
        demands.append(_DeviceNeed(count, free, anywhere, policy))
    return demands
