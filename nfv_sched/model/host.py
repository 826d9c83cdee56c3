"""A host as its nova-compute reported it: cells, page pools, devices."""

from collections.abc import Mapping
import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class PagePool:
    """Pages of one size on one cell. Counts are pages, the size is KiB."""

    size_kib: int
    total: int
    used: int = 0
    reserved: int = 0

    @property
    def free(self) -> int:
        """Pages that a guest may still take; negative when overcommitted."""
        return self.total - self.used - self.reserved


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """One NUMA cell of a host.

    ``siblings`` are the hardware threads of each core, restricted to the
    CPUs that Nova may use. ``physnets`` and ``tunneled`` are the networks
    for which the host declares this cell to be the near one.

    Memory is MiB. ``shared_used`` is how many guest CPUs run on the shared
    CPUs, which may exceed their number.
    """

    id: int
    memory_mib: int
    memory_used_mib: int = 0
    shared_cpus: frozenset[int] = frozenset()
    shared_used: int = 0
    dedicated_cpus: frozenset[int] = frozenset()
    pinned_cpus: frozenset[int] = frozenset()
    siblings: tuple[frozenset[int], ...] = ()
    pages: tuple[PagePool, ...] = ()
    socket: int | None = None
    physnets: frozenset[str] = frozenset()
    tunneled: bool = False

    @property
    def free_dedicated(self) -> frozenset[int]:
        """Dedicated CPUs that no guest is pinned to."""
        return self.dedicated_cpus - self.pinned_cpus

    @property
    def free_memory_mib(self) -> int:
        """Memory that no guest has taken, in MiB; may be negative."""
        return self.memory_mib - self.memory_used_mib

    @property
    def threads_per_core(self) -> int:
        """The largest number of threads that any core of the cell has."""
        return max(map(len, self.siblings), default=1) or 1


@dataclasses.dataclass(frozen=True, slots=True)
class DevicePool:
    """Like devices of one host, of which ``count`` are free.

    ``address`` is the PCI address of the physical function that virtual
    functions belong to, of the device itself for all other types; None from
    nova-computes that do not report it. ``tags`` is everything else a
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


@dataclasses.dataclass(frozen=True, slots=True)
class Host:
    """A host at one moment.

    ``cells`` keeps the order in which Nova holds them, and ``pools`` the
    order in which Nova tries them: both decide what a claim takes.
    ``cells`` is empty for a host that reports no NUMA topology.
    """

    name: str
    cells: tuple[Cell, ...] = ()
    pools: tuple[DevicePool, ...] = ()
    cpu_allocation_ratio: float = 1.0
    ram_allocation_ratio: float = 1.0
