"""Which of several publishers works; the others wait for it to go."""

import contextlib
import logging
import os
import socket
from typing import Any

from tooz import coordination

from nfv_sched.nova.redact import describe_error

LOG = logging.getLogger(__name__)

LOCK = b'nfv-sched-publisher'


class SoleLeader:
    """A publisher that asks nobody: several at once do no harm."""

    def leads(self) -> bool:
        """Whether to work: always."""
        return True

    def close(self) -> None:
        """Nothing is held."""


class ElectedLeader:
    """The holder of a lock of tooz, which every driver of it has.

    Whoever cannot reach the coordination service works all the same: two
    publishers at once only do some work twice, none at all leaves Placement
    behind.

    :param url: of the coordination service, which may carry a password
    """

    def __init__(self, url: str, lock: bytes = LOCK) -> None:
        self._url = url
        self._name = lock
        self._coordinator: Any = None
        self._lock: Any = None
        self._state: str | None = None

    def leads(self) -> bool:
        """Whether to work; takes the lock if nobody has it."""
        try:
            leads = self._try()
        except Exception as error:
            # Drivers raise what their libraries do.
            self.close()
            self._say('alone', describe_error(error))
            return True
        self._say('leader' if leads else 'standby')
        return leads

    def close(self) -> None:
        """Let another publisher have the lock."""
        lock, coordinator = self._lock, self._coordinator
        self._lock = self._coordinator = None
        with contextlib.suppress(Exception):
            if lock is not None and lock.acquired:
                lock.release()
        with contextlib.suppress(Exception):
            if coordinator is not None:
                coordinator.stop()

    def _try(self) -> bool:
        if self._coordinator is None:
            member = f'{socket.gethostname()}.{os.getpid()}'.encode()
            self._coordinator = coordination.get_coordinator(self._url, member)
            self._coordinator.start(start_heart=True)
            self._lock = self._coordinator.get_lock(self._name)
        lock = self._lock
        if lock.acquired and _is_lost(lock):
            # The service forgot us; another one may have it by now.
            self.close()
            return self._try()
        return bool(lock.acquired or lock.acquire(blocking=False))

    def _say(self, state: str, problem: str = '') -> None:
        """Log what this publisher is when it becomes that."""
        if state == self._state:
            return
        self._state = state
        match state:
            case 'alone':
                LOG.warning(
                    'The coordination service cannot be used, this publisher '
                    'goes on without: %s',
                    problem,
                )
            case 'leader':
                LOG.info('This publisher leads')
            case _:
                LOG.info('Another publisher leads, this one stands by')


def _is_lost(lock: Any) -> bool:
    try:
        return not lock.is_still_owner()
    except NotImplementedError:
        # Held by the connection: it would have raised.
        return False
