"""The loop of the exporter: pass after pass, whatever fails."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import logging
import threading
import time

from prometheus_client.core import CounterMetricFamily
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from nfv_sched.exporter import families
from nfv_sched.exporter.losses import Losses
from nfv_sched.exporter.recount import PassResult
from nfv_sched.exporter.recount import Recount
from nfv_sched.exporter.state import CloudState
from nfv_sched.nova.redact import describe_error
from nfv_sched.nova.redact import redact
from nfv_sched.placement.client import PlacementClient

LOG = logging.getLogger(__name__)

_PREFIX = f'{families.PREFIX}_exporter'


@dataclasses.dataclass(slots=True)
class _Numbers:
    """What the exporter says of itself."""

    passes: int = 0
    failed: int = 0
    counted: int = 0
    losses_failed: int = 0
    problems: int = 0
    seconds: float = 0.0
    finished_at: float | None = None


class ExporterLoop(Collector):
    """Keeps the metrics of a cloud; a pass that fails leaves them as they are.

    :param connect: makes a Placement client
    :param interval: seconds from the beginning of a pass to that of the next
    :param full_interval: seconds after which all hosts are counted again
    :param most_hosts: of larger clouds no single host is exported
    :param others: more families, at each scrape
    """

    def __init__(  # noqa: PLR0913 - the parts of an exporter
        self,
        recount: Recount,
        losses: Losses,
        connect: Callable[[], PlacementClient],
        *,
        interval: float,
        full_interval: float,
        most_hosts: int,
        others: Callable[[], Iterable[Metric]] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recount = recount
        self._losses = losses
        self._connect = connect
        self._interval = interval
        self._full_interval = full_interval
        self._most_hosts = most_hosts
        self._others = others
        self._clock = clock
        self._client: PlacementClient | None = None
        self._full: float | None = None
        self._stopping = threading.Event()
        self._logged: list[str] = []
        self._numbers = _Numbers()
        self._families: list[Metric] = []

    def run(self) -> None:
        """Make passes until :meth:`stop`; the first one at once."""
        while not self._stopping.is_set():
            began = self._clock()
            self.once()
            used = self._clock() - began
            self._stopping.wait(max(1.0, self._interval - used))

    def stop(self) -> None:
        """End after the current pass."""
        self._stopping.set()

    def once(self) -> None:
        """Make one pass; what fails is logged and counted."""
        began = self._clock()
        problems: list[str] = []
        result: PassResult | None = None
        full = self._full is None or began - self._full >= self._full_interval
        try:
            if self._client is None:
                self._client = self._connect()
            result = self._recount.run(self._client, full=full)
            if result.full:
                self._full = began
            problems += result.problems
        except Exception as error:
            # A database or Placement that is down: the last values stay.
            self._client = None
            problems.append(describe_error(error))
            LOG.debug('The pass failed', exc_info=True)
        numbers = dataclasses.replace(self._numbers)
        numbers.passes += 1
        numbers.seconds = self._clock() - began
        numbers.problems = len(problems)
        if result is None or problems:
            numbers.failed += 1
        if result is not None:
            numbers.counted += result.counted
            LOG.info(
                'Counted %d of %d hosts in %.1f s',
                result.counted,
                result.hosts,
                numbers.seconds,
            )
            if not problems:
                numbers.finished_at = self._clock()
        self._show(numbers)
        if result is not None and self._client is not None:
            self._compute_losses(self._client, problems, numbers)
        self._log(problems)

    def _compute_losses(
        self, client: PlacementClient, problems: list[str], numbers: _Numbers
    ) -> None:
        try:
            self._losses.run(client)
        except Exception as error:
            numbers = dataclasses.replace(numbers)
            numbers.losses_failed += 1
            problems.append(f'losses: {describe_error(error)}')
            LOG.debug('The losses are not computed', exc_info=True)
        self._show(numbers)

    def _show(self, numbers: _Numbers) -> None:
        state: CloudState = dataclasses.replace(
            self._recount.state, losses=self._losses.results
        )
        self._families = list(families.families(state, self._most_hosts))
        self._numbers = numbers

    def _log(self, problems: Iterable[str]) -> None:
        # What lasts for hours is logged once.
        lines = [redact(problem) for problem in problems]
        for line in lines:
            if line not in self._logged:
                LOG.error('Not exported as it should be: %s', line)
        self._logged = lines

    def collect(self) -> Iterator[Metric]:
        """The metrics, for a scrape."""
        yield from self._families
        yield from self._own()
        try:
            yield from list(self._others())
        except Exception:
            # A scrape is not to fail for what others wrote.
            LOG.exception('Some metrics are left out')

    def describe(self) -> Iterator[Metric]:
        """Nothing: names are not checked against other collectors."""
        return iter(())

    def _own(self) -> Iterator[Metric]:
        numbers = self._numbers
        finished = numbers.finished_at
        for name, text, value in (
            (
                'age_seconds',
                'Seconds since the last pass without a problem, NaN before '
                'the first.',
                float('nan') if finished is None else self._clock() - finished,
            ),
            ('pass_seconds', 'Duration of the last pass.', numbers.seconds),
            (
                'problems',
                'What the last pass could not read.',
                numbers.problems,
            ),
        ):
            yield GaugeMetricFamily(f'{_PREFIX}_{name}', text, value=value)
        for name, text, value in (
            ('passes', 'Passes over the cloud.', numbers.passes),
            (
                'errors',
                'Passes that failed, or that could not read everything.',
                numbers.failed,
            ),
            (
                'loss_errors',
                'Passes that could not compute losses.',
                numbers.losses_failed,
            ),
            ('hosts_counted', 'Hosts counted again.', numbers.counted),
        ):
            yield CounterMetricFamily(f'{_PREFIX}_{name}', text, value=value)
