"""A host as its nova-compute reported it: cells, page pools, devices."""

from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
import dataclasses

from nfv_sched.model.copying import Copyable
from nfv_sched.model.lazy import Lazy


@dataclasses.dataclass(frozen=True, slots=True)
class PagePool(Copyable):
    """Pages of one size on one cell. Counts are pages, the size is KiB."""

    size_kib: int
    total: int
    used: int = 0
    reserved: int = 0

    @property
    def free(self) -> int:
        """Pages that a guest may still take; negative when overcommitted."""
        return self.total - self.used - self.reserved


@dataclasses.dataclass(frozen=True)
class Cell(Copyable):
    """One NUMA cell of a host.

    ``siblings`` are the hardware threads of each core, restricted to the
    CPUs that Nova may use. ``physnets`` and ``tunneled`` are the networks
    for which the host declares this cell to be the near one. ``labels`` are
    the names by which limits can restrict a claim to chosen cells.

    Memory is MiB. ``shared_used`` is how many guest CPUs run on the shared
    CPUs, which may exceed their number.
    """

    id: int
    memory_mib: int
    memory_used_mib: int = 0
    shared_cpus: AbstractSet[int] = frozenset()
    shared_used: int = 0
    dedicated_cpus: AbstractSet[int] = frozenset()
    pinned_cpus: AbstractSet[int] = frozenset()
    siblings: Sequence[AbstractSet[int]] = ()
    pages: Sequence[PagePool] = ()
    socket: int | None = None
    physnets: AbstractSet[str] = frozenset()
    tunneled: bool = False
    labels: AbstractSet[str] = frozenset()

    def free_pages(self, size_kib: int) -> int:
        """Pages of one size that guests may still take.

        Negative where they took too many, and where there is no pool of
        that size at all.
        """
        for pool in self.pages:
            if pool.size_kib == size_kib:
                return pool.free
        return -1

    def has_free_dedicated(self, wanted: int) -> bool:
        """Whether at least ``wanted`` dedicated CPUs are free.

        Mostly without making the set of them: no more can be pinned than
        are counted.
        """
        left = len(self.dedicated_cpus) - len(self.pinned_cpus)
        return left >= wanted or len(self.free_dedicated) >= wanted

    @Lazy
    def free_dedicated(self) -> AbstractSet[int]:
        """Dedicated CPUs that no guest is pinned to."""
        return self.dedicated_cpus - self.pinned_cpus

    @property
    def free_memory_mib(self) -> int:
        """Memory that no guest has taken, in MiB; may be negative."""
        return self.memory_mib - self.memory_used_mib

    @Lazy
    def threads_per_core(self) -> int:
        """The largest number of threads that any core of the cell has."""
        return max(map(len, self.siblings), default=1) or 1

    @Lazy
    def free_cores(self) -> Sequence[AbstractSet[int]]:
        """The free dedicated threads of each core that has any."""
        free = self.free_dedicated
        return [left for core in self.siblings if (left := core & free)]

    @Lazy
    def regular(self) -> bool:
        """Whether the cell has cores, and each CPU belongs to exactly one.

        So it is on real hosts. Where it is not, counts of free CPUs do not
        show which can be taken together.
        """
        return partitions(self.siblings, self.dedicated_cpus)


def partitions(
    cores: Sequence[AbstractSet[int]], cpus: AbstractSet[int]
) -> bool:
    """Whether there are cores, which do not overlap and hold all ``cpus``."""
    threads: set[int] = set().union(*cores)
    return len(threads) == sum(map(len, cores)) > 0 and threads >= cpus


@dataclasses.dataclass(frozen=True)
class DevicePool(Copyable):
    """Like devices of one host, of which ``count`` are free.

    ``address`` is the PCI address of the physical function that virtual
    functions belong to, of the device itself for all other types; None from
    nova-computes that do not report it. ``pcie_root`` is published, not
    reported: None where it is unknown or of no use. ``tags`` is everything
    else a
    request may match: ``physical_network``, ``trusted``, ...
    """

    vendor_id: str
    product_id: str
    dev_type: str | None
    count: int
    numa_node: int | None = None
    address: str | None = None
    rp_uuid: str | None = None
    tags: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    pcie_root: str | None = None

    def get(self, key: str) -> str | int | None:
        """The property that a request's spec knows as ``key``."""
        if key in _PROPERTIES:
            value: str | int | None = getattr(self, key)
            return value
        return self.tags.get(key)


_PROPERTIES = frozenset(
    ('vendor_id', 'product_id', 'dev_type', 'numa_node', 'address', 'rp_uuid')
)


@dataclasses.dataclass(frozen=True)
class Host(Copyable):
    """A host at one moment.

    ``cells`` keeps the order in which Nova holds them, and ``pools`` the
    order in which Nova tries them: both decide what a claim takes.
    ``cells`` is empty for a host that reports no NUMA topology.
    ``claims_sort_by_devices`` is whether a claim sorts the cells by devices
    for every instance, as from Nova 34 on, or only for one that asks for
    devices.
    """

    name: str
    cells: Sequence[Cell] = ()
    pools: Sequence[DevicePool] = ()
    cpu_allocation_ratio: float = 1.0
    ram_allocation_ratio: float = 1.0
    claims_sort_by_devices: bool = True
