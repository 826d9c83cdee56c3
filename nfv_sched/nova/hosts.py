"""Nova's HostState as a host."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from nova import objects

from nfv_sched.model import Cell
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.model import PagePool

# Keys of a pool that are not tags to match.
_POOL_FIELDS = frozenset(
    (
        'vendor_id',
        'product_id',
        'dev_type',
        'numa_node',
        'address',
        'rp_uuid',
        'count',
        'devices',
    )
)


def host_of(state: Any) -> Host:
    """What a HostState knows of cells, page pools and devices.

    :raises Exception: whatever a malformed state makes Nova's objects raise
    """
    topology = state.numa_topology
    return Host(
        name=state.nodename,
        cells=cells_of(topology) if topology else (),
        pools=pools_of(state.pci_stats.pools) if state.pci_stats else (),
        cpu_allocation_ratio=state.cpu_allocation_ratio or 1.0,
        ram_allocation_ratio=state.ram_allocation_ratio or 1.0,
    )


def cells_of(topology: Any) -> tuple[Cell, ...]:
    """The cells of a nova.objects.NUMATopology."""
    return tuple(map(_cell, topology.cells))


def _cell(cell: Any) -> Cell:
    network = cell.network_metadata if 'network_metadata' in cell else None
    return Cell(
        id=cell.id,
        memory_mib=cell.memory,
        memory_used_mib=cell.memory_usage,
        shared_cpus=frozenset(cell.cpuset),
        shared_used=cell.cpu_usage,
        dedicated_cpus=frozenset(cell.pcpuset),
        pinned_cpus=frozenset(cell.pinned_cpus),
        siblings=tuple(map(frozenset, cell.siblings)),
        pages=tuple(map(_page_pool, cell.mempages)),
        socket=cell.socket if 'socket' in cell else None,
        physnets=frozenset(network.physnets) if network else frozenset(),
        tunneled=network.tunneled if network else False,
    )


def _page_pool(pages: Any) -> PagePool:
    return PagePool(
        size_kib=pages.size_kb,
        total=pages.total,
        used=pages.used,
        reserved=pages.reserved if 'reserved' in pages else 0,
    )


def pools_of(pools: Iterable[Mapping[str, Any]]) -> tuple[DevicePool, ...]:
    """The pools of a PciDeviceStats, as dicts, in their order."""
    return tuple(
        DevicePool(
            vendor_id=pool['vendor_id'],
            product_id=pool['product_id'],
            dev_type=pool.get('dev_type'),
            count=pool['count'],
            numa_node=pool.get('numa_node'),
            address=pool.get('address'),
            rp_uuid=pool.get('rp_uuid'),
            tags={k: v for k, v in pool.items() if k not in _POOL_FIELDS},
        )
        for pool in pools
    )


def state_key(state: Any) -> tuple[object, ...]:
    """What changes when something is consumed from a HostState.

    ``consume_from_request`` replaces the topology, counts the instance and
    lowers the counts of pools in place.
    """
    pools = state.pci_stats.pools if state.pci_stats else ()
    return (
        id(state.numa_topology),
        state.num_instances,
        tuple(pool['count'] for pool in pools),
    )


def set_limits(state: Any, spec: Any) -> None:
    """Hand the claim its limits, as the stock NUMATopologyFilter does."""
    limits = objects.NUMATopologyLimits(
        cpu_allocation_ratio=state.cpu_allocation_ratio or 1.0,
        ram_allocation_ratio=state.ram_allocation_ratio or 1.0,
    )
    if 'network_metadata' in spec and spec.network_metadata:
        limits.network_metadata = spec.network_metadata
    state.limits['numa_topology'] = limits
