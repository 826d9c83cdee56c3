"""CPU numbers in the notation of the kernel and of nova.conf."""

from collections.abc import Iterable
import itertools


def ranges(cpus: Iterable[int]) -> str:
    """CPUs as a list of ranges: ``0-3,8``."""
    runs = itertools.groupby(
        enumerate(sorted(cpus)), lambda pair: pair[1] - pair[0]
    )
    parts = []
    for _, run in runs:
        members = [cpu for _, cpu in run]
        first, last = members[0], members[-1]
        parts.append(str(first) if first == last else f'{first}-{last}')
    return ','.join(parts)
