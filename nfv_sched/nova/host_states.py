"""Nova's HostState as a host.

Reading a versioned object's field costs more than deciding on it, and a
request has thousands of hosts: cells and pools read a field when it is asked
for, and most are not. They read it where oslo.versionedobjects keeps it,
``_obj_<name>``, which takes a tenth of the time that its property takes.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
import operator
import types
from typing import Any

from nova.pci import stats

from nfv_sched.fit import PerCellDemand
from nfv_sched.model import Cell
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.model import PagePool
from nfv_sched.model.host import partitions
from nfv_sched.model.lazy import Lazy
from nfv_sched.nova import node_labels
from nfv_sched.nova import releases
from nfv_sched.nova.types import ComputeNode
from nfv_sched.nova.types import ComputeService
from nfv_sched.nova.types import HostState

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

    plain_type = Cell

    _source: Any

    def __init__(self, source: Any) -> None:
        own = self.__dict__
        own['id'] = source._obj_id
        own['_source'] = source

    def free_pages(self, size_kib: int) -> int:
        """As :meth:`Cell.free_pages`, without making pools first."""
        for pages in self._source._obj_mempages:
            if pages._obj_size_kb == size_kib:
                return _free_page_count(pages)
        return -1

    def has_free_dedicated(self, wanted: int) -> bool:
        """As :meth:`Cell.has_free_dedicated`, keeping nothing."""
        source = self._source
        left = len(source._obj_pcpuset) - len(source._obj_pinned_cpus)
        return left >= wanted or len(self.free_dedicated) >= wanted

    @property
    def free_memory_mib(self) -> int:
        """Memory that no guest has taken, in MiB; may be negative."""
        source = self._source
        free: int = source._obj_memory - source._obj_memory_usage
        return free


def _free_page_count(pages: Any) -> int:
    """Free pages of a nova.objects.NUMAPagesTopology."""
    free: int = (
        pages._obj_total - pages._obj_used - getattr(pages, '_obj_reserved', 0)
    )
    return free


class ReportedPages(PagePool):
    """Pages that read a nova.objects.NUMAPagesTopology when asked.

    Each field is asked for once at most, so nothing is kept.
    """

    plain_type = PagePool

    __slots__ = ('_source',)
    _source: Any

    def __init__(self, source: Any) -> None:
        # Past the frozen dataclass, which guards its fields.
        _set(self, '_source', source)
        _set(self, 'size_kib', source._obj_size_kb)

    @property
    def total(self) -> int:
        """Pages of this size on the cell."""
        total: int = self._source._obj_total
        return total

    @property
    def used(self) -> int:
        """Pages that guests have taken."""
        used: int = self._source._obj_used
        return used

    @property
    def reserved(self) -> int:
        """Pages that the host keeps for itself."""
        return getattr(self._source, '_obj_reserved', 0)

    @property
    def free(self) -> int:
        """Pages that a guest may still take."""
        return _free_page_count(self._source)


_set = object.__setattr__


class ReportedPool(DevicePool):
    """A pool that reads a dict of PciDeviceStats."""

    plain_type = DevicePool

    def __init__(self, source: Mapping[str, Any]) -> None:
        # What every request for devices asks is not left for later.
        own = self.__dict__
        own['count'] = source['count']
        own['numa_node'] = source.get('numa_node')
        own['get'] = source.get
        own['_source'] = source


class ReportedHost(Host):
    """A host that reads a HostState part by part."""

    plain_type = Host

    def __init__(self, state: HostState) -> None:
        self.__dict__['_source'] = state


def _network(cell: Any) -> Any:
    return getattr(cell, '_obj_network_metadata', None)


#: Of computes that declare no networks per NUMA node.
_NO_NETWORK = types.SimpleNamespace(_obj_physnets=None, _obj_tunneled=None)


def _physnets(cell: Any) -> AbstractSet[str]:
    """The physical networks of a cell, with its labels."""
    return getattr(_network(cell), 'physnets', frozenset())


_CELL_FIELDS = {
    'memory_mib': operator.attrgetter('_obj_memory'),
    'memory_used_mib': operator.attrgetter('_obj_memory_usage'),
    'shared_cpus': operator.attrgetter('_obj_cpuset'),
    'shared_used': operator.attrgetter('_obj_cpu_usage'),
    'dedicated_cpus': operator.attrgetter('_obj_pcpuset'),
    'pinned_cpus': operator.attrgetter('_obj_pinned_cpus'),
    'siblings': operator.attrgetter('_obj_siblings'),
    'pages': lambda cell: tuple(map(ReportedPages, cell._obj_mempages)),
    'socket': lambda cell: getattr(cell, '_obj_socket', None),
    'physnets': lambda cell: node_labels.without_labels(_physnets(cell)),
    'labels': lambda cell: node_labels.labels_among(_physnets(cell)),
    'tunneled': lambda cell: getattr(_network(cell), 'tunneled', False),
    'regular': lambda cell: partitions(cell._obj_siblings, cell._obj_pcpuset),
}
_DEVICE_FIELDS = {
    'vendor_id': lambda pool: pool['vendor_id'],
    'product_id': lambda pool: pool['product_id'],
    'dev_type': lambda pool: pool.get('dev_type'),
    'address': lambda pool: pool.get('address'),
    'rp_uuid': lambda pool: pool.get('rp_uuid'),
    'tags': lambda pool: {
        k: v for k, v in pool.items() if k not in _POOL_FIELDS
    },
}


_HOST_FIELDS = {
    'name': operator.attrgetter('nodename'),
    'cells': lambda state: cells_of(state.numa_topology),
    'pools': lambda state: (
        pools_of(state.pci_stats.pools) if state.pci_stats else ()
    ),
    'cpu_allocation_ratio': lambda state: state.cpu_allocation_ratio or 1.0,
    'ram_allocation_ratio': lambda state: state.ram_allocation_ratio or 1.0,
    'claims_sort_by_devices': lambda state: releases.claims_sort_by_devices(
        state.service.get('version')
    ),
}


def _read_lazily(cls: type, readers: Mapping[str, Any]) -> None:
    """Make each field of ``cls`` one that reads its source when asked."""
    for name, read in readers.items():
        field: Lazy[Any] = Lazy(read, '_source')
        field.__set_name__(cls, name)
        setattr(cls, name, field)


_read_lazily(ReportedCell, _CELL_FIELDS)
_read_lazily(ReportedPool, _DEVICE_FIELDS)
_read_lazily(ReportedHost, _HOST_FIELDS)


def host_of(state: HostState) -> Host:
    """What a HostState knows of cells, page pools and devices.

    The answer reads the state's objects later: it is good until something
    is consumed from the state.

    :raises Exception: whatever a malformed state makes Nova's objects raise,
        when the answer is used
    """
    return ReportedHost(state)


def cells_of(topology: Any) -> tuple[Cell, ...]:
    """The cells of a nova.objects.NUMATopology; none where it is None."""
    if topology is None:
        return ()
    return tuple(map(ReportedCell, topology._obj_cells))


def pools_of(pools: Iterable[Mapping[str, Any]]) -> tuple[DevicePool, ...]:
    """The pools of a PciDeviceStats, as dicts, in their order."""
    return tuple(map(ReportedPool, pools))


def lacks_pages(
    state: HostState, per_cell_demand: PerCellDemand, wanted: int
) -> bool:
    """Whether fewer than ``wanted`` cells of a HostState have the pages.

    What costs least to know of a host, before anything is made of it.
    """
    topology = state.numa_topology
    if topology is None:
        return True
    size, pages = per_cell_demand.size_kib, per_cell_demand.pages
    cells = topology._obj_cells
    spare = len(cells) - wanted
    for cell in cells:
        for pool in cell._obj_mempages:
            if pool._obj_size_kb == size:
                if _free_page_count(pool) < pages:
                    spare -= 1
                break
        else:
            spare -= 1
        if spare < 0:
            return True
    return False


def state_fingerprint(state: HostState) -> tuple[object, ...]:
    """What differs between a HostState and earlier or later ones.

    Two states of one host with equal fingerprints fit the same guests.
    Siblings and sockets are not read, since they follow from the CPUs on one
    machine; of shared CPUs only the number matters.

    :raises Exception: whatever a malformed state makes Nova's objects raise
    """
    topology, stats = state.numa_topology, state.pci_stats
    read: list[object] = [
        state.cpu_allocation_ratio,
        state.ram_allocation_ratio,
        state.service.get('version'),
    ]
    for cell in topology._obj_cells if topology else ():
        network = getattr(cell, '_obj_network_metadata', None) or _NO_NETWORK
        read += (
            len(cell._obj_cpuset),
            cell._obj_pcpuset,
            # A copy: Nova changes this set in place.
            frozenset(cell._obj_pinned_cpus),
            cell._obj_memory,
            cell._obj_memory_usage,
            cell._obj_cpu_usage,
            network._obj_physnets,
            network._obj_tunneled,
        )
        for pages in cell._obj_mempages:
            read += (
                pages._obj_size_kb,
                pages._obj_used,
                pages._obj_total,
                getattr(pages, '_obj_reserved', 0),
            )
    # The values of a pool, which holds no devices here, identify it.
    for pool in stats.pools if stats else ():
        read += pool.values()
    return tuple(read)


def host_of_compute_node(
    compute: ComputeNode,
    service: ComputeService | None,
    numa_topology: Any,
) -> Host:
    """The host that a ``nova.objects.ComputeNode`` reports.

    As nova-scheduler makes a HostState of it: the cells and pools keep the
    order in which Nova tries them.

    :param service: of its nova-compute, None if it has none
    :param numa_topology: as decoded from the record, None if it has none
    :raises Exception: whatever a malformed record makes Nova's objects raise
    """
    pools = stats.PciDeviceStats(numa_topology, stats=compute.pci_device_pools)
    return Host(
        compute.hypervisor_hostname,
        cells_of(numa_topology),
        pools_of(pools.pools),
        compute.cpu_allocation_ratio or 1.0,
        compute.ram_allocation_ratio or 1.0,
        releases.claims_sort_by_devices(service.version if service else None),
    ).plain()
