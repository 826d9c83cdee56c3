"""What a publisher did, for Prometheus."""

from collections.abc import Callable
import time

import prometheus_client

from nfv_sched.publishing.pass_report import PassReport

_PREFIX = 'nfv_sched_publisher'
#: Fields of a report that add up.
_SUMS = {
    'writes': 'Writes to Placement.',
    'conflicts': 'Hosts that somebody else wrote at the same time.',
    'torn': 'Trees found half written or changed by others.',
    'clamped': 'Amounts of usage cut to what there is.',
    'removed': 'Trees removed of compute nodes that are gone.',
}
#: Fields of a report that say how the last pass found the cloud.
_STATES = {
    'hosts': 'Compute nodes of the last pass.',
    'checked': 'Compute nodes that the last pass compared with Placement.',
    'skipped': 'Compute nodes that the last pass could not read.',
    'failed': 'Compute nodes that the last pass could not publish.',
}


class PublisherMetrics:
    """Counters of one publisher, in a registry of their own.

    :param clock: seconds since the epoch
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self._clock = clock
        self._last: float | None = None
        self._sums = {
            name: prometheus_client.Counter(
                f'{_PREFIX}_{name}', text, registry=self.registry
            )
            for name, text in _SUMS.items()
        }
        self._states = {
            name: prometheus_client.Gauge(
                f'{_PREFIX}_{name}', text, registry=self.registry
            )
            for name, text in _STATES.items()
        }
        self._passes = prometheus_client.Counter(
            f'{_PREFIX}_passes',
            'Passes by kind and whether they came to their end.',
            ['kind', 'finished'],
            registry=self.registry,
        )
        self._seconds = prometheus_client.Gauge(
            f'{_PREFIX}_pass_seconds',
            'How long the last pass of a kind took.',
            ['kind'],
            registry=self.registry,
        )
        self._leads = prometheus_client.Gauge(
            f'{_PREFIX}_leads',
            'Whether this publisher works, 1, or stands by, 0.',
            registry=self.registry,
        )
        prometheus_client.Gauge(
            f'{_PREFIX}_age_seconds',
            'Seconds since a pass last came to its end, NaN before the first.',
            registry=self.registry,
        ).set_function(self._age)

    def serve(self, address: str, port: int) -> Callable[[], None]:
        """Answer Prometheus from a thread; the function ends it.

        :raises OSError: the address cannot be listened on
        """
        server, thread = prometheus_client.start_http_server(
            port, address, registry=self.registry
        )

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return stop

    def count(self, report: PassReport) -> None:
        """Add a pass."""
        for name, counter in self._sums.items():
            counter.inc(getattr(report, name))
        for name, gauge in self._states.items():
            gauge.set(getattr(report, name))
        finished = str(report.finished).lower()
        self._passes.labels(report.kind, finished).inc()
        self._seconds.labels(report.kind).set(report.seconds)
        if report.finished:
            self._last = self._clock()

    def lead(self, *, leads: bool) -> None:
        """Say whether this publisher works."""
        self._leads.set(leads)

    def _age(self) -> float:
        last = self._last
        return float('nan') if last is None else self._clock() - last
