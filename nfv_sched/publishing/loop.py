"""Pass after pass until told to stop, whatever happens."""

from collections.abc import Callable
import dataclasses
import logging
import pathlib
import threading
import time
from typing import Protocol

from nfv_sched.nova.redact import describe_error
from nfv_sched.nova.redact import redact
from nfv_sched.placement.client import PlacementClient
from nfv_sched.publishing import status as status_file
from nfv_sched.publishing.counters import PublisherMetrics
from nfv_sched.publishing.pass_report import PassReport
from nfv_sched.publishing.status import Status

LOG = logging.getLogger(__name__)


class PassSource(Protocol):
    """Where the topology comes from; a pass compares it with Placement."""

    def run(
        self,
        client: PlacementClient,
        report: PassReport,
        going: Callable[[], bool],
    ) -> None:
        """Make one pass; see :class:`nfv_sched.publishing.cells`."""


class Leadership(Protocol):
    """Whether this publisher is the one that works."""

    def leads(self) -> bool:
        """Whether to make a pass now."""

    def close(self) -> None:
        """Give up what is held."""


class Loop:
    """A publisher at work.

    Nothing that a pass raises ends it: the next pass begins anew, with a new
    client, since endpoint and credentials may have changed.

    :param connect: makes a client of Placement
    :param interval: seconds from the end of a pass to the next
    :param path: of the status file, if there is to be one
    """

    def __init__(  # noqa: PLR0913 - the parts of a publisher
        self,
        source: PassSource,
        connect: Callable[[], PlacementClient],
        leadership: Leadership,
        counters: PublisherMetrics,
        *,
        interval: float,
        status: Status,
        path: pathlib.Path | None = None,
    ) -> None:
        self._source = source
        self._connect = connect
        self._leadership = leadership
        self._counters = counters
        self._interval = interval
        self._path = path
        self._client: PlacementClient | None = None
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._said: list[str] = []
        self._unwritable = False
        self.status = status

    def run(self) -> None:
        """Make passes until :meth:`stop`; the first one at once."""
        try:
            while not self._stopping.is_set():
                self.once()
                self._stopping.wait(self._interval)
        finally:
            self._leadership.close()
            self._ended.set()

    def stop(self, timeout: float = 0.0) -> bool:
        """End after the host at hand; whether that was within ``timeout``."""
        self._stopping.set()
        return self._ended.wait(timeout)

    def once(self) -> PassReport | None:
        """Make one pass if this publisher leads."""
        leads = self._leadership.leads()
        self._counters.lead(leads=leads)
        if not leads:
            self._record(dataclasses.replace(self.status, leads=False))
            return None
        report = PassReport('failed')
        started = time.monotonic()
        try:
            if self._client is None:
                self._client = self._connect()
            self._source.run(self._client, report, self._going)
        except Exception as error:
            # A service that ends because a database or Placement is down
            # would have to be started by hand.
            self._client = None
            report.problems.append(describe_error(error))
            LOG.debug('The pass failed', exc_info=True)
        report.seconds = time.monotonic() - started
        self._say(report)
        self._counters.count(report)
        self._record(self.status.after(report, time.time()))
        return report

    def _going(self) -> bool:
        return not self._stopping.is_set()

    def _say(self, report: PassReport) -> None:
        LOG.info('%s', report)
        problems = [redact(one) for one in report.problems]
        # What is wrong for hours is said once.
        for problem in problems:
            if problem not in self._said:
                LOG.error('Not published: %s', problem)
        self._said = problems

    def _record(self, status: Status) -> None:
        self.status = status
        if self._path is None:
            return
        try:
            status_file.write(self._path, status)
        except OSError as error:
            if not self._unwritable:
                LOG.warning('No status is written: %s', error)
            self._unwritable = True
        else:
            self._unwritable = False
