"""How near a guest's cells are to its devices, and to unused ones."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from typing import NamedTuple

from nfv_sched.fit import pcie_roots
from nfv_sched.model import Cell
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import Guest
from nfv_sched.model import Host

#: ACPI SLIT: a cell's distance to itself, and what stands for the distance
#: to another cell of the same socket, or of another one, where no distances
#: are published.
_LOCAL = 10
_SAME_SOCKET = 12
_OTHER_SOCKET = 21

#: From a cell's id to its distances to others, by their ids.
Distances = Mapping[int, Mapping[int, int]]


class Locality(NamedTuple):
    """Where a claim takes devices and cells from, as scores.

    ``remote`` is the mean remoteness of the devices and accelerators from the
    guest's cells, from 0 to below 1; ``together`` the share of the devices
    that sit on a physical function with another one of the guest;
    ``occupied`` the share of the cells of a guest without either that have
    free devices. ``roots`` is 0 for devices and accelerators below one PCIe
    root and comes nearer to 1 with each further root; it is counted for
    guests that ask for it.
    """

    remote: float = 0.0
    together: float = 0.0
    occupied: float = 0.0
    roots: float = 0.0

    def penalty(self, guest: Guest) -> float:
        """How bad the devices are for a guest that has any, from 0 to 1.

        The mean of what the guest asks for, all alike.
        """
        if guest.pcie_policy is None:
            if guest.spread_functions:
                return (self.remote + self.together) / 2
            return self.remote
        if guest.spread_functions:
            return (self.remote + self.together + self.roots) / 3
        return (self.remote + self.roots) / 2


def locality(
    guest: Guest, host: Host, outcome: ClaimOutcome, distances: Distances
) -> Locality:
    """The locality of a predicted claim.

    :param distances: between the host's cells, where they are known
    """
    chosen = {cell.host_cell for cell in outcome.cells}
    taken = [(host.pools[one.pool], one.count) for one in outcome.devices]
    devices = sum(count for _, count in taken)
    remote = together = occupied = roots = 0.0
    if devices:
        functions = {
            pool.address or index for index, (pool, _) in enumerate(taken)
        }
        together = 1 - min(len(functions), devices) / devices
    cards = outcome.accelerators
    if guest.pcie_policy is not None and (devices or cards):
        roots = 1 - 1 / pcie_roots.count(host, outcome)
    places = [
        *((pool.numa_node, count) for pool, count in taken),
        *((card.numa_node, card.count) for card in cards),
    ]
    if places and chosen:
        remote = sum(
            count * distance_score(chosen, node, host.cells, distances)
            for node, count in places
        ) / sum(count for _, count in places)
    if chosen and not guest.devices and not cards:
        near = {pool.numa_node for pool in host.pools if pool.count > 0}
        occupied = len(chosen & near) / len(chosen)
    return Locality(remote, together, occupied, roots)


def distance_score(
    chosen: Collection[int],
    node: int | None,
    cells: Iterable[Cell],
    distances: Distances,
) -> float:
    """How far a device on ``node`` is from the nearest of the chosen cells.

    0 on one of them, below 1 anywhere: one minus the ratio of the local
    distance to the one between the cells. A device without a NUMA node is
    taken to be as far away as another socket.

    :param chosen: ids of the host cells that a guest gets
    :param distances: ACPI SLIT as published; missing ones are estimated by
        socket
    """
    if node in chosen:
        return 0.0
    nearest = _OTHER_SOCKET
    if node is not None:
        socket_of = {cell.id: cell.socket for cell in cells}
        nearest = min(
            distances.get(cell, {}).get(node)
            or _estimate(socket_of.get(cell), socket_of.get(node))
            for cell in chosen
        )
    return 1 - _LOCAL / max(nearest, _LOCAL)


def _estimate(one: int | None, other: int | None) -> int:
    if one is None or one != other:
        return _OTHER_SOCKET
    return _SAME_SOCKET
