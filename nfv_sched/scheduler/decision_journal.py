"""The thread that writes what a scheduler decided.

No request waits for it: decisions wait in memory, few enough to be bounded,
and those that find no room are counted.
"""

import collections
from collections.abc import Callable
import logging
import os
import pathlib
import threading
import time

import nova.conf

from nfv_sched import conf
from nfv_sched.journal import record
from nfv_sched.journal.files import JournalWriter
from nfv_sched.nova.redact import describe_error
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler.pending_decision import PendingDecision

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)

#: Decisions that wait to be written, and the numbers that they may hold.
MOST_WAITING = 256
MOST_NUMBERS = 2_000_000
#: Seconds between two looks for decisions.
INTERVAL = 0.2


class DecisionJournal:
    """The journal of one scheduler process.

    Neither a lock nor a system call is between a request and its record: a
    request that is dropped by the garbage collector may be recorded amidst
    anything.

    :param writer: the files
    :param start: starts the thread
    """

    def __init__(
        self,
        writer: JournalWriter,
        start: Callable[['DecisionJournal'], None] | None = None,
    ) -> None:
        self._writer = writer
        self._waiting: collections.deque[PendingDecision] = collections.deque()
        self._numbers = 0
        self._dropped = 0
        self._start = start or _start_thread
        self._started = False
        self._failing = False

    def begin(
        self, spec: RequestSpec, *, live: bool
    ) -> PendingDecision | None:
        """What is to be recorded of the decision on an instance.

        Never raises; None where nothing can be recorded.

        :param live: whether it migrates live
        """
        try:
            if not self._started:
                self._started = True
                self._start(self)
            return PendingDecision(self.add, spec, live=live)
        except Exception:
            LOG.exception('A decision is not recorded')
            return None

    def add(self, pending: PendingDecision) -> None:
        """Write a decision some time soon; never waits or raises."""
        size = pending.size
        if (
            len(self._waiting) >= MOST_WAITING
            or self._numbers + size > MOST_NUMBERS
        ):
            self._dropped += 1
            return
        pending.dropped, self._dropped = self._dropped, 0
        self._numbers += size
        self._waiting.append(pending)

    def flush(self) -> None:
        """Write the decisions that wait; never raises."""
        lines = []
        lost = 0
        scheduler, pid = CONF.host, os.getpid()
        while self._waiting:
            pending = self._waiting.popleft()
            self._numbers = max(0, self._numbers - pending.size)
            lost += 1 + pending.dropped
            try:
                lines.append(record.encode(pending.record(scheduler, pid)))
            except Exception:
                LOG.exception('A decision is not recorded')
        if not lines:
            return
        try:
            self._writer.append(lines)
            self._failing = False
        except Exception as error:
            self._dropped += lost
            if not self._failing:
                LOG.warning(
                    'Decisions are not recorded: %s', describe_error(error)
                )
            self._failing = True


def _start_thread(journal: DecisionJournal) -> None:
    def run() -> None:
        while True:
            time.sleep(INTERVAL)
            journal.flush()

    threading.Thread(
        target=run, name='nfv-decision-journal', daemon=True
    ).start()


def from_options() -> DecisionJournal | None:
    """The journal that nova.conf asks for, None without one."""
    folder = CONF.nfv_sched.journal_folder
    if not folder:
        return None
    writer = JournalWriter(pathlib.Path(folder), CONF.nfv_sched.journal_size)
    return DecisionJournal(writer)
