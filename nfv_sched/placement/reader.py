"""The scheduler's view of the hosts' topology, refreshed by a thread."""

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
from nfv_sched.placement.snapshot import Snapshot
from nfv_sched.placement.transport import Deadline

LOG = logging.getLogger(__name__)

#: Every so many refreshes everything is read anew: a change of a child alone
#: moves no root, and usage is not looked at in between.
FULL_EVERY = 20


class TopologyReader:
    """Keep a :class:`~nfv_sched.placement.snapshot.Snapshot` fresh.

    ``client_factory`` makes the client, in the reader's own thread: it may
    read files and ask Keystone. ``interval`` is seconds between two
    refreshes, ``deadline`` the seconds that one may take as a whole.

    Threads do not survive a fork: call :meth:`ensure_started` on first use
    in each process. A failing Placement, or anything else that goes wrong,
    leaves the snapshot as it is.
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
        """The snapshot in hand, empty at first; never waits or raises."""
        return self._snapshot

    def ensure_started(self) -> None:
        """Start the thread unless it runs; does not wait for Placement."""
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
        """End the thread for good, cutting its request; whether it ended."""
        self._stopping.set()
        deadline, thread = self._deadline, self._thread
        if deadline is not None:
            deadline.cancel()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)
            return not thread.is_alive()
        return True

    def refresh(self) -> bool:
        """Look at Placement once, in this thread; whether that succeeded."""
        try:
            with Deadline(self._seconds) as deadline:
                self._deadline = deadline
                if self._stopping.is_set():
                    return False
                if self._client is None:
                    self._client = self._factory()
                partly = self._rounds % self._full_every
                held = self._view if partly else self._view.aged()
                view = refresh(self._client, held)
        except Exception as error:
            if not self._stopping.is_set():
                self._failed(error)
            return False
        finally:
            self._deadline = None
            # A server that is too slow to tell everything may still tell
            # what changed.
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
        self._snapshot = Snapshot(
            MappingProxyType(hosts),
            MappingProxyType(bad),
            dataclasses.replace(view.counters(), errors=old.errors),
            time.monotonic(),
        )
        if old.failing:
            LOG.info(
                'Placement answers again after %d failures: %d hosts read',
                old.failing,
                len(hosts),
            )

    def _failed(self, error: Exception) -> None:
        # A new client next time: endpoint and credentials may have changed.
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
                'Topology cannot be read from Placement, the last of %d '
                'hosts stays in use: %s: %s',
                len(old.hosts),
                type(error).__name__,
                error,
            )

    def _running(self) -> bool:
        thread = self._thread
        return thread is not None and thread.is_alive()

    def _forget_thread(self) -> None:
        # Locks may be held by a thread that this process does not have.
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
