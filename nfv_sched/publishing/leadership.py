"""Leader election: one of several publishers is active."""

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
    """The leadership of a publisher without coordination.

    Several active publishers do no harm.
    """

    def leads(self) -> bool:
        """Whether this publisher is active: always."""
        return True

    def close(self) -> None:
        """Do nothing: no lock is held."""


class ElectedLeader:
    """Leadership by a tooz lock, which every driver of tooz has.

    A publisher that cannot reach the coordination service is active: with two
    active publishers some work is done twice, without any Placement becomes
    out of date.

    :param url: of the coordination service; may contain a password
    """

    def __init__(self, url: str, lock: bytes = LOCK) -> None:
        self._url = url
        self._name = lock
        self._coordinator: Any = None
        self._lock: Any = None
        self._state: str | None = None

    def leads(self) -> bool:
        """Whether this publisher is active; takes the lock if it is free."""
        try:
            leads = self._hold_lock()
        except Exception as error:
            # Drivers raise the exceptions of their libraries.
            self.close()
            self._log_state('alone', describe_error(error))
            return True
        self._log_state('leader' if leads else 'standby')
        return leads

    def close(self) -> None:
        """Release the lock for another publisher."""
        lock, coordinator = self._lock, self._coordinator
        self._lock = self._coordinator = None
        with contextlib.suppress(Exception):
            if lock is not None and lock.acquired:
                lock.release()
        with contextlib.suppress(Exception):
            if coordinator is not None:
                coordinator.stop()

    def _hold_lock(self) -> bool:
        if self._coordinator is None:
            member = f'{socket.gethostname()}.{os.getpid()}'.encode()
            self._coordinator = coordination.get_coordinator(self._url, member)
            self._coordinator.start(start_heart=True)
            self._lock = self._coordinator.get_lock(self._name)
        lock = self._lock
        if lock.acquired and _is_lost(lock):
            # The service expired our session: another may hold the lock now.
            self.close()
            return self._hold_lock()
        return bool(lock.acquired or lock.acquire(blocking=False))

    def _log_state(self, state: str, problem: str = '') -> None:
        """Log the state of this publisher when it changes."""
        if state == self._state:
            return
        self._state = state
        match state:
            case 'alone':
                LOG.warning(
                    'The coordination service is not available, this '
                    'publisher continues without it: %s',
                    problem,
                )
            case 'leader':
                LOG.info('This publisher is active')
            case _:
                LOG.info('Another publisher is active, this one is on standby')


def _is_lost(lock: Any) -> bool:
    try:
        return not lock.is_still_owner()
    except NotImplementedError:
        # The lock belongs to the connection: losing it raises an error.
        return False
