"""Base pages and huge pages of hosts with any kernel."""

import pytest

from nfv_sched.model import PagePool
from nfv_sched.model.pages import base_page_kib
from nfv_sched.model.pages import huge_pages

M, G = 1024, 1024 * 1024


@pytest.mark.parametrize(
    ('sizes', 'base'),
    [
        ((4, 2 * M, G), 4),
        # arm64 with base pages of 4, 16 and 64 KiB.
        ((G, 2 * M, 64, 4), 4),
        ((16, 32 * M, 2 * M), 16),
        ((64, 512 * M, 2 * M), 64),
        # Base pages that are not reported, and nothing at all.
        ((2 * M, G), 0),
        ((), 0),
    ],
)
def test_the_smallest_pages_are_base_pages(sizes, base):
    assert base_page_kib(sizes) == base
    pools = [PagePool(size, 8) for size in sizes]
    huge = huge_pages(pools)
    assert [pool.size_kib for pool in huge] == [
        size for size in sizes if size != base
    ]
