"""The scheduler's snapshot of the published topology, kept by a thread."""

from collections.abc import Callable
import dataclasses
import logging
import os
import threading
import time
from types import MappingProxyType
import weakref

from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.incremental_read import refresh
from nfv_sched.placement.incremental_read import TreeView
from nfv_sched.placement.provider_names import ProviderNames
from nfv_sched.placement.snapshot import Snapshot
from nfv_sched.placement.transport import Deadline

LOG = logging.getLogger(__name__)

#: Every 20th refresh reads all trees again: a change of a child alone does
#: not move its root, and the other refreshes do not read usage.
FULL_EVERY = 20


class TopologyReader:
    """Keep a :class:`~nfv_sched.placement.snapshot.Snapshot` up to date.

    Threads do not survive a fork: call :meth:`ensure_started` on first use
    in each process. A refresh that fails, for any reason, leaves the snapshot
    as it is. ``names`` are those of bandwidth providers, which each refresh
    completes.

    :param client_factory: makes the client, in the reader's own thread: it
        may read files and send requests to Keystone
    :param interval: seconds between two refreshes
    :param deadline: seconds that one refresh may take in all
    :param full_every: refreshes from one read of all trees to the next
    """

    def __init__(
        self,
        client_factory: Callable[[], PlacementClient],
        interval: float = 30.0,
        *,
        deadline: float = 20.0,
        full_every: int = FULL_EVERY,
    ) -> None:
        self._factory = client_factory
        self._interval = interval
        self._seconds = deadline
        self._full_every = full_every
        self.names = ProviderNames()
        self._snapshot = Snapshot()
        self._view = TreeView()
        self._rounds = 0
        self._client: PlacementClient | None = None
        self._deadline: Deadline | None = None
        self._thread: threading.Thread | None = None
        self._forget_thread()
        _READERS.add(self)

    @property
    def snapshot(self) -> Snapshot:
        """The last snapshot, empty at first; never waits or raises."""
        return self._snapshot

    def ensure_started(self) -> None:
        """Start the thread unless it runs, without waiting for Placement."""
        if self._running():
            return
        with self._lock:
            if self._running() or self._stopping.is_set():
                return
            self._thread = threading.Thread(
                target=self._run, name='nfv-topology-reader', daemon=True
            )
            self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """End the thread for good and abort its request.

        :returns: whether the thread ended within ``timeout`` seconds
        """
        self._stopping.set()
        deadline, thread = self._deadline, self._thread
        if deadline is not None:
            deadline.cancel()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
            return not thread.is_alive()
        return True

    def refresh(self) -> bool:
        """Refresh once, in the calling thread.

        :returns: whether the refresh succeeded
        """
        try:
            with Deadline(self._seconds) as deadline:
                self._deadline = deadline
                if self._stopping.is_set():
                    return False
                if self._client is None:
                    self._client = self._factory()
                full = self._rounds % self._full_every == 0
                held = self._view.with_all_due() if full else self._view
                view = refresh(self._client, held)
                self.names.refresh(self._client)
        except Exception as error:
            if not self._stopping.is_set():
                self._failed(error)
            return False
        finally:
            self._deadline = None
            # Also after a failure: a server that is too slow for a read of
            # all trees may still be fast enough for the changed ones.
            self._rounds += 1
        self._succeeded(view)
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.refresh()
            self._stopping.wait(self._interval)

    def _succeeded(self, view: TreeView) -> None:
        old = self._snapshot.counters
        self._view = view
        hosts = {
            held.host.uuid: held.host
            for held in view.trees.values()
            if held.host is not None
        }
        bad = {
            held.listed.name: str(held.error)
            for held in view.trees.values()
            if held.error is not None
        }
        counters = dataclasses.replace(view.counters(), errors=old.errors)
        self._snapshot = Snapshot(
            MappingProxyType(hosts),
            MappingProxyType(bad),
            counters,
            time.monotonic(),
        )
        if old.failing:
            LOG.info(
                'Placement answers again after %d failed refreshes',
                old.failing,
            )
        if counters != old:
            LOG.info('Trees of host topology in Placement: %s', counters)

    def _failed(self, error: Exception) -> None:
        # The next refresh makes a new client: endpoint and credentials may
        # have changed.
        self._client = None
        old = self._snapshot
        counters = dataclasses.replace(
            old.counters,
            errors=old.counters.errors + 1,
            failing=old.counters.failing + 1,
        )
        self._snapshot = dataclasses.replace(old, counters=counters)
        if not old.counters.failing:
            LOG.warning(
                'Host topology cannot be read from Placement, the last '
                'snapshot with %d hosts stays in use: %s: %s',
                len(old.hosts),
                type(error).__name__,
                error,
            )

    def _running(self) -> bool:
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _forget_thread(self) -> None:
        # A thread that does not exist in this process may hold the old lock.
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = None
        self._client = None
        self._deadline = None


_READERS: 'weakref.WeakSet[TopologyReader]' = weakref.WeakSet()


def _after_fork() -> None:
    for reader in list(_READERS):
        reader._forget_thread()  # noqa: SLF001 - the same module


os.register_at_fork(after_in_child=_after_fork)
