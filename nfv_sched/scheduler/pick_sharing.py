"""Schedulers share their picks over Nova's message bus.

Each nova-scheduler process knows the instances that it has sent to hosts
itself, see :mod:`nfv_sched.scheduler.in_flight`. With sharing it also knows
those of all others as soon as the bus has delivered them. No request waits
for the bus: a thread sends what requests put into a bounded queue.
"""

from collections.abc import Callable
from collections.abc import Sequence
import contextlib
import dataclasses
import logging
import queue
import threading
import time
from typing import Any
import uuid

from nfv_sched.nova import message_bus
from nfv_sched.nova.redact import describe_error
from nfv_sched.scheduler import pick_messages
from nfv_sched.scheduler.pick_messages import InvalidMessage
from nfv_sched.scheduler.pick_messages import SharedPick

#: Picks that wait to be sent.
MOST_WAITING = 1024
#: Seconds after which a pick that waits, or a message on the bus, is of no
#: use: nova-compute may have claimed the resources, and its report has them.
LATE = 30.0
#: Seconds until another attempt to listen.
RETRY = 30.0
#: Seconds between two log lines of the counts.
LOG_EVERY = 600.0

#: Takes a pick and the id of its sender; whether there was room for it.
Include = Callable[[SharedPick, str], bool]

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(slots=True)
class SharingCounts:
    """Picks of this process that were sent, and those of others.

    ``late`` ones were too old to be of use, before they were sent or when
    they arrived. ``dropped`` ones found a queue or the memory full, or the bus
    down. ``invalid`` counts messages.
    """

    sent: int = 0
    received: int = 0
    late: int = 0
    dropped: int = 0
    invalid: int = 0

    def __str__(self) -> str:
        return ', '.join(
            f'{getattr(self, field.name)} {field.name}'
            for field in dataclasses.fields(self)
        )


class PickSharing:
    """The picks of this process on the bus, and those of the others.

    :param cast: sends a message to all processes
    :param listen: calls back with each message; returns what ends it
    :param clock: seconds
    :param wall_clock: seconds, the same on all hosts
    """

    def __init__(
        self,
        *,
        cast: Callable[[dict[str, Any]], None] = message_bus.cast,
        listen: Callable[
            [Callable[[object], None]], Callable[[], None]
        ] = message_bus.listen,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.counts = SharingCounts()
        #: Identifies the messages of this process.
        self.sender = uuid.uuid4().hex
        #: Set once messages of others are received.
        self.listening = threading.Event()
        self._include: Include | None = None
        self._own: Callable[[], Sequence[SharedPick]] = tuple
        self._asked = threading.Event()
        self._cast = cast
        self._listen = listen
        self._clock = clock
        self._wall_clock = wall_clock
        self._waiting: queue.Queue[tuple[SharedPick, float] | None] = (
            queue.Queue(MOST_WAITING)
        )
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failing = False
        self._count_lock = threading.Lock()
        self._logged = SharingCounts()
        self._log_at = clock() + LOG_EVERY

    def start(
        self,
        include: Include,
        own: Callable[[], Sequence[SharedPick]] = tuple,
    ) -> None:
        """Start to send and to listen, without waiting for the bus.

        :param include: takes a pick of another process and the id of that
            process; returns whether there was room for it
        :param own: the picks of this process that are in flight
        """
        self._include, self._own = include, own
        self._thread = threading.Thread(
            target=self._run, name='nfv-pick-sharing', daemon=True
        )
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """End it for good.

        :returns: whether it ended within ``timeout`` seconds
        """
        self._stopping.set()
        self._wake()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _wake(self) -> None:
        # A thread whose queue is full finds out by itself.
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)

    def share(self, pick: SharedPick) -> None:
        """Send a pick some time soon; never waits or raises."""
        try:
            self._waiting.put_nowait((pick, self._clock()))
        except queue.Full:
            self._count('dropped')

    def receive(self, message: object) -> None:
        """Include the picks of a message; never raises."""
        try:
            self._receive(message)
        except InvalidMessage as error:
            if not self.counts.invalid:
                LOG.warning(
                    'A message about picks is ignored, as will be others '
                    'like it: %s',
                    error,
                )
            self._count('invalid')
        except Exception:
            # The bus would deliver it again.
            LOG.exception('Not received what another scheduler picked')

    def _receive(self, message: object) -> None:
        if isinstance(message, dict) and message.get('sender') == self.sender:
            return
        decoded = pick_messages.decode(message)
        if decoded.asks:
            self._asked.set()
            self._wake()
        delay = max(self._wall_clock() - decoded.sent, 0.0)
        for pick in decoded.picks:
            if not delay <= LATE:
                self._count('late')
            elif self._include and self._include(
                pick._replace(age=pick.age + delay), decoded.sender
            ):
                self._count('received')
            else:
                self._count('dropped')

    def _run(self) -> None:
        stop = self._start_listening()
        if stop is None:
            return
        try:
            # What others picked before may still be in flight.
            self._send((), asks=True)
            while not self._stopping.is_set():
                self._send_waiting()
                self._log_counts()
        finally:
            stop()

    def _start_listening(self) -> Callable[[], None] | None:
        while not self._stopping.is_set():
            try:
                stop = self._listen(self.receive)
            except Exception as error:
                LOG.warning(
                    'The picks of other schedulers are not received: %s',
                    describe_error(error),
                )
                self._stopping.wait(RETRY)
            else:
                self.listening.set()
                return stop
        return None

    def _send_waiting(self) -> None:
        """Send what waits, of which there may be nothing for minutes."""
        waiting = []
        try:
            waiting.append(self._waiting.get(timeout=LOG_EVERY))
            while len(waiting) < pick_messages.MOST_PICKS:
                waiting.append(self._waiting.get_nowait())
        except queue.Empty:
            pass
        now = self._clock()
        picks = []
        for entry in filter(None, waiting):
            pick, since = entry
            if now - since <= LATE:
                picks.append(pick._replace(age=now - since))
            else:
                self._count('late')
        if picks:
            self._send(picks)
        if self._asked.is_set():
            self._asked.clear()
            own = self._own()
            for first in range(0, len(own), pick_messages.MOST_PICKS):
                self._send(own[first : first + pick_messages.MOST_PICKS])

    def _send(
        self, picks: Sequence[SharedPick], *, asks: bool = False
    ) -> None:
        try:
            self._cast(
                pick_messages.encode(
                    self.sender, self._wall_clock(), picks, asks=asks
                )
            )
        except Exception as error:
            self._count('dropped', len(picks))
            if not self._failing:
                self._failing = True
                LOG.warning(
                    'Other schedulers do not know what this one picks, the '
                    'message bus cannot be used: %s',
                    describe_error(error),
                )
            return
        self._count('sent', len(picks))
        if self._failing:
            self._failing = False
            LOG.info('The message bus takes picks again')

    def _count(self, name: str, number: int = 1) -> None:
        # Requests, the bus and our own thread count.
        with self._count_lock:
            setattr(self.counts, name, getattr(self.counts, name) + number)

    def _log_counts(self) -> None:
        if self._clock() < self._log_at:
            return
        self._log_at = self._clock() + LOG_EVERY
        if self.counts != self._logged:
            self._logged = dataclasses.replace(self.counts)
            LOG.info('Picks shared between schedulers: %s', self.counts)
