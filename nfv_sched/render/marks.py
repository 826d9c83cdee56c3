"""Letters and colours of the owners of CPUs and devices in NUMA maps.

The colours are light enough for black letters. Neighbours in the palette are
distinct with most kinds of colour blindness; the letters carry the same
information.
"""

import string

#: Okabe and Ito's colours, and lighter and darker ones between them.
PALETTE = (
    '#e69f00',
    '#56b4e9',
    '#2db88a',
    '#f0e442',
    '#6ea6e0',
    '#e8834a',
    '#d992bb',
    '#b5d334',
    '#9fd8f7',
    '#f2c879',
    '#b7a0e0',
    '#f59a9a',
)


#: Marks of CPUs and devices without a known instance: free, shared CPU,
#: unavailable because the rest of the core or card is in use, unknown owner.
FREE = '.'
SHARED = '~'
BLOCKED = '-'
UNKNOWN_OWNER = '?'
#: Mark of a CPU to which several instances are pinned.
CONFLICT = '!'
#: Mark of a CPU that is not dedicated, and to which an instance is pinned.
OUTSIDE = '^'

#: Marks of instances, in this order, without letters that look alike.
MARKS = (
    string.ascii_lowercase
    + string.ascii_uppercase
    + string.digits
    + 'βγδεζηθλμξπστφχψωΓΔΘΛΞΠΣΦΨΩ'
)
#: The mark of instances beyond those.
OVERFLOW_MARK = '*'

_NUMBERS = {mark: place for place, mark in enumerate(MARKS)}


def colour_of(mark: str) -> str:
    """The colour of an instance's mark."""
    return PALETTE[_NUMBERS.get(mark, 0) % len(PALETTE)]
