"""The exporter's HTTP server, which waits for a port that is in use."""

from collections.abc import Callable
import logging
import threading
import urllib.parse

import prometheus_client

LOG = logging.getLogger(__name__)

#: Seconds after which an address that is in use is tried again.
RETRY_SECONDS = 5.0


def address_of(text: str) -> tuple[str, int]:
    """Address and port of ``ADDRESS:PORT``; IPv6 addresses in brackets.

    :raises ValueError: it is not of that form
    """
    parts = urllib.parse.urlsplit(f'//{text}')
    if parts.hostname is None or parts.port is None or parts.path:
        raise ValueError(f'{text!r} is not ADDRESS:PORT')
    return parts.hostname, parts.port


class Server:
    """Serves a registry in a thread.

    :param address: address and port
    :param retry: seconds until an address in use is tried again
    """

    def __init__(
        self,
        registry: prometheus_client.CollectorRegistry,
        address: tuple[str, int],
        *,
        retry: float = RETRY_SECONDS,
    ) -> None:
        self._registry = registry
        self._address = address
        self._retry = retry
        self._stopping = threading.Event()
        self._stop: Callable[[], None] | None = None

    def run(self) -> None:
        """Begin to serve, as soon as the address can be used."""
        logged = False
        while not self._stopping.is_set():
            try:
                self._stop = self._begin()
            except OSError as error:
                if not logged:
                    LOG.warning(
                        'Metrics are not served on %s port %d yet: %s',
                        *self._address,
                        error,
                    )
                logged = True
                self._stopping.wait(self._retry)
            else:
                LOG.info('Serving metrics on %s port %d', *self._address)
                return

    def _begin(self) -> Callable[[], None]:
        """Serve in a thread; returns a function that ends it."""
        host, port = self._address
        server, thread = prometheus_client.start_http_server(
            port, host, registry=self._registry
        )

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return stop

    def stop(self) -> None:
        """End to serve, or to wait for the address."""
        self._stopping.set()
        if self._stop is not None:
            self._stop()
