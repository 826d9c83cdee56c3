"""The state of a host after a predicted claim.

As nova.virt.hardware ``numa_usage_from_instance_numa`` and nova.pci.stats
``PciDeviceStats.consume_requests`` leave it behind.
"""

from collections.abc import Sequence

from nfv_sched.fit.pools import left_after
from nfv_sched.fit.request import KIB_PER_MIB
from nfv_sched.model import Cell
from nfv_sched.model import CellClaim
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import DevicePool
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import PagePool


def apply_claim(guest: Guest, host: Host, outcome: ClaimOutcome) -> Host:
    """``host`` after the claim of ``guest`` had this outcome."""
    return StatesAfter(guest, host).after(outcome)


class StatesAfter:
    """A host's states after different outcomes of the claim of one guest.

    What is alike in several of them is the same object.
    """

    __slots__ = ('_cells', '_guest', '_host', '_pools')

    def __init__(self, guest: Guest, host: Host) -> None:
        self._guest = guest
        self._host = host
        self._cells: dict[CellClaim, Cell] = {}
        self._pools: dict[tuple[int, int], DevicePool] = {}

    def after(self, outcome: ClaimOutcome) -> Host:
        """The state after one outcome."""
        claims = {claim.host_cell: claim for claim in outcome.cells}
        return self._host.evolve(
            cells=tuple(
                self._cell(cell, claim)
                if (claim := claims.get(cell.id))
                else cell
                for cell in self._host.cells
            ),
            pools=left_after(self._host.pools, outcome.devices, self._pools),
        )

    def _cell(self, cell: Cell, claim: CellClaim) -> Cell:
        known = self._cells.get(claim)
        if known is None:
            guest = self._guest.cells[claim.guest_cell]
            known = self._cells[claim] = _cell_after(cell, guest, claim)
        return known


def _cell_after(cell: Cell, guest: GuestCell, claim: CellClaim) -> Cell:
    return cell.evolve(
        memory_used_mib=cell.memory_used_mib + guest.memory_mib,
        shared_used=cell.shared_used + len(guest.shared),
        pinned_cpus=cell.pinned_cpus | _pinned(cell, guest, claim),
        pages=_pages_after(cell.pages, guest, claim.page_size_kib),
    )


def _pinned(cell: Cell, guest: GuestCell, claim: CellClaim) -> frozenset[int]:
    cpus = claim.host_cpus
    if guest.thread_policy == 'isolate':
        return cpus.union(*(core for core in cell.siblings if core & cpus))
    return cpus


def _pages_after(
    pages: Sequence[PagePool], guest: GuestCell, size_kib: int | None
) -> Sequence[PagePool]:
    """A guest without a page size takes the smallest, in whole pages."""
    if not pages:
        return pages
    size = size_kib or min(pool.size_kib for pool in pages)
    taken = -(-guest.memory_mib * KIB_PER_MIB // size)
    return tuple(
        pool.evolve(used=pool.used + taken) if pool.size_kib == size else pool
        for pool in pages
    )
