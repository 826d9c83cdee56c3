"""Answers of the stock filters, kept by what they depend on.

A stock filter takes milliseconds per host, and answers alike for two states
of one kind of machine in which a guest finds the same: so many free CPUs,
pages and devices per cell, or at least as many as it wants.
"""

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
import dataclasses
from typing import Any

from nova.scheduler import filters as nova_filters

from benchmarks.packing.computes import Compute
from benchmarks.packing.computes import CPU_RATIO


@dataclasses.dataclass(frozen=True, slots=True)
class FreeCell:
    """What a cell has left. ``pairs`` are cores with two free CPUs.

    ``pages`` are KiB by page size. ``order`` is what puts host cells in the
    order in which the fit tries them.
    """

    id: int
    cpus: int
    pairs: int
    floating: float
    memory_mib: int
    pages: tuple[int, ...]
    order: tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Free:
    """What a host has left: cells, and pools as cell, network, count."""

    machine: str
    cells: tuple[FreeCell, ...]
    pools: tuple[tuple[int, str, int], ...]


def free_on(compute: Compute) -> Free:
    """What a compute has left."""
    pools = tuple(
        (pool['numa_node'], pool.get('physical_network', ''), pool['count'])
        for pool in compute.stats.pools
    )
    return Free(
        compute.machine.name,
        tuple(_free_cell(cell, pools) for cell in compute.topology.cells),
        pools,
    )


def _free_cell(cell: Any, pools: tuple[tuple[int, str, int], ...]) -> FreeCell:
    dedicated = cell.pcpuset - cell.pinned_cpus
    memory = cell.memory - cell.memory_usage
    devices = sum(count for node, _, count in pools if node == cell.id)
    return FreeCell(
        cell.id,
        len(dedicated),
        sum(len(core & dedicated) > 1 for core in cell.siblings),
        len(cell.cpuset) * CPU_RATIO - cell.cpu_usage,
        memory,
        tuple(pages.free_kb for pages in cell.mempages),
        (memory, cell.cpu_usage, len(dedicated), devices),
    )


class Memory:
    """What hosts look like to guests, and the filters' answers on it."""

    def __init__(self, computes: Mapping[str, Compute]) -> None:
        self._computes = computes
        self._views: dict[tuple[str, int], tuple[int, Hashable]] = {}
        self._free: dict[str, tuple[int, Free]] = {}
        self._answers: dict[Hashable, tuple[bool, Any]] = {}

    def answer(
        self, one: Any, state: Any, spec: Any, ask: Callable[[], bool]
    ) -> bool:
        """The filter's answer, asked for if there is none yet.

        What a filter leaves in the host state's limits is kept, too.
        """
        key = (type(one), id(spec.flavor), self._view(state, spec))
        known = self._answers.get(key)
        if known is None:
            passes = ask()
            known = passes, state.limits.get('numa_topology')
            self._answers[key] = known
        elif known[1] is not None:
            state.limits['numa_topology'] = known[1]
        return known[0]

    def _view(self, state: Any, spec: Any) -> Hashable:
        compute = self._computes[state.host]
        # Specs of one flavor share it.
        key = state.host, id(spec.flavor)
        known = self._views.get(key)
        if known is None or known[0] != compute.version:
            known = compute.version, view(self._free_on(compute), spec)
            self._views[key] = known
        return known[1]

    def _free_on(self, compute: Compute) -> Free:
        known = self._free.get(compute.name)
        if known is None or known[0] != compute.version:
            known = compute.version, free_on(compute)
            self._free[compute.name] = known
        return known[1]


class Remembering(nova_filters.BaseHostFilter):
    """A filter whose answers are remembered."""

    def __init__(self, inner: Any, memory: Memory) -> None:
        self._inner = inner
        self._memory = memory

    def host_passes(self, host_state: Any, filter_properties: Any) -> bool:
        """As the filter itself."""
        return self._memory.answer(
            self._inner,
            host_state,
            filter_properties,
            lambda: self._inner.host_passes(host_state, filter_properties),
        )


def view(free: Free, spec: Any) -> Hashable:
    """All of a host that decides whether a guest fits."""
    wanted = spec.numa_topology.cells
    cpus = max(len(cell.pcpuset) for cell in wanted)
    shared = max(len(cell.cpuset) for cell in wanted)
    memory = max(cell.memory for cell in wanted)
    devices = sum(request.count for request in spec.pci_requests.requests)
    pools = _pools_view(free, devices)
    seen = [
        (_cell_view(cell, cpus, shared, memory), pools.get(cell.id, ()))
        for cell in free.cells
    ]
    if len(wanted) == 1 and not _far(spec):
        # One cell and what is on it decide: it matters only which there are.
        return frozenset(seen), _networks(pools, devices)
    return free.machine, tuple(seen), _order(free, wanted)


def _far(spec: Any) -> bool:
    """Whether devices may come from other cells than the guest's."""
    return any(
        'numa_policy' in request
        and request.numa_policy in ('preferred', 'socket')
        for request in spec.pci_requests.requests
    )


def _pools_view(free: Free, devices: int) -> dict[int, Any]:
    """By cell, which networks its pools are on and what they have."""
    by_cell: dict[int, Any] = {}
    if devices:
        for node, network, count in free.pools:
            pool = network, min(count, devices)
            by_cell.setdefault(node, []).append(pool)
    return {cell: tuple(sorted(pools)) for cell, pools in by_cell.items()}


def _networks(pools: Mapping[int, Any], devices: int) -> Hashable:
    """What all cells have together, which the device filter looks at."""
    free: dict[str, int] = {}
    for cell_pools in pools.values():
        for network, count in cell_pools:
            free[network] = min(free.get(network, 0) + count, devices)
    return tuple(sorted(free.items()))


def _cell_view(
    cell: FreeCell, cpus: int, shared: int, memory: int
) -> Hashable:
    pages = tuple(min(size, memory * 1024) for size in cell.pages)
    if cpus:
        return min(cell.cpus, cpus), min(cell.pairs, cpus), pages
    return min(cell.floating, shared), min(cell.memory_mib, memory), pages


def _order(free: Free, wanted: Any) -> Hashable:
    """What puts host cells in order, where the order may decide.

    With unequal guest cells the fit depends on which it tries first.
    """
    sizes = {
        (len(cell.pcpuset), len(cell.cpuset), cell.memory) for cell in wanted
    }
    if len(sizes) == 1 or len(free.cells) <= len(wanted):
        return ()
    return tuple(
        _ranks(values)
        for values in zip(*(cell.order for cell in free.cells), strict=True)
    )


def _ranks(values: tuple[int, ...]) -> tuple[int, ...]:
    order = sorted(set(values))
    return tuple(order.index(value) for value in values)
