"""Colours of guests, the same in every picture.

Light enough for black letters, apart enough from their neighbours for most
kinds of colour blindness; a letter says the same.
"""

from nfv_sched.picture import owners

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

_NUMBERS = {mark: place for place, mark in enumerate(owners.MARKS)}


def of_guest(mark: str) -> str:
    """Return the colour of a guest's mark."""
    return PALETTE[_NUMBERS.get(mark, 0) % len(PALETTE)]
