"""The publisher's metrics for Prometheus."""

from collections.abc import Callable
import time

import prometheus_client

from nfv_sched import metrics_server
from nfv_sched.metrics_server import MetricsServer
from nfv_sched.publishing.pass_report import PassReport

_PREFIX = 'nfv_sched_publisher'
#: Summed fields of the pass reports: metric name and help. "torn" is the name
#: of the metric for incomplete trees: dashboards and alerts depend on it.
_SUMS = {
    'writes': ('writes', 'Writes to Placement.'),
    'conflicts': (
        'conflicts',
        'Concurrent writes of a host by another client.',
    ),
    'incomplete': ('torn', 'Incomplete trees found.'),
    'clamped': ('clamped', 'Amounts of usage cut to the capacity.'),
    'removed': ('removed', 'Orphaned trees removed.'),
}
#: Fields of the last pass report, which are the names of gauges, and help.
_STATES = {
    'hosts': 'Compute nodes of the last pass.',
    'checked': 'Compute nodes that the last pass compared with Placement.',
    'skipped': 'Compute nodes that the last pass could not read.',
    'failed': 'Compute nodes that the last pass could not publish.',
}


class PublisherMetrics:
    """The metrics of one publisher, in a registry of their own.

    :param clock: returns seconds since the epoch
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._clock = clock
        self._last: float | None = None
        self._sums = {
            field: prometheus_client.Counter(
                f'{_PREFIX}_{name}', text, registry=self.registry
            )
            for field, (name, text) in _SUMS.items()
        }
        self._states = {
            name: prometheus_client.Gauge(
                f'{_PREFIX}_{name}', text, registry=self.registry
            )
            for name, text in _STATES.items()
        }
        self._passes = prometheus_client.Counter(
            f'{_PREFIX}_passes',
            'Passes by kind and whether they finished.',
            ['kind', 'finished'],
            registry=self.registry,
        )
        self._seconds = prometheus_client.Gauge(
            f'{_PREFIX}_pass_seconds',
            'Duration of the last pass of a kind.',
            ['kind'],
            registry=self.registry,
        )
        self._leads = prometheus_client.Gauge(
            f'{_PREFIX}_leads',
            'Whether this publisher is active, 1, or on standby, 0.',
            registry=self.registry,
        )
        prometheus_client.Gauge(
            f'{_PREFIX}_age_seconds',
            'Seconds since the last finished pass, NaN before the first.',
            registry=self.registry,
        ).set_function(self._age)

    def server(self, address: str, port: int) -> MetricsServer:
        """What serves the metrics, once the address is available."""
        return MetricsServer(
            lambda: self.serve(address, port), f'{address} port {port}'
        )

    def serve(self, address: str, port: int) -> Callable[[], None]:
        """Serve the metrics in a thread; returns a function that ends it.

        :raises OSError: the address is not available
        """
        return metrics_server.serve(self.registry, address, port)

    def count(self, report: PassReport) -> None:
        """Add a pass."""
        for field, counter in self._sums.items():
            counter.inc(getattr(report, field))
        for field, gauge in self._states.items():
            gauge.set(getattr(report, field))
        finished = str(report.finished).lower()
        self._passes.labels(report.kind, finished).inc()
        self._seconds.labels(report.kind).set(report.seconds)
        if report.finished:
            self._last = self._clock()

    def lead(self, *, leads: bool) -> None:
        """Record whether this publisher is active."""
        self._leads.set(leads)

    def _age(self) -> float:
        last = self._last
        return float('nan') if last is None else self._clock() - last
