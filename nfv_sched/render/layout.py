"""Which NUMA nodes of a host are drawn together.

Where a host has several sockets of several NUMA nodes, those of a socket are
drawn in one frame. On hosts of many nodes, free nodes that are alike are drawn
once.
"""

from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched.model.cpu_list import ranges
from nfv_sched.render.host_view import CellView
from nfv_sched.render.marks import FREE
from nfv_sched.render.marks import SHARED

#: Each node of hosts with at most this number of them is drawn.
FEW_NODES = 4


@dataclasses.dataclass(frozen=True, slots=True)
class PanelView:
    """A NUMA node, or several that are free and alike.

    :param socket: of all of them; None if it is not known, or is that of the
        frame
    :param cell: the node; without numbers of CPUs and addresses if several
    """

    nodes: tuple[int, ...]
    socket: int | None
    cell: CellView

    @property
    def title(self) -> str:
        """The nodes in words."""
        if len(self.nodes) == 1:
            return f'NUMA node {self.nodes[0]}'
        return (
            f'{len(self.nodes)} free NUMA nodes like this: '
            f'{ranges(self.nodes)}'
        )


@dataclasses.dataclass(frozen=True, slots=True)
class SocketView:
    """The NUMA nodes of a socket in a frame, or of several that are alike.

    Without ``ids`` there is no frame.
    """

    ids: tuple[int, ...]
    panels: tuple[PanelView, ...]

    @property
    def title(self) -> str:
        """The sockets in words; empty without a frame."""
        if not self.ids:
            return ''
        if len(self.ids) == 1:
            return f'socket {self.ids[0]}'
        return f'{len(self.ids)} free sockets: {ranges(self.ids)}'


def sockets(cells: Sequence[CellView]) -> list[SocketView]:
    """The NUMA nodes of a host by socket, in the order of the first node."""
    shapes = {
        cell.id: _free_shape(cell) if len(cells) > FEW_NODES else None
        for cell in cells
    }
    by_socket: dict[int | None, list[CellView]] = {}
    for cell in cells:
        by_socket.setdefault(cell.socket, []).append(cell)
    if None in by_socket or not 1 < len(by_socket) < len(cells):
        return [SocketView((), _panels(cells, shapes))]
    alike: dict[Hashable, list[CellView]] = {}
    for socket, members in by_socket.items():
        free = tuple(shapes[cell.id] for cell in members)
        key = socket if None in free else free
        alike.setdefault(key, []).extend(members)
    return [
        SocketView(
            tuple(dict.fromkeys(_known_sockets(members))),
            tuple(
                dataclasses.replace(panel, socket=None)
                for panel in _panels(members, shapes)
            ),
        )
        for members in alike.values()
    ]


def _known_sockets(cells: Iterable[CellView]) -> Iterator[int]:
    for cell in cells:
        if cell.socket is not None:
            yield cell.socket


def _panels(
    cells: Sequence[CellView], shapes: Mapping[int, Hashable]
) -> tuple[PanelView, ...]:
    """The panels of NUMA nodes, with the shapes of those that are free."""
    panels: dict[Hashable, list[CellView]] = {}
    for cell in cells:
        panels.setdefault(shapes[cell.id] or cell.id, []).append(cell)
    return tuple(map(_panel, panels.values()))


def _panel(alike: Sequence[CellView]) -> PanelView:
    numbers = {cell.socket for cell in alike}
    return PanelView(
        tuple(cell.id for cell in alike),
        numbers.pop() if len(numbers) == 1 else None,
        alike[0] if len(alike) == 1 else _without_numbers(alike[0]),
    )


def _without_numbers(cell: CellView) -> CellView:
    """A NUMA node without what tells it from those that are alike."""
    return dataclasses.replace(
        cell,
        cores=cell.cores
        and tuple(dataclasses.replace(core, cpus=()) for core in cell.cores),
        pools=tuple(
            dataclasses.replace(pool, address=None, pcie_root=None)
            for pool in cell.pools
        ),
        distances={},
        l3=(),
    )


def _free_shape(cell: CellView) -> Hashable:
    """What free NUMA nodes have in common; None where something is used."""
    owners = {owner for core in cell.cores or () for owner in core.owners}
    used = (
        cell.free != cell.dedicated
        or cell.shared_used
        or cell.memory_used_mib
        or any(pages.used for pages in cell.pages)
        or any(pool.free != pool.total for pool in cell.pools)
        or owners - {FREE, SHARED}
    )
    if used:
        return None
    return (
        None
        if cell.cores is None
        else tuple(core.owners for core in cell.cores),
        cell.dedicated,
        cell.shared,
        cell.memory_mib,
        cell.pages,
        tuple(
            (pool.kind, pool.label, pool.total, pool.owners, pool.link_mbps)
            for pool in cell.pools
        ),
        cell.networks,
        cell.offline,
    )
