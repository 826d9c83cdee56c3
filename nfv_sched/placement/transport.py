"""A total deadline for HTTP requests of a keystoneauth session.

The timeouts of requests and keystoneauth limit one connect and one read: a
server that sends a byte from time to time keeps its client waiting without
limit. Here a timer shuts the socket down when the time is up, in any phase of
the request (sending, waiting, headers, body), to Placement or to Keystone.

requests and urllib3 have no public hook for that: this module depends on
internals of both, which ``tests/placement/test_transport.py`` lists, hence
setup.cfg caps the version of urllib3.
"""

from collections.abc import Callable
import contextlib
import functools
import socket
import threading
import time
from types import TracebackType
from typing import Any
from typing import Self

import requests.adapters
from urllib3.connection import HTTPConnection
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.poolmanager import PoolManager
from urllib3.poolmanager import ProxyManager

from nfv_sched.placement.errors import DeadlineExceeded

#: Seconds in which a host has to accept a connection: one that is there does
#: so in milliseconds, and requests are then given the rest of the deadline.
CONNECT_SECONDS = 5.0


class _Current(threading.local):
    deadline: 'Deadline | None' = None


_current = _Current()


def current() -> 'Deadline | None':
    """The innermost deadline of the calling thread, None without any."""
    return _current.deadline


class Deadline:
    """Abort the requests of its thread in the ``with`` block at a deadline.

    This works for sessions that went through :func:`apply_deadlines`. Name
    resolution is not aborted: the resolver has its own limits. Connecting may
    take ``CONNECT_SECONDS`` once per address of the name.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._expired = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._outer: Deadline | None = None
        self._timer = threading.Timer(seconds, self.cancel)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._outer, _current.deadline = _current.deadline, self
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            # From now on it may be an idle connection of the pool.
            self._socket = None
        _current.deadline = self._outer

    @property
    def expired(self) -> bool:
        """Whether time is up, or :meth:`cancel` was called."""
        return self._expired or time.monotonic() >= self._end

    def left(self) -> float:
        """The remaining seconds, more than 0.

        :raises DeadlineExceeded: none remain
        """
        left = self._end - time.monotonic()
        if self._expired or left <= 0:
            raise DeadlineExceeded(f'no answer within {self.seconds:g} s')
        return left

    def watch(self, sock: socket.socket) -> None:
        """Make ``sock`` the socket to shut down.

        :raises DeadlineExceeded: the time is up
        """
        with self._lock:
            self._socket = sock
        self.left()

    def cancel(self) -> None:
        """End the time now; any thread may call this."""
        with self._lock:
            self._expired = True
            if self._socket is not None:
                # Not the method of an SSL socket: it removes the TLS layer
                # while another thread reads. OSError: already closed.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _connect(connection: HTTPConnection, connect: Callable[[], None]) -> None:
    """Connect within the deadline, and let it watch the connection."""
    if (deadline := current()) is None:
        connect()
        return
    connection.timeout = min(CONNECT_SECONDS, deadline.left())
    connect()
    connection.timeout = deadline.left()
    if connection.sock is not None:
        connection.sock.settimeout(connection.timeout)
        deadline.watch(connection.sock)


class _HTTP(HTTPConnection):
    def connect(self) -> None:
        _connect(self, super().connect)

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        if (deadline := current()) is not None and self.sock is not None:
            deadline.watch(self.sock)
        super().putrequest(*args, **kwargs)

    def getresponse(self) -> Any:
        if (deadline := current()) is not None:
            self.timeout = deadline.left()
        return super().getresponse()


class _HTTPS(HTTPSConnection):
    def connect(self) -> None:
        _connect(self, super().connect)

    putrequest = _HTTP.putrequest
    getresponse = _HTTP.getresponse


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPS


_POOLS: dict[str, type] = {
    'http': _HTTPPool,
    'https': _HTTPSPool,
}


def apply_deadlines(session: requests.Session) -> None:
    """Make the requests of ``session`` follow :class:`Deadline`.

    The session's adapters keep their settings (keep-alive, TLS limits). The
    connections that they open from now on are of our classes, also those to
    HTTP proxies (not to SOCKS proxies); outside a deadline these behave like
    urllib3's. Calling this twice has no further effect.
    """
    for adapter in session.adapters.values():
        if isinstance(adapter, requests.adapters.HTTPAdapter):
            _use_our_pools(adapter.poolmanager)
            proxied = functools.partial(_proxy_manager_for, adapter)
            adapter.proxy_manager_for = proxied  # type: ignore[method-assign]


def _proxy_manager_for(
    adapter: requests.adapters.HTTPAdapter, proxy: str, **kwargs: Any
) -> PoolManager:
    manager: PoolManager = type(adapter).proxy_manager_for(
        adapter, proxy, **kwargs
    )
    if isinstance(manager, ProxyManager):
        _use_our_pools(manager)
    return manager


def _use_our_pools(manager: PoolManager) -> None:
    if manager.pool_classes_by_scheme is not _POOLS:
        manager.clear()
        manager.pool_classes_by_scheme = _POOLS
