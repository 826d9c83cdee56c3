"""A host's hardware and mirrored usage, as the provider tree carries them.

Placement knows counts, not CPU numbers: which CPU is pinned is known to
nova-compute and, through HostState, to the scheduler.
"""

from collections.abc import Mapping
import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class PageCapacity:
    """Pages of one size on a cell, ``usable`` by guests.

    ``reserved`` pages come on top of them. A bulk read of Placement does
    not return them, hence they do not take part in comparisons.
    """

    size_kib: int
    usable: int
    reserved: int = dataclasses.field(default=0, compare=False)


@dataclasses.dataclass(frozen=True, slots=True)
class PoolTopology:
    """Devices of one kind at one place.

    ``total`` counts free and used ones. ``parent`` is the PCI address that
    ties virtual functions to their physical function, as in
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
        """What tells pools of one host apart.

        Made of all that a bulk read of Placement shows of the pool but its
        size, so that it stays the same while the hardware does.
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

    ``address`` is the ``parent`` of its pool of virtual functions, of which
    it can have ``vfs``. ``link_mbps`` is the speed of its link. Of the two at
    least one is known.
    """

    address: str
    vfs: int | None = None
    link_mbps: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class CellTopology:
    """The hardware of one cell: CPUs and cores are counts, memory is MiB.

    ``cores`` counts cores of which Nova may use at least one thread.
    ``distances`` maps the ids of other cells to ACPI SLIT distances, ``l3``
    are numbers of the L3 caches behind which its CPUs are: a cell may have
    several, and two cells with one number share a cache. ``offline_cpus``
    could be brought online.
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


@dataclasses.dataclass(frozen=True, slots=True)
class HostUsage:
    """What guests use, per cell and pool: the mirrored allocations.

    The keys of ``dedicated_cpus``, ``shared_cpus`` and ``memory_mib`` are
    cell ids, of ``pages`` pairs of cell id and page size in KiB, of
    ``devices`` pool keys. Zeroes are left out.
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
    """One host's provider tree, decoded.

    ``name`` is the hypervisor hostname, ``uuid`` the compute node's uuid.
    ``domains`` maps kinds of failure domains, such as ``rack``, to the name
    of the one that the host is in. ``functions`` come by address.

    Nova-compute does not report the distances, L3 caches and offline CPUs of
    cells, nor any function: these are known where the host's own sysfs was
    published.
    """

    name: str
    uuid: str
    cells: tuple[CellTopology, ...] = ()
    pools: tuple[PoolTopology, ...] = ()
    usage: HostUsage = dataclasses.field(default_factory=HostUsage)
    domains: Mapping[str, str] = dataclasses.field(default_factory=dict)
    functions: tuple[FunctionTopology, ...] = ()
