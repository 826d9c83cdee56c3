"""Full garbage collections, kept out of long reads.

A full collection visits every object of the process, and all its threads wait
meanwhile: a tenth of a second and more in nova-scheduler. A read of thousands
of trees makes enough objects for some of them.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import gc
from typing import TypeVar

T = TypeVar('T')

#: Items after which objects are frozen.
_EVERY = 256


def defer_full_collections(items: Iterable[T]) -> Iterator[T]:
    """The items; between the first hundreds and the end no full collection.

    What the process has is frozen meanwhile, see :func:`gc.freeze`: it lives
    as long as before, but cyclic garbage stays until the end. Not done where
    something else has frozen objects, which must stay frozen.
    """
    ours = False
    try:
        for number, item in enumerate(items, 1):
            if number % _EVERY == 0 and (ours or not gc.get_freeze_count()):
                ours = True
                gc.freeze()
            yield item
    finally:
        if ours:
            gc.unfreeze()
