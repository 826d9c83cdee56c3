"""How badly the free capacity of a host is spread: by counts alone."""

from collections.abc import Iterable
from collections.abc import Sequence
from typing import NamedTuple

from nfv_sched.render.host_view import CellView
from nfv_sched.render.host_view import HostView

#: Pages above this size in KiB are huge.
SMALL_PAGE_KIB = 64


def fragmentation(free: Sequence[int], sizes: Sequence[int]) -> float:
    """The share of free CPUs that is lost to how they are spread, 0 to 1.

    Guests of one cell and of ``k`` CPUs fit ``sum(free_c // k)`` times.
    Were the free CPUs moved together, filling the largest cells first, they
    would fit ``sum(together_c // k)`` times. The loss at ``k`` is what share
    of the latter is missing; fragmentation is its mean over all ``k`` that
    fit once the free CPUs are together. An empty host and a full one have
    none.

    :param free: free dedicated CPUs of each cell
    :param sizes: dedicated CPUs of each cell, in the same order
    """
    together = consolidated(sum(free), sizes)
    largest = max(together, default=0)
    if largest <= 0:
        return 0.0
    lost = 0.0
    for size in range(1, largest + 1):
        possible = sum(count // size for count in together)
        actual = sum(count // size for count in free)
        lost += max(0.0, 1 - actual / possible)
    return lost / largest


def consolidated(free: int, sizes: Iterable[int]) -> list[int]:
    """Return the free CPUs of each cell if they were moved together."""
    together = []
    for size in sorted(sizes, reverse=True):
        together.append(min(size, free))
        free -= together[-1]
    return together


def is_dead(cell: CellView) -> bool:
    """Whether free devices of a cell are of no use to a guest beside them.

    It has no free dedicated CPU, or no free huge page of any size. A cell
    that has no dedicated CPUs, or no huge pages, at all was not meant to
    have any and is judged by the other.
    """
    huge = [pool for pool in cell.pages if pool.size_kib > SMALL_PAGE_KIB]
    huge = [pool for pool in huge if pool.usable > 0]
    no_cpus = cell.dedicated > 0 and cell.free <= 0
    no_pages = bool(huge) and all(pool.free <= 0 for pool in huge)
    return no_cpus or no_pages


def stranded(cell: CellView) -> int:
    """How many free devices of a cell no guest beside them can use."""
    return sum(pool.free for pool in cell.pools) if is_dead(cell) else 0


class HostMetrics(NamedTuple):
    """A host in numbers.

    ``pages`` are pairs of free and usable ones by size in KiB, ``guests``
    and ``broken_cores`` are None where they are not known.
    """

    guests: int | None
    free_cpus: int
    cpus: int
    pages: dict[int, tuple[int, int]]
    free_devices: int
    devices: int
    stranded: int
    broken_cores: int | None
    fragmentation: float


def host_metrics(host: HostView) -> HostMetrics:
    """Count what a host has free, and what use it is."""
    pages: dict[int, tuple[int, int]] = {}
    for cell in host.cells:
        for pool in cell.pages:
            free, usable = pages.get(pool.size_kib, (0, 0))
            pages[pool.size_kib] = (
                free + max(0, pool.free),
                usable + pool.usable,
            )
    broken = [cell.broken_cores for cell in host.cells]
    known = [count for count in broken if count is not None]
    return HostMetrics(
        guests=None if host.guests is None else len(host.guests),
        free_cpus=sum(cell.free for cell in host.cells),
        cpus=sum(cell.dedicated for cell in host.cells),
        pages=pages,
        free_devices=sum(pool.free for pool in host.all_pools),
        devices=sum(pool.total for pool in host.all_pools),
        stranded=sum(stranded(cell) for cell in host.cells),
        broken_cores=sum(known) if len(known) == len(broken) else None,
        fragmentation=fragmentation(
            [cell.free for cell in host.cells],
            [cell.dedicated for cell in host.cells],
        ),
    )
