"""How pictures write names, sizes and sets of CPUs."""

from collections.abc import Iterable
import itertools
import unicodedata

# Control, format (bidirectional overrides among them), surrogate, private
# and unassigned characters, line and paragraph separators.
_UNPRINTABLE = frozenset(('Cc', 'Cf', 'Cs', 'Co', 'Cn', 'Zl', 'Zp'))
_REPLACEMENT = '\N{REPLACEMENT CHARACTER}'


def printable(text: str) -> str:
    """Return a tenant's text without what a terminal or XML acts upon."""
    if text.isascii() and text.isprintable():
        return text
    return ''.join(
        _REPLACEMENT if unicodedata.category(char) in _UNPRINTABLE else char
        for char in text
    )


def truncate(text: str, most: int) -> str:
    """Return at most so many characters of a text."""
    return text if len(text) <= most else f'{text[: most - 1]}…'


def size_name(size_kib: int) -> str:
    """Return ``2M`` for 2048: a size in KiB as people say it."""
    for unit, kib in (('G', 1024 * 1024), ('M', 1024)):
        if size_kib % kib == 0:
            return f'{size_kib // kib}{unit}'
    return f'{size_kib}K'


def memory_name(mib: int) -> str:
    """Return ``187 GiB`` for 191488: memory in MiB, rounded if large."""
    if mib < 10240 and mib % 1024:
        return f'{mib} MiB'
    return f'{mib / 1024:.0f} GiB'


def ranges(cpus: Iterable[int]) -> str:
    """Return ``0-3,8``: CPUs as the kernel lists them."""
    runs = itertools.groupby(
        enumerate(sorted(cpus)), lambda pair: pair[1] - pair[0]
    )
    parts = []
    for _, run in runs:
        members = [cpu for _, cpu in run]
        first, last = members[0], members[-1]
        parts.append(str(first) if first == last else f'{first}-{last}')
    return ','.join(parts)


def address_name(address: str) -> str:
    """Return a PCI address without the domain that nearly all have."""
    return address.removeprefix('0000:')


def link_name(mbps: int | None) -> str:
    """Return ``25G`` for 25000: the speed of a link in Mbit/s."""
    if mbps is None:
        return ''
    return f'{mbps / 1000:g}G' if mbps >= 1000 else f'{mbps}M'
