"""Colours of guests, the same in every picture.

Light enough for black letters, apart enough from their neighbours for most
kinds of colour blindness; a letter says the same.
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


#: Owners of CPUs and devices that are no guest: nobody; nobody in
#: particular; a guest that has the rest of the core or card; somebody.
FREE = '.'
SHARED = '~'
BLOCKED = '-'
UNKNOWN_OWNER = '?'

#: Of guests, in this order; letters that look alike are left out.
MARKS = (
    string.ascii_lowercase
    + string.ascii_uppercase
    + string.digits
    + 'βγδεζηθλμξπστφχψωΓΔΘΛΞΠΣΦΨΩ'
)
#: Of one of more guests than there are marks.
OVERFLOW_MARK = '*'

_NUMBERS = {mark: place for place, mark in enumerate(MARKS)}


def of_guest(mark: str) -> str:
    """Return the colour of a guest's mark."""
    return PALETTE[_NUMBERS.get(mark, 0) % len(PALETTE)]
