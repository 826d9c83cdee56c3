"""The order in which nova-compute's claim tries host cells."""

from collections.abc import Sequence

from nfv_sched.model import Cell
from nfv_sched.model import Guest
from nfv_sched.model import Host


def claim_order(host: Host, guest: Guest, *, pack: bool) -> Sequence[Cell]:
    """The host's cells as ``numa_fit_instance_to_host`` sorts them.

    It sorts by memory, then CPUs, then devices, stably each time: here once,
    by all three.

    :param pack: ``[compute] packing_host_numa_cells_allocation_strategy``:
        most used cells first instead of least used ones
    """
    cells = host.cells
    if len(cells) <= len(guest.cells):
        return cells
    devices: dict[int | None, int] = {}
    for pool in host.pools:
        devices[pool.numa_node] = devices.get(pool.numa_node, 0) + pool.count
    # Cells with devices come first for those who ask for devices, and last
    # for all others; less used cells come first, or last if they are packed.
    near = -1 if guest.devices else 1
    unused = 1 if pack else -1
    if guest.cells[0].pinned:
        return sorted(
            cells,
            key=lambda cell: (
                near * devices.get(cell.id, 0),
                unused * len(cell.free_dedicated),
                unused * (cell.memory_mib - cell.memory_used_mib),
            ),
        )
    return sorted(
        cells,
        key=lambda cell: (
            near * devices.get(cell.id, 0),
            -unused * cell.shared_used,
            unused * (cell.memory_mib - cell.memory_used_mib),
        ),
    )
