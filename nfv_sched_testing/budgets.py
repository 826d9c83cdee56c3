"""How much random tests try: a share by default, which CI has time for.

``NFV_EXHAUSTIVE=1`` tries five times as much, ``NFV_EXHAUSTIVE=all``
spends the full budgets.
"""

import os

_WANTED = os.environ.get('NFV_EXHAUSTIVE', '')
EXHAUSTIVE = _WANTED not in ('', '0')
ALL = _WANTED == 'all'

_SHARE = 1 if ALL else 12 if EXHAUSTIVE else 64
_LEAST = 100 if EXHAUSTIVE else 40


def examples(full):
    """The number of examples, ``full`` of them if all budgets are spent."""
    return min(full, max(_LEAST, full // _SHARE))


def every():
    """One of how many calls of a pass is tried with a fault."""
    if ALL:
        return 1
    return 37 if EXHAUSTIVE else 97
