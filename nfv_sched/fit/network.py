"""Networks that a host declares to be near some of its cells."""

from collections.abc import Iterable

from nfv_sched.model import Guest
from nfv_sched.model import Host


def near(guest: Guest, host: Host, chosen: Iterable[int]) -> bool:
    """Whether the guest's networks are near the host cells ``chosen`` by id.

    A physnet or the tunnels bind only where some cell of the host declares
    them: nova.virt.hardware ``_numa_cells_support_network_metadata``.
    """
    return not far(guest, host, chosen)


def far(guest: Guest, host: Host, chosen: Iterable[int]) -> frozenset[str]:
    """The guest's networks that only other cells of the host are near.

    Names of physnets, and ``tunnels``.
    """
    if not guest.physnets and not guest.tunneled:
        return frozenset()
    chosen = set(chosen)
    declared: set[str] = set()
    covered: set[str] = set()
    for cell in host.cells:
        names = set(cell.physnets & guest.physnets)
        if cell.tunneled and guest.tunneled:
            names.add('tunnels')
        declared |= names
        if cell.id in chosen:
            covered |= names
    return frozenset(declared - covered)


def declaring_cells(guest: Guest, host: Host) -> frozenset[int]:
    """The ids of the cells that any of the guest's networks are near."""
    return frozenset(
        cell.id
        for cell in host.cells
        if cell.physnets & guest.physnets or (cell.tunneled and guest.tunneled)
    )
