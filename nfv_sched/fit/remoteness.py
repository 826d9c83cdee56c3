"""How far devices are from a guest's cells."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping

from nfv_sched.model import Cell

#: ACPI SLIT: a cell's distance to itself, and what stands for the distance
#: to another cell of the same socket, or of another one, where no distances
#: are published.
_LOCAL = 10
_SAME_SOCKET = 12
_OTHER_SOCKET = 21

#: From a cell's id to its distances to others, by their ids.
Distances = Mapping[int, Mapping[int, int]]


def remoteness(
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
    :param distances: ACPI SLIT as published; missing ones are guessed by
        socket
    """
    if node in chosen:
        return 0.0
    nearest = _OTHER_SOCKET
    if node is not None:
        socket_of = {cell.id: cell.socket for cell in cells}
        nearest = min(
            distances.get(cell, {}).get(node)
            or _guess(socket_of.get(cell), socket_of.get(node))
            for cell in chosen
        )
    return 1 - _LOCAL / max(nearest, _LOCAL)


def _guess(one: int | None, other: int | None) -> int:
    if one is None or one != other:
        return _OTHER_SOCKET
    return _SAME_SOCKET
