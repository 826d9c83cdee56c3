"""Metrics over HTTP for Prometheus, also where the port is in use at first."""

from collections.abc import Callable
import logging

import prometheus_client

from nfv_sched.nova.redact import describe_error

LOG = logging.getLogger(__name__)


def serve(
    registry: prometheus_client.CollectorRegistry, address: str, port: int
) -> Callable[[], None]:
    """Serve a registry in a thread; returns a function that ends it.

    :raises OSError: the address is not available
    """
    server, thread = prometheus_client.start_http_server(
        port, address, registry=registry
    )

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop


class MetricsServer:
    """Serves metrics as soon as that is possible.

    A port that another process has must not keep a service from its work: it
    is tried again with each :meth:`ensure`.

    :param begin: begins to serve, and returns a function that ends it
    :param where: address and port, for the log
    """

    def __init__(
        self, begin: Callable[[], Callable[[], None]], where: str
    ) -> None:
        self._begin = begin
        self._where = where
        self._stop: Callable[[], None] | None = None
        self.problem: str | None = None

    def ensure(self) -> str | None:
        """Serve, if that is not done yet; returns why it is not possible."""
        if self._stop is not None:
            return None
        before = self.problem
        try:
            self._stop = self._begin()
        except (OSError, OverflowError) as error:
            self.problem = describe_error(error)
            if self.problem != before:
                LOG.warning(
                    'Metrics are not served on %s: %s',
                    self._where,
                    self.problem,
                )
        else:
            self.problem = None
            if before is not None:
                LOG.info('Metrics are served now on %s', self._where)
        return self.problem

    def close(self) -> None:
        """End serving."""
        if self._stop is not None:
            self._stop()
            self._stop = None
