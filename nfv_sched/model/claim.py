"""Whether a guest fits a host: where, or why not."""

from collections.abc import Collection
import dataclasses
import enum
import functools
from typing import NamedTuple


class Resource(enum.StrEnum):
    """What a host lacked."""

    CELLS = 'cells'
    DEDICATED_CPUS = 'dedicated_cpus'
    SIBLINGS = 'siblings'
    SHARED_CPUS = 'shared_cpus'
    MEMORY = 'memory'
    PAGES = 'pages'
    DEVICES = 'devices'
    PCIE_ROOT = 'pcie_root'
    NETWORK = 'network'
    COMBINATION = 'combination'
    DIFFERENT_NODES = 'different_nodes'
    CLAIM = 'claim'
    CANDIDATES = 'candidates'


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """One shortage: of what, where, how much was asked and was there.

    ``asked`` and ``available`` count CPUs, pages, devices or cells, memory
    in MiB. ``cell`` is the id of a host cell, None where the host as a whole
    falls short; ``guest_cell`` is the index of the guest cell that asked.
    """

    resource: Resource
    text: str
    cell: int | None = None
    guest_cell: int | None = None
    asked: int | None = None
    available: int | None = None

    def __str__(self) -> str:
        return self.text


@dataclasses.dataclass(frozen=True, slots=True)
class CellClaim:
    """Where the claim puts one guest cell.

    ``pinning`` maps guest CPUs to host CPUs as pairs; ``reserved`` are the
    host CPUs for the emulator threads; ``page_size_kib`` is None where the
    guest did not ask for a page size.
    """

    guest_cell: int
    host_cell: int
    pinning: tuple[tuple[int, int], ...] = ()
    reserved: frozenset[int] = frozenset()
    page_size_kib: int | None = None

    @property
    def host_cpus(self) -> frozenset[int]:
        """The host CPUs that guest CPUs and emulator threads are pinned to."""
        return (
            frozenset(host_cpu for _, host_cpu in self.pinning) | self.reserved
        )


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceClaim:
    """``count`` devices of the host's pool number ``pool`` for a request."""

    request: int
    pool: int
    count: int


@dataclasses.dataclass(frozen=True, slots=True)
class AcceleratorClaim:
    """``count`` accelerators of one card, and where the card is if known."""

    count: int
    numa_node: int | None = None
    pcie_root: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ClaimOutcome:
    """What the claim will take, predicted.

    The claim does not choose the ``accelerators``, which Placement allocates:
    they are added where an allocation candidate is known.
    """

    cells: tuple[CellClaim, ...] = ()
    devices: tuple[DeviceClaim, ...] = ()
    accelerators: tuple[AcceleratorClaim, ...] = ()

    @property
    def nodes(self) -> tuple[int, ...]:
        """The ids of the host nodes, by guest node."""
        cells = sorted(self.cells, key=lambda cell: cell.guest_cell)
        return _same(tuple(cell.host_cell for cell in cells))

    @property
    def pinned_cpus(self) -> frozenset[int]:
        """The host CPUs of all guest NUMA nodes."""
        return frozenset().union(*(cell.host_cpus for cell in self.cells))

    def with_accelerators(
        self, accelerators: tuple[AcceleratorClaim, ...]
    ) -> 'ClaimOutcome':
        """The outcome with accelerators."""
        if not accelerators:
            return self
        return dataclasses.replace(self, accelerators=accelerators)


@functools.lru_cache(maxsize=4096)
def _same(nodes: tuple[int, ...]) -> tuple[int, ...]:
    """One object for equal values: thousands of hosts have the same."""
    return nodes


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one guest and one host at one moment.

    ``outcome`` is set exactly when the guest fits, ``reasons`` is not
    empty exactly when it does not.
    """

    outcome: ClaimOutcome | None = None
    reasons: tuple[Reason, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether nova-compute's claim succeeds on this state."""
        return self.outcome is not None


class NodeChoice(NamedTuple):
    """The sets of host nodes that a claim may take, by their ids.

    It must take all ``required`` nodes. An instance of one node does not get
    one of the ``excluded`` nodes, which bind no other instance.
    """

    required: frozenset[int] = frozenset()
    excluded: frozenset[int] = frozenset()

    @property
    def restricts(self) -> bool:
        """Whether there is any set that it does not allow."""
        return bool(self.required or self.excluded)

    def allows(self, nodes: Collection[int]) -> bool:
        """Whether the claim may take this set of nodes."""
        if not self.required.issubset(nodes):
            return False
        return len(nodes) != 1 or self.excluded.isdisjoint(nodes)
