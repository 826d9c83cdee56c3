"""The loop of a publisher: pass after pass until it is stopped."""

from collections.abc import Callable
import dataclasses
import logging
import pathlib
import threading
import time
from typing import Protocol

from nfv_sched.metrics_server import MetricsServer
from nfv_sched.nova.redact import describe_error
from nfv_sched.nova.redact import redact
from nfv_sched.placement.client import PlacementClient
from nfv_sched.publishing import status as status_file
from nfv_sched.publishing.counters import PublisherMetrics
from nfv_sched.publishing.pass_report import PassReport
from nfv_sched.publishing.status import Status

LOG = logging.getLogger(__name__)


class PassSource(Protocol):
    """A source of topology; a pass compares it with Placement."""

    def run(
        self,
        client: PlacementClient,
        report: PassReport,
        may_continue: Callable[[], bool],
    ) -> None:
        """Make one pass; see :class:`nfv_sched.publishing.cells`."""


class Leadership(Protocol):
    """Whether this publisher is active or on standby."""

    def leads(self) -> bool:
        """Whether to make a pass now."""

    def close(self) -> None:
        """Release the leadership."""


class Loop:
    """A running publisher.

    An exception in a pass does not end it: the next pass starts from scratch
    with a new client, since endpoint and credentials may have changed.

    :param connect: makes a Placement client
    :param interval: seconds from the end of a pass to the next
    :param path: of the status file, None for no file
    :param metrics: what serves the metrics, None if nothing does
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
        metrics: MetricsServer | None = None,
    ) -> None:
        self._metrics = metrics
        self._source = source
        self._connect = connect
        self._leadership = leadership
        self._counters = counters
        self._interval = interval
        self._path = path
        self._client: PlacementClient | None = None
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._logged_problems: list[str] = []
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
            if self._metrics is not None:
                self._metrics.close()
            self._ended.set()

    def stop(self, timeout: float = 0.0) -> bool:
        """End after the current host.

        :returns: whether the loop ended within ``timeout`` seconds
        """
        self._stopping.set()
        return self._ended.wait(timeout)

    def once(self) -> PassReport | None:
        """Make one pass if this publisher is active."""
        problem = self._metrics.ensure() if self._metrics is not None else None
        self.status = dataclasses.replace(self.status, metrics_problem=problem)
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
            self._source.run(self._client, report, self._may_continue)
        except Exception as error:
            # A service that ends while a database or Placement is down would
            # have to be restarted by hand.
            self._client = None
            report.problems.append(describe_error(error))
            LOG.debug('The pass failed', exc_info=True)
        report.seconds = time.monotonic() - started
        self._log(report)
        self._counters.count(report)
        self._record(self.status.after(report, time.time()))
        return report

    def _may_continue(self) -> bool:
        return not self._stopping.is_set()

    def _log(self, report: PassReport) -> None:
        LOG.info('%s', report)
        problems = [redact(problem) for problem in report.problems]
        # A problem that lasts for hours is logged once.
        for problem in problems:
            if problem not in self._logged_problems:
                LOG.error('Not published: %s', problem)
        self._logged_problems = problems

    def _record(self, status: Status) -> None:
        self.status = status
        if self._path is None:
            return
        try:
            status_file.write(self._path, status)
        except OSError as error:
            if not self._unwritable:
                LOG.warning('The status file is not written: %s', error)
            self._unwritable = True
        else:
            self._unwritable = False
