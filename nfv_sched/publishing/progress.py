"""How far a long pass is, for the log."""

from collections.abc import Callable
import logging
import time

LOG = logging.getLogger(__name__)

#: Seconds between two lines.
INTERVAL = 10.0


class ProgressLog:
    """Log now and then how many hosts are done, and the time left.

    The time left follows from the hosts since the last line: hosts that need
    no write take much less time than others.

    :param total: the number of hosts
    :param clock: monotonic seconds
    """

    def __init__(
        self, total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._done = 0
        self._total = total
        self._clock = clock
        self._last = (clock(), 0)

    def advance(self) -> None:
        """Count one host; at times, log a line."""
        self._done += 1
        now = self._clock()
        then, done_then = self._last
        if now - then < INTERVAL:
            return
        self._last = (now, self._done)
        per_host = (now - then) / (self._done - done_then)
        LOG.info(
            'Published %d of %d hosts, about %s left',
            self._done,
            self._total,
            _text(per_host * (self._total - self._done)),
        )


def _text(seconds: float) -> str:
    if seconds < 120:
        return f'{seconds:.0f} s'
    return f'{seconds / 60:.0f} min'
