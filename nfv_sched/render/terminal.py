"""NUMA maps of hosts for terminals, drawn with rich.

Every mark is a letter as well as a colour, so that the map is complete
without colours.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence

from rich import box
from rich.columns import Columns
from rich.console import Console
from rich.console import ConsoleOptions
from rich.console import Group
from rich.console import RenderableType
from rich.console import RenderResult
from rich.panel import Panel
from rich.style import Style
from rich.table import Table
from rich.text import Text

from nfv_sched.model.cpu_list import ranges
from nfv_sched.model.pages import huge_pages
from nfv_sched.render import device_view
from nfv_sched.render import host_view
from nfv_sched.render import layout
from nfv_sched.render import marks
from nfv_sched.render.formatting import address_name
from nfv_sched.render.formatting import link_name
from nfv_sched.render.formatting import memory_name
from nfv_sched.render.formatting import size_name
from nfv_sched.render.formatting import truncate

#: Threads and devices in a row.
ROW = 16
_BAR = 16
_SHORT_BAR = 8
# More NUMA nodes than this are drawn in a row each.
_MOST_PANELS = 16
_LONGEST = 32
_RESERVED = '#'

_DIM = Style(dim=True)
_STYLES = {
    marks.FREE: _DIM,
    marks.SHARED: Style(color='grey62'),
    marks.BLOCKED: Style(color='grey62'),
    marks.UNKNOWN_OWNER: Style(reverse=True),
    marks.CONFLICT: Style(color='white', bgcolor='red', bold=True),
    marks.OUTSIDE: Style(color='white', bgcolor='red'),
    _RESERVED: Style(color='grey42'),
}


def _style(owner: str) -> Style:
    if owner in _STYLES:
        return _STYLES[owner]
    # Not "black", which many terminals show as grey for bold text.
    return Style(color='#000000', bgcolor=marks.colour_of(owner))


def owner_marks(owners: Iterable[str]) -> Text:
    """One character per owner, each in the owner's colour."""
    text = Text()
    for owner in owners:
        text.append(owner, _style(owner))
    return text


def bar(
    free: int, total: int, reserved: int = 0, *, width: int = _BAR
) -> Text:
    """A pool as a bar: used, reserved for the host, free."""
    used = total - reserved - free
    shares = {
        count: max(1, round(width * count / total)) if count > 0 else 0
        for count in (used, reserved)
    }
    kept = shares[reserved]
    taken = min(shares[used], width - kept)
    text = Text()
    text.append('=' * taken, Style(color='green', bold=True))
    text.append(_RESERVED * kept, _STYLES[_RESERVED])
    text.append('.' * (width - taken - kept), _STYLES[marks.FREE])
    text.append(f' {free}/{total - reserved} free')
    if reserved:
        text.append(f', {reserved} reserved', _DIM)
    return text


def _pages(pages: host_view.PagesView) -> Text:
    text = Text(f'{size_name(pages.size_kib):>4} ')
    return text.append_text(bar(pages.free, pages.total, pages.reserved))


def _core_rows(cores: Sequence[host_view.CoreView]) -> Iterator[Text]:
    count = cores_a_row(cores)
    for start in range(0, len(cores), count):
        row = cores[start : start + count]
        first = row[0].cpus[0] if row[0].cpus else ''
        text = Text().append(f'{first:>4} ', _DIM)
        yield text.append_text(
            Text(' ').join(owner_marks(core.owners) for core in row)
        )


def cores_a_row(cores: Sequence[host_view.CoreView]) -> int:
    """The number of cores in a row of the map."""
    threads = max((len(core.owners) for core in cores), default=1)
    return max(1, ROW // threads)


def _cpus(cell: host_view.CellView) -> Iterator[Text]:
    if cell.cores is not None:
        yield from _core_rows(cell.cores)
    if cell.cores is None and cell.dedicated:
        yield Text('CPUs ').append_text(bar(cell.free, cell.dedicated))
    if cell.shared:
        yield Text(
            f'   {marks.SHARED} {cell.shared_used} floating guest CPUs on '
            f'{cell.shared}',
            _DIM,
        )


def _memory(cell: host_view.CellView) -> Iterator[Text]:
    yield from map(_pages, huge_pages(cell.pages))
    free = cell.memory_mib - cell.memory_used_mib
    yield Text(
        f' RAM {memory_name(free)} of {memory_name(cell.memory_mib)} free',
        _DIM,
    )


def _pool(pool: device_view.PoolView) -> Iterator[Text]:
    text = Text(f'{address_name(pool.address)} ' if pool.address else '')
    text.append(f'{" ".join(kind_of(pool))} ', _DIM)
    yield text.append(f'{pool.free}/{pool.total} free')
    if pool.owners:
        for start in range(0, len(pool.owners), 2 * ROW):
            yield Text('     ').append_text(
                owner_marks(pool.owners[start : start + 2 * ROW])
            )


def kind_of(pool: device_view.PoolView) -> Iterator[str]:
    """Network or model, type, link speed and PCIe root of devices."""
    yield truncate(pool.label, _LONGEST)
    yield pool.kind
    if pool.link_mbps:
        yield link_name(pool.link_mbps)
    if pool.pcie_root:
        yield pool.pcie_root


def places(cell: host_view.CellView) -> Iterator[str]:
    """Networks, distances, L3 caches and offline CPUs of a NUMA node."""
    if cell.networks:
        yield f'near {", ".join(cell.networks)}'
    if far := _distances(cell):
        yield f'distances {far}'
    if cell.l3:
        plural = 's' * (len(cell.l3) > 1)
        yield f'L3 cache{plural} {", ".join(map(str, cell.l3))}'
    if cell.offline:
        yield f'{cell.offline} CPUs offline'


def _distances(cell: host_view.CellView) -> str:
    """Distances to the other NUMA nodes; to many, by distance."""
    others = {
        other: cell.distances[other]
        for other in sorted(cell.distances)
        if other != cell.id
    }
    if len(others) < layout.FEW_NODES:
        return ' '.join(f'{other}:{far}' for other, far in others.items())
    return ', '.join(
        f'{far} to {ranges(node for node in others if others[node] == far)}'
        for far in sorted(set(others.values()))
    )


def _node_panel(panel: layout.PanelView) -> Panel:
    """One NUMA node: its cores, page pools and devices."""
    cell = panel.cell
    socket = '' if panel.socket is None else f', socket {panel.socket}'
    lines = [*_cpus(cell), *_memory(cell)]
    for pool in cell.pools:
        lines += _pool(pool)
    lines += [Text(line, _DIM) for line in places(cell)]
    return _panel(f'{panel.title}{socket}', lines)


def _panel(title: str, lines: Iterable[Text]) -> Panel:
    return Panel(
        Text('\n').join(lines),
        title=title,
        title_align='left',
        box=box.SQUARE,
        expand=False,
        padding=(0, 1),
    )


class _SideBySide:
    """A grid of panels with equally long rows."""

    def __init__(self, panels: Sequence[RenderableType]) -> None:
        self._panels = panels

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        widest = max(
            (
                console.measure(panel, options=options).maximum
                for panel in self._panels
            ),
            default=0,
        )
        count = len(self._panels)
        if not count:
            yield Text('no NUMA nodes reported', _DIM)
            return
        rows = -(-count // max(1, options.max_width // (widest + 1)))
        width = -(-count // rows)
        grid = Table.grid(padding=(0, 1, 0, 0))
        for start in range(0, count, width):
            grid.add_row(*self._panels[start : start + width])
        yield grid


def _legend(view: host_view.HostView) -> RenderableType:
    entries = []
    for guest in view.guests or ():
        text = owner_marks(guest.mark or ' ')
        text.append(f' {truncate(guest.name, _LONGEST)} ')
        entries.append(
            text.append(truncate(guest.flavor, _LONGEST), Style(dim=True))
        )
    entries += [
        owner_marks(mark).append(f' {meaning}')
        for mark, meaning in meanings(view)
    ]
    if any(pool.reserved for cell in view.cells for pool in cell.pages):
        entries.append(owner_marks(_RESERVED).append(' reserved for the host'))
    return Columns(entries, padding=(0, 3), equal=True)


def meanings(view: host_view.HostView) -> list[tuple[str, str]]:
    """Marks other than those of instances on a map, with their meanings."""
    texts = {
        marks.FREE: 'free',
        marks.SHARED: 'shared CPUs',
        marks.BLOCKED: 'core or card in use',
        marks.UNKNOWN_OWNER: 'unknown instance',
        marks.CONFLICT: 'several instances',
        marks.OUTSIDE: 'pinned, not dedicated',
    }
    return [pair for pair in texts.items() if pair[0] in view.marks]


def _nodes(
    view: host_view.HostView, sockets: Sequence[layout.SocketView]
) -> RenderableType:
    """NUMA nodes side by side, those of a socket in a frame."""
    panels: list[RenderableType] = []
    for socket in sockets:
        nodes = list(map(_node_panel, socket.panels))
        if not socket.ids:
            panels += nodes
        else:
            panels.append(
                Panel(
                    _SideBySide(nodes),
                    title=socket.title,
                    title_align='left',
                    box=box.ROUNDED,
                    expand=False,
                    padding=0,
                )
            )
    if view.pools:
        lines = [line for pool in view.pools for line in _pool(pool)]
        panels.append(_panel('on no NUMA node', lines))
    return _SideBySide(panels)


def _rows(sockets: Sequence[layout.SocketView]) -> RenderableType:
    """One row for each NUMA node, in columns side by side."""
    rows = [
        _row(panel, socket.ids or _sockets_of(panel))
        for socket in sockets
        for panel in socket.panels
    ]
    return Columns(rows, padding=(0, 2), equal=True, column_first=True)


def _sockets_of(panel: layout.PanelView) -> tuple[int, ...]:
    return () if panel.socket is None else (panel.socket,)


def _row(panel: layout.PanelView, sockets: tuple[int, ...]) -> Text:
    """A NUMA node in one row: CPUs, huge pages, devices and instances."""
    cell = panel.cell
    text = Text(f'{ranges(panel.nodes):>5} ', Style(bold=True))
    if sockets:
        text.append(f's{ranges(sockets)} ', _DIM)
    if cell.dedicated:
        text.append_text(bar(cell.free, cell.dedicated, width=_SHORT_BAR))
    for pages in huge_pages(cell.pages):
        name = size_name(pages.size_kib)
        text.append(f' {name}', _DIM).append(f' {pages.free}/')
        text.append(str(pages.usable))
    if cell.pools:
        free = sum(pool.free for pool in cell.pools)
        total = sum(pool.total for pool in cell.pools)
        text.append(' dev', _DIM).append(f' {free}/{total}')
    owners = {owner for core in cell.cores or () for owner in core.owners}
    owners |= {owner for pool in cell.pools for owner in pool.owners or ()}
    shown = sorted(owners - {marks.FREE, marks.SHARED, marks.BLOCKED})
    return text.append(' ').append_text(owner_marks(shown))


def host_map(view: host_view.HostView) -> RenderableType:
    """The NUMA map of a host: NUMA nodes side by side, and a legend."""
    title = Text().append(view.name, Style(bold=True))
    title.append(f'  {", ".join(view.remarks)}', _DIM)
    sockets = layout.sockets(view.cells)
    count = sum(len(socket.panels) for socket in sockets)
    drawn = _nodes(view, sockets) if count <= _MOST_PANELS else _rows(sockets)
    parts: list[RenderableType] = [title, drawn, _legend(view)]
    if count <= _MOST_PANELS and any(cell.cores for cell in view.cells):
        parts.append(
            Text(
                'Each group is one core with one letter per thread; the '
                'number is the first CPU of the row.',
                _DIM,
            )
        )
    return Group(*parts)
