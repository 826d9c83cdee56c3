"""Nova's HostState as a host.

Reading a versioned object's field costs more than deciding on it, and a
request has thousands of hosts: cells and pools read a field when it is asked
for, and most are not.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
import functools
from typing import Any

from nfv_sched.model import Cell
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.model import PagePool
from nfv_sched.model.lazy import Lazy

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


class ReportedCell(Cell):
    """A cell that reads a nova.objects.NUMACell field by field."""

    def __init__(self, source: Any) -> None:
        self.__dict__['id'] = source.id
        self.__dict__['_source'] = source


class ReportedPool(DevicePool):
    """A pool that reads a dict of PciDeviceStats.

    ``count`` is read at once: Nova changes it in place.
    """

    _source: Mapping[str, Any]

    def __init__(self, source: Mapping[str, Any]) -> None:
        own = self.__dict__
        own['count'] = source['count']
        own['numa_node'] = source.get('numa_node')
        own['_source'] = source

    def get(self, key: str) -> str | int | None:
        """The property that a request's spec knows as ``key``."""
        value: str | int | None = self._source.get(key)
        return value


def _network(cell: Any) -> Any:
    return cell.network_metadata if 'network_metadata' in cell else None


def _page_pools(cell: Any) -> tuple[PagePool, ...]:
    return tuple(
        PagePool(
            pages.size_kb,
            pages.total,
            pages.used,
            pages.reserved if 'reserved' in pages else 0,
        )
        for pages in cell.mempages
    )


_CELL_FIELDS = {
    'memory_mib': lambda cell: cell.memory,
    'memory_used_mib': lambda cell: cell.memory_usage,
    'shared_cpus': lambda cell: cell.cpuset,
    'shared_used': lambda cell: cell.cpu_usage,
    'dedicated_cpus': lambda cell: cell.pcpuset,
    'pinned_cpus': lambda cell: cell.pinned_cpus,
    'siblings': lambda cell: cell.siblings,
    'pages': _page_pools,
    'socket': lambda cell: cell.socket if 'socket' in cell else None,
    'physnets': lambda cell: getattr(_network(cell), 'physnets', frozenset()),
    'tunneled': lambda cell: getattr(_network(cell), 'tunneled', False),
}
_POOL_READERS = {
    'vendor_id': lambda pool: pool['vendor_id'],
    'product_id': lambda pool: pool['product_id'],
    'dev_type': lambda pool: pool.get('dev_type'),
    'address': lambda pool: pool.get('address'),
    'rp_uuid': lambda pool: pool.get('rp_uuid'),
    'tags': lambda pool: {
        k: v for k, v in pool.items() if k not in _POOL_FIELDS
    },
}


def _read_lazily(cls: type, readers: Mapping[str, Any]) -> None:
    """Make each field of ``cls`` one that reads its source when asked."""
    for name, read in readers.items():
        field = Lazy(functools.partial(_read_source, read))
        field.__set_name__(cls, name)
        setattr(cls, name, field)


def _read_source(read: Callable[[Any], Any], instance: Any) -> Any:
    return read(instance._source)  # noqa: SLF001


_read_lazily(ReportedCell, _CELL_FIELDS)
_read_lazily(ReportedPool, _POOL_READERS)


def host_of(state: Any) -> Host:
    """What a HostState knows of cells, page pools and devices.

    The answer reads the state's objects later: it is good until something
    is consumed from the state.

    :raises Exception: whatever a malformed state makes Nova's objects raise,
        here or when the answer is used
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
    return tuple(map(ReportedCell, topology.cells))


def pools_of(pools: Iterable[Mapping[str, Any]]) -> tuple[DevicePool, ...]:
    """The pools of a PciDeviceStats, as dicts, in their order."""
    return tuple(map(ReportedPool, pools))


def state_key(state: Any) -> tuple[object, int]:
    """What changes when something is consumed from a HostState.

    ``consume_from_request`` counts the instance, and replaces the topology.
    """
    return state.numa_topology, state.num_instances
