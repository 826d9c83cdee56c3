"""The exporter's HTTP server, which waits for a port that is in use."""

import logging
import threading
import urllib.parse

import prometheus_client

from nfv_sched import metrics_server
from nfv_sched.metrics_server import MetricsServer

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
        self._where = f'{address[0]} port {address[1]}'
        self._server = MetricsServer(
            lambda: metrics_server.serve(registry, *address), self._where
        )
        self._retry = retry
        self._stopping = threading.Event()

    def run(self) -> None:
        """Begin to serve, as soon as the address can be used."""
        while not self._stopping.is_set():
            if self._server.ensure() is None:
                LOG.info('Serving metrics on %s', self._where)
                return
            self._stopping.wait(self._retry)

    def stop(self) -> None:
        """End to serve, or to wait for the address."""
        self._stopping.set()
        self._server.close()
