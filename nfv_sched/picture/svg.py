"""Hosts drawn as SVG, for tickets and for the report.

Every colour is written as an attribute, so that viewers without style sheets
show it, too; a page may set others by class.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import datetime
from xml.etree import ElementTree as ET

from nfv_sched.picture import colours
from nfv_sched.picture import terminal
from nfv_sched.picture import views
from nfv_sched.picture import wording
from nfv_sched.picture.measures import SMALL_PAGE_KIB

_BOX = 14
_PITCH = 15
_CORE_GAP = 5
_LABEL = 34
_LINE = 18
_PAD = 10
_GAP = 14
_MARGIN = 16
_BAR_WIDTH = 130
_INNER = 336
_MANY_CELLS = 4

# Pixels that a letter of running text takes, on average.
_LETTER = 6.3

_SANS = 'system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif'
_MONO = 'ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace'

#: What letters look like; a page with :func:`drawing` needs it once.
STYLE = (
    f'.mark{{font:600 10px {_MONO};text-anchor:middle}}'
    '.name{font-size:17px;font-weight:650}.head{font-weight:650}'
)

_INK = '#1c2430'
_FAINT = '#586374'
_LINE_COLOUR = '#aab2bf'
_FILLS = {
    views.FREE: '#ffffff',
    views.SHARED: '#e2e6ec',
    views.BLOCKED: '#c3cad5',
    views.SOMEBODY: '#4b5563',
}
_LETTERS = {views.SOMEBODY: '#ffffff'}
_CLASSES = {
    views.FREE: 'free',
    views.SHARED: 'shared',
    views.BLOCKED: 'blocked',
    views.SOMEBODY: 'somebody',
}


class _Pen:
    """Draws into one group whose origin can be moved later."""

    def __init__(self) -> None:
        self.group = ET.Element('g')

    def text(
        self,
        x: float,
        y: float,
        text: str,
        kind: str = 'ink',
        **attributes: str,
    ) -> None:
        """Write text with its base line at ``y``."""
        fill = {'ink': _INK, 'faint': _FAINT}.get(kind, _INK)
        element = ET.SubElement(
            self.group,
            'text',
            {'class': kind, 'x': _number(x), 'y': _number(y), 'fill': fill},
            **attributes,
        )
        element.text = text

    def rect(
        self, box: tuple[float, float, float, float], kind: str, fill: str
    ) -> None:
        """Draw a rectangle of x, y, width and height."""
        x, y, width, height = map(_number, box)
        ET.SubElement(
            self.group,
            'rect',
            {
                'class': kind,
                'x': x,
                'y': y,
                'width': width,
                'height': height,
                'fill': fill,
            },
        )

    def place(self, other: '_Pen', x: float, y: float) -> None:
        """Put what another pen drew at a point."""
        other.group.set('transform', f'translate({_number(x)} {_number(y)})')
        self.group.append(other.group)

    def boxes(self, places: Iterable[tuple[float, float, str]]) -> None:
        """Draw boxes, each of an owner: one path for all of one owner."""
        found: dict[str, list[tuple[float, float]]] = {}
        for x, y, owner in places:
            found.setdefault(owner, []).append((x, y))
        for owner, corners in found.items():
            self._squares(owner, corners)
            if owner != views.FREE:
                self._letters(owner, corners)

    def _squares(
        self, owner: str, corners: Sequence[tuple[float, float]]
    ) -> None:
        side = _BOX - 1
        path = ''.join(
            f'M{_number(x + 0.5)} {_number(y + 0.5)}h{side}v{side}h-{side}z'
            for x, y in corners
        )
        ET.SubElement(
            self.group,
            'path',
            {
                'class': _CLASSES.get(owner, 'guest'),
                'd': path,
                'fill': _FILLS.get(owner) or colours.of_guest(owner),
                'stroke': _LINE_COLOUR,
            },
        )

    def _letters(
        self, owner: str, corners: Sequence[tuple[float, float]]
    ) -> None:
        """One text element per row: x may be a list."""
        rows: dict[float, list[float]] = {}
        for x, y in corners:
            rows.setdefault(y, []).append(x)
        for y, row in rows.items():
            element = ET.SubElement(
                self.group,
                'text',
                {
                    'class': f'mark m-{_CLASSES.get(owner, "guest")}',
                    'x': ' '.join(_number(x + _BOX / 2) for x in row),
                    'y': _number(y + _BOX - 3.5),
                    'fill': '#ffffff'
                    if owner == views.SOMEBODY
                    else '#111111',
                },
            )
            element.text = owner * len(row)


def _number(value: float) -> str:
    return f'{value:.1f}'.removesuffix('.0')


def hosts(
    found: Sequence[views.HostView], taken: datetime.datetime, source: str
) -> str:
    """Return hosts below one another as a whole SVG document.

    :param taken: when the hosts were looked at
    :param source: what told of them
    """
    pen = _Pen()
    ET.SubElement(pen.group, 'style').text = STYLE
    width = y = 0.0
    for view in found:
        one, right, height = _host(view)
        pen.place(one, 0, y)
        width = max(width, right)
        y += height + 2 * _GAP
    note = f'{taken:%Y-%m-%d %H:%M} {taken.tzname() or ""}'.strip()
    pen.text(0, y, f'{note}, as {source} told it · nfv-sched', 'faint')
    return _document(
        pen,
        width,
        y + 4,
        ', '.join(view.name for view in found),
        '; '.join(description(view) for view in found),
    )


def drawing(view: views.HostView) -> str:
    """Return one host as SVG for a page that names it."""
    pen = _Pen()
    width, height = _map(pen, view, 0)
    return _document(pen, width, height, view.name, description(view))


def description(view: views.HostView) -> str:
    """Tell in words what the picture of a host shows."""
    parts = []
    for cell in view.cells:
        said = [f'{cell.free} of {cell.dedicated} dedicated CPUs free']
        said += [
            f'{pages.free} of {pages.usable} pages of '
            f'{wording.size_name(pages.size_kib)} free'
            for pages in cell.pages
            if pages.size_kib > SMALL_PAGE_KIB
        ]
        if cell.pools:
            free = sum(pool.free for pool in cell.pools)
            total = sum(pool.total for pool in cell.pools)
            said.append(f'{free} of {total} devices free')
        parts.append(f'cell {cell.id}: {", ".join(said)}')
    return f'{view.name}: {"; ".join(parts) or "no NUMA cells"}'


def _document(
    pen: _Pen, width: float, height: float, title: str, about: str
) -> str:
    full = width + 2 * _MARGIN, height + 2 * _MARGIN
    root = ET.Element(
        'svg',
        {
            'xmlns': 'http://www.w3.org/2000/svg',
            'class': 'numa',
            'role': 'img',
            'width': _number(full[0]),
            'height': _number(full[1]),
            'viewBox': f'0 0 {_number(full[0])} {_number(full[1])}',
            'font-family': _SANS,
            'font-size': '12',
        },
    )
    ET.SubElement(root, 'title').text = title
    ET.SubElement(root, 'desc').text = about
    ground = _Pen()
    ground.rect((0, 0, *full), 'ground', '#ffffff')
    root.append(ground.group[0])
    outer = _Pen()
    outer.place(pen, _MARGIN, _MARGIN)
    root.extend(outer.group)
    return ET.tostring(root, encoding='unicode')


def _host(view: views.HostView) -> tuple[_Pen, float, float]:
    """Draw a host; returns its width and height, too."""
    pen = _Pen()
    pen.text(0, 16, view.name, 'name')
    if view.remarks:
        pen.text(0, 34, ' · '.join(view.remarks), 'faint')
    return pen, *_map(pen, view, 44.0)


def _map(pen: _Pen, view: views.HostView, y: float) -> tuple[float, float]:
    """Draw cells and legend from ``y`` on; returns the right and lower end."""
    panels = [_cell(cell) for cell in view.cells]
    if view.pools:
        panels.append(_loose(view.pools))
    columns = 2 if len(view.cells) <= _MANY_CELLS else _MANY_CELLS
    columns = max(1, min(columns, len(panels)))
    if not view.cells:
        pen.text(0, y + 14, 'no NUMA cells reported', 'faint')
        y += 24
    for start in range(0, len(panels), columns):
        row = panels[start : start + columns]
        height = max(tall for _, tall in row) + _PAD
        for place, (panel, _) in enumerate(row):
            x = place * (_INNER + 2 * _PAD + _GAP)
            _frame(pen, x, y, height)
            pen.place(panel, x + _PAD, y)
        y += height + _GAP
    width = columns * (_INNER + 2 * _PAD) + (columns - 1) * _GAP
    return width, y + _legend(pen, view, y, width)


def _frame(pen: _Pen, x: float, y: float, height: float) -> None:
    ET.SubElement(
        pen.group,
        'rect',
        {
            'class': 'panel',
            'x': _number(x + 0.5),
            'y': _number(y + 0.5),
            'width': _number(_INNER + 2 * _PAD - 1),
            'height': _number(height - 1),
            'rx': '4',
            'fill': 'none',
            'stroke': _LINE_COLOUR,
        },
    )


def _cell(cell: views.CellView) -> tuple[_Pen, float]:
    pen = _Pen()
    socket = '' if cell.socket is None else f' · socket {cell.socket}'
    pen.text(0, 20, f'cell {cell.id}{socket}', 'head')
    y = 32.0
    for draw in (_cpus, _memory, _devices, _places):
        y = draw(pen, cell, y)
    return pen, y


def _cpus(pen: _Pen, cell: views.CellView, y: float) -> float:
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


def _cores(pen: _Pen, cores: Sequence[views.CoreView], y: float) -> float:
    count = terminal.cores_a_row(cores)
    threads = max((len(core.cpus) for core in cores), default=1)
    wide = threads * _PITCH + _CORE_GAP * (threads > 1)
    places = []
    for place, core in enumerate(cores):
        top = y + place // count * _LINE
        left = _LABEL + place % count * wide
        if place % count == 0:
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
    pen.boxes(places)
    return y + -(-len(cores) // count) * _LINE


def _bar(  # noqa: PLR0913 - where, what and how much
    pen: _Pen, y: float, label: str, free: int, total: int, reserved: int = 0
) -> float:
    """Draw a pool: what is used, what the host keeps, what is free."""
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
    kept = f', host keeps {reserved}' if reserved else ''
    pen.text(
        _LABEL + _BAR_WIDTH + 8,
        y + 11,
        f'{free} of {total - reserved} free{kept}',
    )
    return y + _LINE


def _memory(pen: _Pen, cell: views.CellView, y: float) -> float:
    for pages in cell.pages:
        if pages.size_kib > SMALL_PAGE_KIB:
            y = _bar(
                pen,
                y,
                wording.size_name(pages.size_kib),
                pages.free,
                pages.total,
                pages.reserved,
            )
    free = wording.memory_name(cell.memory_mib - cell.memory_used_mib)
    pen.text(_LABEL - 8, y + 11, 'RAM', 'faint', **{'text-anchor': 'end'})
    total = wording.memory_name(cell.memory_mib)
    pen.text(_LABEL, y + 11, f'{free} of {total} free', 'faint')
    return y + _LINE


def _devices(pen: _Pen, cell: views.CellView, y: float) -> float:
    for pool in cell.pools:
        y = _pool(pen, pool, y)
    return y


def _pool(pen: _Pen, pool: views.PoolView, y: float) -> float:
    where = f'{wording.address_name(pool.address)} ' if pool.address else ''
    text = f'{where}{wording.shortened(pool.label, 24)} {pool.kind}'
    pen.text(0, y + 12, f'{text} · {pool.free} of {pool.total} free')
    y += _LINE
    if not pool.owners:
        return y
    pen.boxes(
        (
            _LABEL + place % terminal.ROW * _PITCH,
            y + place // terminal.ROW * _PITCH,
            owner,
        )
        for place, owner in enumerate(pool.owners)
    )
    return y + -(-len(pool.owners) // terminal.ROW) * _PITCH + 3


def _loose(pools: Sequence[views.PoolView]) -> tuple[_Pen, float]:
    pen = _Pen()
    pen.text(0, 20, 'on no cell', 'head')
    y = 32.0
    for pool in pools:
        y = _pool(pen, pool, y)
    return pen, y


def _places(pen: _Pen, cell: views.CellView, y: float) -> float:
    lines = []
    if cell.networks:
        lines.append(f'near {", ".join(cell.networks)}')
    if others := [other for other in cell.distances if other != cell.id]:
        far = ', '.join(f'{o}: {cell.distances[o]}' for o in sorted(others))
        lines.append(f'distance to cell {far}')
    for line in lines:
        most = int(_INNER / _LETTER * 1.1)
        pen.text(0, y + 12, wording.shortened(line, most), 'faint')
        y += _LINE
    return y


def _legend(pen: _Pen, view: views.HostView, y: float, width: float) -> float:
    """Tell what the marks mean; returns the height."""
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
        pen.boxes([(x, y, mark)])
        pen.text(x + 22, y + 11, meaning, 'faint')
        x += 22 + len(meaning) * _LETTER + 24
    return (rows + bool(x)) * _LINE


def _entry(
    pen: _Pen, guest: views.GuestView, x: float, y: float, wide: float
) -> None:
    """Write who has a mark, and as much of what it has as there is room."""
    if guest.mark:
        pen.boxes([(x, y, guest.mark)])
    room = int((wide - 34) / _LETTER)
    name = wording.shortened(guest.name, min(26, room))
    facts = wording.shortened(
        ' · '.join(guest_facts(guest)), max(1, room - len(name) - 1)
    )
    pen.text(x + 22, y + 11, name)
    span = ET.SubElement(
        pen.group[-1], 'tspan', {'class': 'faint', 'fill': _FAINT, 'dx': '6'}
    )
    span.text = facts


def guest_facts(guest: views.GuestView) -> Iterator[str]:
    """Tell what a guest has, in few words."""
    if pinned := sum(len(cell.host_cpus) for cell in guest.cells):
        yield f'{pinned} CPUs'
    if guest.cells:
        cells = sorted({cell.host_cell for cell in guest.cells})
        numbers = ', '.join(map(str, cells))
        yield f'cell{"s" * (len(cells) > 1)} {numbers}'
    if guest.devices:
        yield f'{len(guest.devices)} device{"s" * (len(guest.devices) > 1)}'
    yield guest.flavor
