"""Free amounts of each resource on each NUMA node of a cloud."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

from nfv_sched.model.pages import huge_pages
from nfv_sched.render.device_view import PoolView
from nfv_sched.render.formatting import size_name
from nfv_sched.render.host_view import CellView
from nfv_sched.render.host_view import HostView

#: Shares in use, from unused to full.
LEVELS = ('unused', 'to 25 %', 'to 50 %', 'to 75 %', 'below 100 %', 'full')


class Amount(NamedTuple):
    """A resource on a NUMA node; ``total`` is what instances may use."""

    free: int
    total: int

    @property
    def level(self) -> int | None:
        """Index into LEVELS by the share in use; None without capacity."""
        if self.total <= 0:
            return None
        used = 1 - max(0, self.free) / self.total
        if used <= 0 or used >= 1:
            return 0 if used <= 0 else 5
        return 1 + int(4 * used)

    @property
    def short(self) -> str:
        """The free amount in four characters."""
        if self.total <= 0:
            return '-'
        if abs(self.free) < 1000:
            return str(self.free)
        return f'{self.free // 1000}k'


class HeatmapRow(NamedTuple):
    """One resource: ``amounts`` by host and NUMA node, in order."""

    name: str
    amounts: tuple[tuple[Amount, ...], ...]

    @property
    def amount(self) -> Amount:
        """The amount of the whole cloud."""
        return Amount(
            sum(
                max(0, amount.free) for host in self.amounts for amount in host
            ),
            sum(amount.total for host in self.amounts for amount in host),
        )


_Measure = Callable[[CellView], Amount]


def resources(hosts: Sequence[HostView]) -> list[HeatmapRow]:
    """The resources that any NUMA node has."""
    return [
        HeatmapRow(
            name,
            tuple(tuple(map(measure, host.cells)) for host in hosts),
        )
        for name, measure in _measures(hosts)
    ]


def _measures(hosts: Sequence[HostView]) -> Iterator[tuple[str, _Measure]]:
    cells = [cell for host in hosts for cell in host.cells]
    if any(cell.dedicated for cell in cells):
        yield 'dedicated CPUs', lambda cell: Amount(cell.free, cell.dedicated)
    sizes = {
        pool.size_kib for cell in cells for pool in huge_pages(cell.pages)
    }
    for size in sorted(sizes, reverse=True):
        yield f'pages of {size_name(size)}', _pages_of(size)
    kinds = {device_kind(pool) for cell in cells for pool in cell.pools}
    for kind in sorted(kinds):
        yield kind, _devices_of(kind)


def device_kind(pool: PoolView) -> str:
    """The name under which devices of different hosts are compared."""
    return f'{pool.label} {pool.kind}'


def _pages_of(size: int) -> _Measure:
    def measure(cell: CellView) -> Amount:
        return _sum(
            Amount(pool.free, pool.usable)
            for pool in huge_pages(cell.pages)
            if pool.size_kib == size
        )

    return measure


def _devices_of(kind: str) -> _Measure:
    def measure(cell: CellView) -> Amount:
        return _sum(
            Amount(pool.free, pool.total)
            for pool in cell.pools
            if device_kind(pool) == kind
        )

    return measure


def _sum(amounts: Iterable[Amount]) -> Amount:
    listed = list(amounts)
    return Amount(
        sum(amount.free for amount in listed),
        sum(amount.total for amount in listed),
    )
