"""How much random tests try: a quick look by default, all of it in CI."""

import os

#: ``NFV_EXHAUSTIVE=1`` spends the full budgets.
EXHAUSTIVE = os.environ.get('NFV_EXHAUSTIVE', '') not in ('', '0')

_SHARE = 5
_LEAST = 100


def examples(full):
    """The number of examples, of which ``full`` are tried exhaustively."""
    return full if EXHAUSTIVE else max(_LEAST, full // _SHARE)
