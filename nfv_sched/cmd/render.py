"""Drawing simulated hosts with rich: the NUMA map.

Colours are for a terminal; every mark is a letter, too, so that the map says
the same on paper and in a pipe.
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

from nfv_sched.sim import views

_CORES_A_ROW = 8
_BAR = 16

_PALETTE = (
    'dark_orange',
    'deep_sky_blue1',
    'chartreuse3',
    'magenta',
    'gold1',
    'turquoise2',
    'salmon1',
    'medium_purple1',
    'spring_green2',
    'hot_pink',
    'khaki1',
    'cornflower_blue',
)
_STYLES = {
    views.FREE: Style(dim=True),
    views.HOST: Style(color='grey42'),
    views.SHARED: Style(color='grey62'),
}


def _style(owner: str) -> Style:
    if owner in _STYLES:
        return _STYLES[owner]
    colour = _PALETTE[ord(owner) % len(_PALETTE)]
    return Style(color='black', bgcolor=colour, bold=True)


def marks(owners: Iterable[str]) -> Text:
    """Return one character per owner, each in the owner's colour."""
    text = Text()
    for owner in owners:
        text.append(owner, _style(owner))
    return text


def size_name(size_kib: int) -> str:
    """Return ``2M`` for 2048: a size in KiB as people say it."""
    for unit, kib in (('G', 1024 * 1024), ('M', 1024)):
        if size_kib % kib == 0:
            return f'{size_kib // kib}{unit}'
    return f'{size_kib}K'


def bar(pages: views.PagesView) -> Text:
    """Return a page pool as a bar: used, kept by the host, free."""
    used = round(_BAR * pages.used / pages.total) if pages.total else 0
    if pages.used:
        used = max(1, used)
    kept = round(_BAR * pages.reserved / pages.total) if pages.total else 0
    if pages.reserved:
        kept = max(1, kept)
    used = min(used, _BAR - kept)
    text = Text(f'{size_name(pages.size_kib):>3} ')
    text.append('=' * used, Style(color='green', bold=True))
    text.append('#' * kept, _STYLES[views.HOST])
    text.append('.' * (_BAR - used - kept), _STYLES[views.FREE])
    text.append(f' {pages.used}/{pages.total}')
    if pages.reserved:
        text.append(f', host {pages.reserved}')
    return text


def _core_rows(cores: Sequence[views.CoreView]) -> Iterator[Text]:
    for start in range(0, len(cores), _CORES_A_ROW):
        row = cores[start : start + _CORES_A_ROW]
        text = Text().append(f'{row[0].cpus[0]:>3} ', Style(dim=True))
        text.append_text(Text(' ').join(marks(core.owners) for core in row))
        yield text


def _ports(ports: Sequence[views.PortView]) -> Iterator[Text]:
    for port in ports:
        text = Text(port.address.removeprefix('0000:') + ' ')
        text.append(f'{port.label} ', Style(dim=True))
        if port.owners:
            free = port.owners.count(views.FREE)
            text.append(f'{free}/{len(port.owners)} free')
            yield text
            text = Text('    ').append_text(marks(port.owners))
        else:
            text.append("the host's", _STYLES[views.HOST])
        yield text


def cell_panel(cell: views.CellView) -> Panel:
    """Return one cell: its cores, page pools and ports."""
    socket = '' if cell.socket is None else f', socket {cell.socket}'
    lines = [*_core_rows(cell.cores), *map(bar, cell.pages)]
    if cell.shared:
        lines.append(
            Text(
                f'  {views.SHARED} {cell.shared_used} floating guest CPUs '
                f'on {cell.shared}',
                Style(dim=True),
            )
        )
    lines += _ports(cell.ports)
    return Panel(
        Text('\n').join(lines),
        title=f'cell {cell.id}{socket}',
        title_align='left',
        box=box.SQUARE,
        expand=False,
        padding=(0, 1),
    )


class _Cells:
    """Cells side by side, as many in each row as in the others."""

    def __init__(self, cells: Sequence[views.CellView]) -> None:
        self._panels = [cell_panel(cell) for cell in cells]

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        widest = max(
            console.measure(panel, options=options).maximum
            for panel in self._panels
        )
        count = len(self._panels)
        rows = -(-count // max(1, options.max_width // (widest + 1)))
        width = -(-count // rows)
        grid = Table.grid(padding=(0, 1, 0, 0))
        for start in range(0, count, width):
            grid.add_row(*self._panels[start : start + width])
        yield grid


def _legend(view: views.HostView) -> RenderableType:
    entries = []
    for mark, guest in view.guests.items():
        text = marks(mark).append(f' {guest.name} ')
        entries.append(text.append(guest.flavor.name, Style(dim=True)))
    for mark, meaning in (
        (views.FREE, 'free'),
        (views.SHARED, 'shared CPUs'),
        (views.HOST, "the host's"),
    ):
        entries.append(marks(mark).append(f' {meaning}'))
    return Columns(entries, padding=(0, 3), equal=True)


def host_map(view: views.HostView) -> RenderableType:
    """Return a host's NUMA map: cells side by side, and who is who."""
    title = Text().append(view.name, Style(bold=True))
    title.append(f'  {view.about}', Style(dim=True))
    note = Text(
        'Each group is one core, one letter per thread; the number is the '
        "row's first CPU.",
        Style(dim=True),
    )
    return Group(
        title,
        _Cells(view.cells),
        _legend(view),
        note,
    )
