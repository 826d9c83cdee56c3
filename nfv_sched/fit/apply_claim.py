"""A host as it will be once a claim has taken what it was predicted to.

As nova.virt.hardware ``numa_usage_from_instance_numa`` and nova.pci.stats
``PciDeviceStats.consume_requests`` leave it behind.
"""

from collections.abc import Sequence

from nfv_sched.fit.pools import left_after
from nfv_sched.fit.request import KIB_PER_MIB
from nfv_sched.model import Cell
from nfv_sched.model import CellClaim
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import PagePool


def apply_claim(guest: Guest, host: Host, placement: ClaimOutcome) -> Host:
    """``host`` after ``guest`` has taken ``placement``."""
    taken = {cell.host_cell: cell for cell in placement.cells}
    return Host(
        host.name,
        tuple(
            _cell_after(cell, guest.cells[taken[cell.id].guest_cell], at)
            if (at := taken.get(cell.id))
            else cell
            for cell in host.cells
        ),
        left_after(host.pools, placement.devices),
        host.cpu_allocation_ratio,
        host.ram_allocation_ratio,
    )


def _cell_after(cell: Cell, guest: GuestCell, at: CellClaim) -> Cell:
    return Cell(
        cell.id,
        cell.memory_mib,
        cell.memory_used_mib + guest.memory_mib,
        cell.shared_cpus,
        cell.shared_used + len(guest.shared),
        cell.dedicated_cpus,
        cell.pinned_cpus | _pinned(cell, guest, at),
        cell.siblings,
        _pages_after(cell.pages, guest, at.page_size_kib),
        cell.socket,
        cell.physnets,
        cell.tunneled,
    )


def _pinned(cell: Cell, guest: GuestCell, at: CellClaim) -> set[int]:
    cpus = {host_cpu for _, host_cpu in at.pinning} | at.reserved
    if guest.thread_policy == 'isolate':
        cpus.update(*(core for core in cell.siblings if core & cpus))
    return cpus


def _pages_after(
    pages: Sequence[PagePool], guest: GuestCell, size_kib: int | None
) -> Sequence[PagePool]:
    """Guests without a page size take the smallest, in whole pages."""
    if not pages:
        return pages
    size = size_kib or min(pool.size_kib for pool in pages)
    taken = -(-guest.memory_mib * KIB_PER_MIB // size)
    return tuple(
        PagePool(size, pool.total, pool.used + taken, pool.reserved)
        if pool.size_kib == size
        else pool
        for pool in pages
    )
