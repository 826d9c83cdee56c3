"""Names, sizes and sets of CPUs as text."""

import unicodedata

# Control, format (bidirectional overrides among them), surrogate, private
# and unassigned characters, line and paragraph separators.
_UNPRINTABLE = frozenset(('Cc', 'Cf', 'Cs', 'Co', 'Cn', 'Zl', 'Zp'))
_REPLACEMENT = '\N{REPLACEMENT CHARACTER}'


def printable(text: str) -> str:
    """A tenant's text without characters that control terminals or XML."""
    if text.isascii() and text.isprintable():
        return text
    return ''.join(
        _REPLACEMENT if unicodedata.category(char) in _UNPRINTABLE else char
        for char in text
    )


def truncate(text: str, most: int) -> str:
    """A text cut to at most ``most`` characters."""
    return text if len(text) <= most else f'{text[: most - 1]}…'


def size_name(size_kib: int) -> str:
    """A size in KiB as a short name: ``2M`` for 2048."""
    for unit, kib in (('G', 1024 * 1024), ('M', 1024)):
        if size_kib % kib == 0:
            return f'{size_kib // kib}{unit}'
    return f'{size_kib}K'


def memory_name(mib: int) -> str:
    """Memory in MiB, rounded if large: ``187 GiB`` for 191488."""
    if mib < 10240 and mib % 1024:
        return f'{mib} MiB'
    return f'{mib / 1024:.0f} GiB'


def address_name(address: str) -> str:
    """A PCI address without the domain 0000, which nearly all have."""
    return address.removeprefix('0000:')


def link_name(mbps: int | None) -> str:
    """The speed of a link in Mbit/s as a short name: ``25G`` for 25000."""
    if mbps is None:
        return ''
    return f'{mbps / 1000:g}G' if mbps >= 1000 else f'{mbps}M'
