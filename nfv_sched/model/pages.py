"""Base pages and huge pages: which page sizes of a NUMA node are which.

The kernel of a host has base pages of 4, 16 or 64 KiB, as it was built; 64 KiB
are huge pages of arm64 with base pages of 4 KiB. nova-compute reports the base
pages as the pool of the smallest size.
"""

from collections.abc import Iterable
from typing import Protocol
from typing import TypeVar

#: KiB of base pages where none are reported, as of nearly all hosts.
USUAL_BASE_KIB = 4
#: KiB; no kernel has larger base pages.
_LARGEST_BASE = 64


class _Pool(Protocol):
    @property
    def size_kib(self) -> int: ...


P = TypeVar('P', bound=_Pool)


def base_page_kib(sizes: Iterable[int]) -> int:
    """The size of base pages, in KiB; 0 where none are reported.

    :param sizes: of all pages of a NUMA node, in KiB
    """
    smallest = min(sizes, default=0)
    return smallest if smallest <= _LARGEST_BASE else 0


def huge_pages(pools: Iterable[P]) -> list[P]:
    """The pools of huge pages among all of a NUMA node, in their order."""
    known = list(pools)
    base = base_page_kib(pool.size_kib for pool in known)
    return [pool for pool in known if pool.size_kib > base]
