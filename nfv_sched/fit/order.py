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
    if len(host.cells) <= len(guest.cells):
        return host.cells
    return in_order(host.cells, host, guest, pack=pack)


def in_order(
    cells: Sequence[Cell], host: Host, guest: Guest, *, pack: bool
) -> list[Cell]:
    """Some of the host's cells in the claim's order, if it sorts at all.

    It sorts by memory, then CPUs, then devices, stably each time: here once,
    by all three.
    """
    devices: dict[int | None, int] = {}
    for pool in host.pools:
        node = pool.numa_node
        devices[node] = devices.get(node, 0) + pool.count
    # Cells with devices come first for those who ask for devices, and last
    # for all others; less used cells come first, or last if they are packed.
    near = -1 if guest.devices else 1
    unused = 1 if pack else -1
    pinned = guest.cells[0].pinned
    keys = [
        (
            near * devices.get(cell.id, 0),
            unused * len(cell.free_dedicated)
            if pinned
            else -unused * cell.shared_used,
            unused * cell.free_memory_mib,
            place,
        )
        for place, cell in enumerate(cells)
    ]
    keys.sort()
    return [cells[key[-1]] for key in keys]
