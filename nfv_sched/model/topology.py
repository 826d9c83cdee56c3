"""A host's hardware and mirrored usage, as its provider tree holds them.

Placement holds counts, not CPU numbers: nova-compute and, through HostState,
the scheduler know which CPUs are pinned.
"""

from collections.abc import Mapping
import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class PageCapacity:
    """Pages of one size on a cell: ``usable`` for guests, and ``reserved``.

    The total is the sum of both. A bulk read of Placement does not return
    reserved pages, hence comparisons ignore them.
    """

    size_kib: int
    usable: int
    reserved: int = dataclasses.field(default=0, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class PoolTopology:
    """Devices of one kind on one NUMA node, or on none.

    ``total`` counts free and used devices. ``parent`` is the PCI address that
    links virtual functions to their physical function, as the address of
    :class:`nfv_sched.model.host.DevicePool`.
    """

    vendor_id: str
    product_id: str
    dev_type: str
    total: int
    numa_node: int | None = None
    parent: str | None = None
    physnet: str | None = None

    @property
    def key(self) -> str:
        """The pool's key, unique on its host.

        It contains all that a bulk read of Placement shows of the pool except
        its size, and does not change while the hardware does not.
        """
        node = '-' if self.numa_node is None else str(self.numa_node)
        return '/'.join(
            (
                f'{self.vendor_id}:{self.product_id}',
                self.dev_type,
                f'numa{node}',
                self.parent or '-',
                self.physnet or '-',
            )
        )


@dataclasses.dataclass(frozen=True, slots=True)
class FunctionTopology:
    """A physical function: a port of a network card, or an accelerator.

    ``address`` is the ``parent`` of its pool of virtual functions. ``vfs`` is
    the highest number of its virtual functions, ``link_mbps`` the speed of
    its link in Mbit/s, ``pcie_root`` the PCIe root that it is below, such as
    ``pci0000:3a``, ``numa_node`` its NUMA node; at least one of the four is
    known.
    """

    address: str
    vfs: int | None = None
    link_mbps: int | None = None
    pcie_root: str | None = None
    numa_node: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class CellTopology:
    """The hardware of one NUMA node: counts of CPUs and cores, MiB of memory.

    ``cores`` counts the cores of which Nova may use at least one thread.
    ``distances`` maps the ids of cells to ACPI SLIT distances. ``l3`` are the
    numbers of the L3 caches that its CPUs use: a cell may have several, and
    two cells with the same number share a cache. ``offline_cpus`` counts its
    CPUs that are present but not online, without the dedicated ones.
    """

    id: int
    memory_mib: int = 0
    dedicated_cpus: int = 0
    shared_cpus: int = 0
    cores: int = 0
    socket: int | None = None
    pages: tuple[PageCapacity, ...] = ()
    distances: Mapping[int, int] = dataclasses.field(default_factory=dict)
    physnets: frozenset[str] = frozenset()
    tunneled: bool = False
    l3: frozenset[int] = frozenset()
    offline_cpus: int = 0

    @property
    def threads_per_core(self) -> int:
        """The most threads of any core, if CPUs are spread over cores evenly.

        1 where no cores are known.
        """
        if not self.cores:
            return 1
        return -(-(self.dedicated_cpus + self.shared_cpus) // self.cores)


@dataclasses.dataclass(frozen=True, slots=True)
class HostUsage:
    """The amounts in use by cell and pool: the mirrored allocations.

    The keys of ``dedicated_cpus``, ``shared_cpus`` and ``memory_mib`` are
    cell ids, those of ``pages`` pairs of cell id and page size in KiB, those
    of ``devices`` pool keys. Amounts of 0 are left out.
    """

    dedicated_cpus: Mapping[int, int] = dataclasses.field(default_factory=dict)
    shared_cpus: Mapping[int, int] = dataclasses.field(default_factory=dict)
    memory_mib: Mapping[int, int] = dataclasses.field(default_factory=dict)
    pages: Mapping[tuple[int, int], int] = dataclasses.field(
        default_factory=dict
    )
    devices: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class HostTopology:
    """The topology of one host.

    ``name`` is the hypervisor hostname, ``uuid`` the compute node's uuid.
    ``domains`` maps kinds of failure domains, such as ``rack``, to the name
    of the host's domain. ``functions`` are sorted by address.

    Nova-compute does not report the distances, L3 caches and offline CPUs of
    cells, nor functions: they are known where the publisher on the host
    itself publishes its sysfs.
    """

    name: str
    uuid: str
    cells: tuple[CellTopology, ...] = ()
    pools: tuple[PoolTopology, ...] = ()
    usage: HostUsage = dataclasses.field(default_factory=HostUsage)
    domains: Mapping[str, str] = dataclasses.field(default_factory=dict)
    functions: tuple[FunctionTopology, ...] = ()

    def pcie_roots(self) -> dict[str, str | None]:
        """The PCIe roots of the functions by address; None if not known."""
        return {
            function.address: function.pcie_root for function in self.functions
        }
