"""The order in which nova-compute's claim tries host cells."""

from collections.abc import Sequence

from nfv_sched.model import Cell
from nfv_sched.model import Guest
from nfv_sched.model import Host


def claim_order(host: Host, guest: Guest, *, pack: bool) -> Sequence[Cell]:
    """The host's cells as ``numa_fit_instance_to_host`` sorts them.

    :param pack: ``[compute] packing_host_numa_cells_allocation_strategy``:
        most used cells first instead of least used ones
    """
    cells = list(host.cells)
    if len(cells) <= len(guest.cells):
        return cells
    cells.sort(key=lambda cell: cell.free_memory_mib, reverse=not pack)
    if guest.cells[0].pinned:
        cells.sort(key=lambda cell: len(cell.free_dedicated), reverse=not pack)
    else:
        cells.sort(key=lambda cell: cell.shared_used, reverse=pack)
    if not host.pools:
        return cells
    devices: dict[int | None, int] = {}
    for pool in host.pools:
        devices[pool.numa_node] = devices.get(pool.numa_node, 0) + pool.count
    # Cells with devices come first for those who ask for devices, and last
    # for all others.
    cells.sort(
        key=lambda cell: devices.get(cell.id, 0), reverse=bool(guest.devices)
    )
    return cells
