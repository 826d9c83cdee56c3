"""Fragmentation and stranded devices of hosts, by counts alone."""

from collections.abc import Iterable
from collections.abc import Sequence
from typing import NamedTuple

from nfv_sched.model.pages import huge_pages
from nfv_sched.render.host_view import CellView
from nfv_sched.render.host_view import HostView


def fragmentation(free: Sequence[int], sizes: Sequence[int]) -> float:
    """The share of free CPUs lost to their spread over NUMA nodes, 0 to 1.

    Instances of one guest NUMA node with ``k`` CPUs fit
    ``sum(free_c // k)`` times. If the free CPUs were consolidated, filling
    the largest NUMA nodes first, they would fit ``sum(together_c // k)``
    times. The loss at ``k`` is the share of the latter that is missing.
    Fragmentation is its mean over all ``k`` that fit the consolidated CPUs:
    0 for an empty host and for a full one.

    :param free: free dedicated CPUs of each NUMA node
    :param sizes: dedicated CPUs of each NUMA node, in the same order
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
    """The free CPUs of each NUMA node if they were consolidated."""
    together = []
    for size in sorted(sizes, reverse=True):
        together.append(min(size, free))
        free -= together[-1]
    return together


def is_dead(cell: CellView) -> bool:
    """Whether no instance can use the free devices of a NUMA node locally.

    That is without a free dedicated CPU, or without a free huge page of any
    size. A NUMA node configured without dedicated CPUs, or without huge
    pages, is judged by the other resource.
    """
    huge = [pool for pool in huge_pages(cell.pages) if pool.usable > 0]
    no_cpus = cell.dedicated > 0 and cell.free <= 0
    no_pages = bool(huge) and all(pool.free <= 0 for pool in huge)
    return no_cpus or no_pages


def stranded(cell: CellView) -> int:
    """The number of free devices that no instance can use locally."""
    return sum(pool.free for pool in cell.pools) if is_dead(cell) else 0


class HostMetrics(NamedTuple):
    """Figures of a host.

    ``pages`` has pairs of free and usable huge pages by size in KiB.
    ``guests``, the number of instances, and ``broken_cores`` are None if
    unknown.
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
    """The figures of a host."""
    pages: dict[int, tuple[int, int]] = {}
    for cell in host.cells:
        for pool in huge_pages(cell.pages):
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
