"""Repeat what a lost connection to Placement has interrupted."""

from collections.abc import Callable
import logging
import time
from typing import TypeVar

from nfv_sched.placement.errors import DeadlineExceeded
from nfv_sched.placement.errors import Unavailable

T = TypeVar('T')

LOG = logging.getLogger(__name__)

#: Seconds between two attempts, from the first to the longest.
_FIRST, _LONGEST = 0.1, 5.0


def patiently(work: Callable[[], T], seconds: float) -> T:
    """The result of ``work``, which is repeated while Placement is away.

    Requests that were not answered in time are not repeated: their time is
    up. The last attempt begins before ``seconds`` have passed.

    :param work: may have been done in part before
    :raises Unavailable: as ``work``
    """
    end = time.monotonic() + seconds
    pause = _FIRST
    while True:
        try:
            return work()
        except DeadlineExceeded:
            raise
        except Unavailable as error:
            if time.monotonic() + pause >= end:
                raise
            LOG.info('Again in %.1f s: %s', pause, error)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST)
