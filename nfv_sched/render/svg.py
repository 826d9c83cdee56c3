"""NUMA maps of hosts as SVG, for tickets and for the report."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import datetime
from xml.etree import ElementTree as ET

from nfv_sched.model.pages import huge_pages
from nfv_sched.render import device_view
from nfv_sched.render import formatting
from nfv_sched.render import host_view
from nfv_sched.render import layout
from nfv_sched.render import marks
from nfv_sched.render import terminal
from nfv_sched.render.svg_canvas import document
from nfv_sched.render.svg_canvas import FAINT
from nfv_sched.render.svg_canvas import LETTER
from nfv_sched.render.svg_canvas import LINE_COLOUR
from nfv_sched.render.svg_canvas import number
from nfv_sched.render.svg_canvas import STYLE
from nfv_sched.render.svg_canvas import SVGCanvas

_BOX = 14
_PITCH = 15
_CORE_GAP = 5
_LABEL = 34
_LINE = 18
_PAD = 10
_GAP = 14
_BAR_WIDTH = 130
_INNER = 336
_WIDE = _INNER + 2 * _PAD
_MOST_LETTERS = int(_INNER / LETTER * 1.1)
_MOST_BOLD = int(_INNER / LETTER * 0.9)
# Of hosts with few NUMA nodes.
_FEW_COLUMNS = 2
# Of panels in a socket, and of sockets.
_MOST_COLUMNS = 12
# The pixels of a screen that a drawing may fill.
_SCREEN = (1600.0, 800.0)

_FILLS = {
    marks.FREE: '#ffffff',
    marks.SHARED: '#e2e6ec',
    marks.BLOCKED: '#c3cad5',
    marks.UNKNOWN_OWNER: '#4b5563',
    marks.CONFLICT: '#c81e1e',
    marks.OUTSIDE: '#c81e1e',
}
_LETTERS = {
    marks.UNKNOWN_OWNER: '#ffffff',
    marks.CONFLICT: '#ffffff',
    marks.OUTSIDE: '#ffffff',
}
_CLASSES = {
    marks.FREE: 'free',
    marks.SHARED: 'shared',
    marks.BLOCKED: 'blocked',
    marks.UNKNOWN_OWNER: 'unknown',
    marks.CONFLICT: 'conflict',
    marks.OUTSIDE: 'conflict',
}


def _boxes(pen: SVGCanvas, places: Iterable[tuple[float, float, str]]) -> None:
    """Draw a box for each place: one path for all boxes of an owner."""
    boxes: dict[str, list[tuple[float, float]]] = {}
    for x, y, owner in places:
        boxes.setdefault(owner, []).append((x, y))
    for owner, corners in boxes.items():
        side = _BOX - 1
        path = ''.join(
            f'M{number(x + 0.5)} {number(y + 0.5)}h{side}v{side}h-{side}z'
            for x, y in corners
        )
        kind = _CLASSES.get(owner, 'guest')
        fill = _FILLS.get(owner) or marks.colour_of(owner)
        pen.add(
            'path',
            {'class': kind, 'd': path, 'fill': fill, 'stroke': LINE_COLOUR},
        )
        if owner != marks.FREE:
            _letters(pen, owner, corners)


def _letters(
    pen: SVGCanvas, owner: str, corners: Sequence[tuple[float, float]]
) -> None:
    """Write the owner's mark in each box: one text element per row."""
    rows: dict[float, list[float]] = {}
    for x, y in corners:
        rows.setdefault(y, []).append(x)
    for y, row in rows.items():
        attributes = {
            'class': f'mark m-{_CLASSES.get(owner, "guest")}',
            'x': ' '.join(number(x + _BOX / 2) for x in row),
            'y': number(y + _BOX - 3.5),
            'fill': _LETTERS.get(owner, '#111111'),
        }
        pen.add('text', attributes).text = owner * len(row)


def hosts(
    views: Sequence[host_view.HostView], taken: datetime.datetime, source: str
) -> str:
    """An SVG document with the maps of hosts, one below the other.

    :param taken: when the hosts were surveyed
    :param source: of the survey
    """
    pen = SVGCanvas()
    # The picture of one host fits the window of a browser.
    high = ';max-height:100vh' if len(views) == 1 else ''
    pen.add(
        'style', {}
    ).text = f'{STYLE}svg.numa{{max-width:100%;height:auto{high}}}'
    width = y = 0.0
    for view in views:
        drawn, right, height = _host(view)
        pen.place(drawn, 0, y)
        width = max(width, right)
        y += height + 2 * _GAP
    note = f'{taken:%Y-%m-%d %H:%M} {taken.tzname() or ""}'.strip()
    pen.text(0, y, f'{note}, from {source} · nfv-sched', 'faint')
    return document(
        pen,
        width,
        y + 4,
        ', '.join(view.name for view in views),
        '; '.join(description(view) for view in views),
    )


def drawing(view: host_view.HostView) -> str:
    """An SVG document with the map of one host, without its name."""
    pen = SVGCanvas()
    width, height = _map(pen, view, 0)
    return document(pen, width, height, view.name, description(view))


def description(view: host_view.HostView) -> str:
    """The content of a host's map as text, for screen readers."""
    parts = []
    for cell in view.cells:
        facts = [f'{cell.free} of {cell.dedicated} dedicated CPUs free']
        facts += [
            f'{pages.free} of {pages.usable} pages of '
            f'{formatting.size_name(pages.size_kib)} free'
            for pages in huge_pages(cell.pages)
        ]
        if cell.pools:
            free = sum(pool.free for pool in cell.pools)
            total = sum(pool.total for pool in cell.pools)
            facts.append(f'{free} of {total} devices free')
        parts.append(f'NUMA node {cell.id}: {", ".join(facts)}')
    return f'{view.name}: {"; ".join(parts) or "no NUMA nodes"}'


def _host(view: host_view.HostView) -> tuple[SVGCanvas, float, float]:
    """Draw a host; returns the drawing, its width and its height."""
    pen = SVGCanvas()
    pen.text(0, 16, view.name, 'name')
    if view.remarks:
        pen.text(0, 34, ' · '.join(view.remarks), 'faint')
    return pen, *_map(pen, view, 44.0)


#: A drawing, and its height.
_Panel = tuple[SVGCanvas, float]


@dataclasses.dataclass(frozen=True, slots=True)
class _Block:
    """Panels in a grid, in a frame if there is a title."""

    panels: Sequence[_Panel]
    title: str = ''

    @property
    def _edge(self) -> float:
        """The space within the frame."""
        return _PAD if self.title else 0

    @property
    def _top(self) -> float:
        return 26.0 if self.title else 0

    def width(self, columns: int) -> float:
        """The width of a grid of this number of columns."""
        return columns * (_WIDE + _GAP) - _GAP + 2 * self._edge

    def _rows(self, columns: int) -> Iterator[Sequence[_Panel]]:
        for start in range(0, len(self.panels), columns):
            yield self.panels[start : start + columns]

    def height(self, columns: int) -> float:
        """The height of a grid of this number of columns."""
        rows = [_row_height(row) for row in self._rows(columns)]
        return self._top + sum(rows) + _GAP * (len(rows) - 1) + self._edge

    def draw(self, pen: SVGCanvas, x: float, y: float, columns: int) -> None:
        """Draw the grid."""
        if self.title:
            size = self.width(columns), self.height(columns)
            _frame(pen, x, y, *size, kind='panel socket')
            title = formatting.truncate(self.title, _MOST_BOLD)
            pen.text(x + _PAD, y + 18, title, 'head')
        top = y + self._top
        for row in self._rows(columns):
            height = _row_height(row)
            for place, (panel, _) in enumerate(row):
                left = x + self._edge + place * (_WIDE + _GAP)
                _frame(pen, left, top, _WIDE, height)
                pen.place(panel, left + _PAD, top)
            top += height + _GAP


def _row_height(row: Sequence[_Panel]) -> float:
    return max(tall for _, tall in row) + _PAD


@dataclasses.dataclass(frozen=True, slots=True)
class _Grid:
    """Blocks side by side.

    :param columns: the most columns of panels in a block
    :param beside: the most blocks in a row
    """

    blocks: Sequence[_Block]
    columns: int
    beside: int

    def _rows(self) -> Iterator[Sequence[_Block]]:
        for start in range(0, len(self.blocks), self.beside):
            yield self.blocks[start : start + self.beside]

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        widest = max(block.width(self.columns) for block in self.blocks)
        heights = [
            max(block.height(self.columns) for block in row)
            for row in self._rows()
        ]
        return (
            self.beside * (widest + _GAP) - _GAP,
            sum(heights) + _GAP * len(heights),
        )

    @property
    def scale(self) -> float:
        """By how much it would be scaled to fit a screen, at most 1."""
        width, height = self.size
        return min(1.0, _SCREEN[0] / width, _SCREEN[1] / height)

    def draw(self, pen: SVGCanvas, y: float) -> None:
        """Draw the blocks from ``y`` on."""
        widest = max(block.width(self.columns) for block in self.blocks)
        for row in self._rows():
            for place, block in enumerate(row):
                block.draw(pen, place * (widest + _GAP), y, self.columns)
            y += max(block.height(self.columns) for block in row) + _GAP


def _grid(blocks: Sequence[_Block], few: bool) -> _Grid:
    """The arrangement that is scaled least, of these the smallest."""
    most = max(len(block.panels) for block in blocks)
    if few and len(blocks) == 1:
        return _Grid(blocks, min(_FEW_COLUMNS, most), 1)
    grids = [
        _Grid(blocks, columns, beside)
        for columns in range(1, min(most, _MOST_COLUMNS) + 1)
        for beside in range(1, min(len(blocks), _MOST_COLUMNS) + 1)
    ]
    return max(
        grids, key=lambda grid: (grid.scale, -grid.size[0] * grid.size[1])
    )


def _map(
    pen: SVGCanvas, view: host_view.HostView, y: float
) -> tuple[float, float]:
    """Draw NUMA nodes and legend from ``y`` on; returns width and height."""
    blocks = [
        _Block(
            [_node(panel) for panel in socket.panels],
            socket.title,
        )
        for socket in layout.sockets(view.cells)
        if socket.panels
    ]
    if view.pools:
        loose = [_loose(view.pools)]
        if blocks and not blocks[-1].title:
            loose = [*blocks.pop().panels, *loose]
        blocks.append(_Block(loose))
    if not view.cells:
        pen.text(0, y + 14, 'no NUMA nodes reported', 'faint')
        y += 24
    width: float = _WIDE
    if blocks:
        grid = _grid(blocks, len(view.cells) <= layout.FEW_NODES)
        width, height = grid.size
        grid.draw(pen, y)
        y += height
    return width, y + _legend(pen, view, y, width)


def _frame(  # noqa: PLR0913 - a rectangle
    pen: SVGCanvas,
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    kind: str = 'panel',
) -> None:
    box = x + 0.5, y + 0.5, width - 1, height - 1
    pen.rect(box, kind, 'none', stroke=LINE_COLOUR, rx='4')


def _node(panel: layout.PanelView) -> _Panel:
    pen = SVGCanvas()
    socket = '' if panel.socket is None else f' · socket {panel.socket}'
    title = f'{panel.title}{socket}'
    pen.text(0, 20, formatting.truncate(title, _MOST_BOLD), 'head')
    y = 32.0
    for draw in (_cpus, _memory, _devices, _places):
        y = draw(pen, panel.cell, y)
    return pen, y


def _cpus(pen: SVGCanvas, cell: host_view.CellView, y: float) -> float:
    if cell.cores is None:
        if cell.dedicated:
            y = _bar(pen, y, 'CPUs', cell.free, cell.dedicated)
    else:
        y = _cores(pen, cell.cores, y)
    if cell.shared:
        pen.text(
            _LABEL,
            y + 12,
            f'{cell.shared_used} floating guest CPUs on {cell.shared} shared',
            'faint',
        )
        y += _LINE
    return y


def _cores(
    pen: SVGCanvas, cores: Sequence[host_view.CoreView], y: float
) -> float:
    count = terminal.cores_a_row(cores)
    threads = max((len(core.owners) for core in cores), default=1)
    wide = threads * _PITCH + _CORE_GAP * (threads > 1)
    places = []
    for place, core in enumerate(cores):
        top = y + place // count * _LINE
        left = _LABEL + place % count * wide
        if place % count == 0 and core.cpus:
            pen.text(
                _LABEL - 8,
                top + 11,
                str(core.cpus[0]),
                'faint',
                **{'text-anchor': 'end', 'font-size': '10'},
            )
        places += [
            (left + thread * _PITCH, top, owner)
            for thread, owner in enumerate(core.owners)
        ]
    _boxes(pen, places)
    return y + -(-len(cores) // count) * _LINE


def _bar(  # noqa: PLR0913 - where, what and how much
    pen: SVGCanvas,
    y: float,
    label: str,
    free: int,
    total: int,
    reserved: int = 0,
) -> float:
    """Draw a pool as a bar: used, reserved for the host, free."""
    pen.text(_LABEL - 8, y + 11, label, 'faint', **{'text-anchor': 'end'})
    used = max(0, total - reserved - free)
    width = [
        _BAR_WIDTH * count / total if total else 0.0
        for count in (used, reserved)
    ]
    top = y + 2
    pen.rect((_LABEL, top, _BAR_WIDTH, 10), 'trough', '#e9ecf1')
    pen.rect((_LABEL, top, min(width[0], _BAR_WIDTH), 10), 'used', '#3574b8')
    if reserved:
        left = _LABEL + min(width[0], _BAR_WIDTH - width[1])
        pen.rect((left, top, width[1], 10), 'kept', '#8a94a3')
    kept = f', {reserved} reserved' if reserved else ''
    pen.text(
        _LABEL + _BAR_WIDTH + 8,
        y + 11,
        f'{free} of {total - reserved} free{kept}',
    )
    return y + _LINE


def _memory(pen: SVGCanvas, cell: host_view.CellView, y: float) -> float:
    for pages in huge_pages(cell.pages):
        y = _bar(
            pen,
            y,
            formatting.size_name(pages.size_kib),
            pages.free,
            pages.total,
            pages.reserved,
        )
    free = formatting.memory_name(cell.memory_mib - cell.memory_used_mib)
    pen.text(_LABEL - 8, y + 11, 'RAM', 'faint', **{'text-anchor': 'end'})
    total = formatting.memory_name(cell.memory_mib)
    pen.text(_LABEL, y + 11, f'{free} of {total} free', 'faint')
    return y + _LINE


def _devices(pen: SVGCanvas, cell: host_view.CellView, y: float) -> float:
    for pool in cell.pools:
        y = _pool(pen, pool, y)
    return y


def _pool(pen: SVGCanvas, pool: device_view.PoolView, y: float) -> float:
    where = f'{formatting.address_name(pool.address)} ' if pool.address else ''
    text = f'{where}{" ".join(terminal.kind_of(pool))}'
    pen.text(0, y + 12, f'{text} · {pool.free} of {pool.total} free')
    y += _LINE
    if not pool.owners:
        return y
    places = [
        (
            _LABEL + place % terminal.ROW * _PITCH,
            y + place // terminal.ROW * _PITCH,
            owner,
        )
        for place, owner in enumerate(pool.owners)
    ]
    _boxes(pen, places)
    return y + -(-len(pool.owners) // terminal.ROW) * _PITCH + 3


def _loose(pools: Sequence[device_view.PoolView]) -> _Panel:
    pen = SVGCanvas()
    pen.text(0, 20, 'on no NUMA node', 'head')
    y = 32.0
    for pool in pools:
        y = _pool(pen, pool, y)
    return pen, y


def _places(pen: SVGCanvas, cell: host_view.CellView, y: float) -> float:
    for line in terminal.places(cell):
        text = formatting.truncate(line, _MOST_LETTERS)
        pen.text(0, y + 12, text, 'faint')
        y += _LINE
    return y


def _legend(
    pen: SVGCanvas, view: host_view.HostView, y: float, width: float
) -> float:
    """Draw what the marks mean; returns the height."""
    guests = view.guests or ()
    columns = max(1, int(width // _INNER))
    wide = width / columns
    rows = -(-len(guests) // columns)
    for place, guest in enumerate(guests):
        x = place // rows * wide
        _entry(pen, guest, x, y + place % rows * _LINE, wide)
    y += rows * _LINE
    x = 0.0
    for mark, meaning in terminal.meanings(view):
        _boxes(pen, [(x, y, mark)])
        pen.text(x + 22, y + 11, meaning, 'faint')
        x += 22 + len(meaning) * LETTER + 24
    return (rows + bool(x)) * _LINE


def _entry(
    pen: SVGCanvas, guest: host_view.GuestView, x: float, y: float, wide: float
) -> None:
    """Write an instance's name and as many of its facts as there is room."""
    if guest.mark:
        _boxes(pen, [(x, y, guest.mark)])
    room = int((wide - 34) / LETTER)
    name = formatting.truncate(guest.name, min(26, room))
    facts = formatting.truncate(
        ' · '.join(guest_facts(guest)), max(1, room - len(name) - 1)
    )
    text = pen.text(x + 22, y + 11, name)
    span = ET.SubElement(
        text, 'tspan', {'class': 'faint', 'fill': FAINT, 'dx': '6'}
    )
    span.text = facts


def guest_facts(guest: host_view.GuestView) -> Iterator[str]:
    """The resources of an instance, in few words."""
    if pinned := sum(len(cell.host_cpus) for cell in guest.cells):
        yield f'{pinned} CPUs'
    if guest.cells:
        cells = sorted({cell.host_cell for cell in guest.cells})
        numbers = ', '.join(map(str, cells))
        yield f'NUMA node{"s" * (len(cells) > 1)} {numbers}'
    if guest.devices:
        yield f'{len(guest.devices)} device{"s" * (len(guest.devices) > 1)}'
    yield guest.flavor
