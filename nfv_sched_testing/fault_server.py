"""Loopback servers that hang, answer byte by byte or send invalid data."""

import contextlib
import socket
import threading
import time

from keystoneauth1 import adapter as ksa_adapter
from keystoneauth1 import session as ksa_session
from keystoneauth1 import token_endpoint
import pytest

from nfv_sched.placement.client import PlacementClient

TOKEN = 'a-very-secret-token'  # noqa: S105 - a dummy


class Server:
    """Accept connections and let ``answer(connection)`` serve each."""

    def __init__(self, answer):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.url = f'http://127.0.0.1:{self.listener.getsockname()[1]}'
        self.answer = answer
        self.connections = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(
                target=self._serve, args=(connection,), daemon=True
            ).start()

    def _serve(self, connection):
        # The client has closed the connection, as it should.
        with contextlib.suppress(OSError):
            self.answer(connection)

    def close(self):
        # close() alone does not end accept() in the other thread.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def serve():
    servers = []

    def start(answer):
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def client_of(url, deadline=0.4):
    session = ksa_session.Session(auth=token_endpoint.Token(url, TOKEN))
    return PlacementClient(
        ksa_adapter.Adapter(session, service_type='placement'),
        deadline=deadline,
    )


def request_of(connection):
    text = b''
    while b'\r\n\r\n' not in text:
        chunk = connection.recv(4096)
        if not chunk:
            return None
        text += chunk
    return text


def whole(body, status='200 OK', extra=''):
    def answer(connection):
        while request_of(connection):
            connection.sendall(
                f'HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n'
                f'Content-Type: application/json\r\n{extra}\r\n'.encode()
                + body
            )

    return answer


def hang(connection):
    request_of(connection)
    time.sleep(30)


def drip_status(connection):
    request_of(connection)
    for byte in b'HTTP/1.1 200 OK\r\nX: ' + b'a' * 1000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def drip_headers(connection):
    request_of(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\n')
    for number in range(90):
        connection.sendall(f'X-{number}: x\r\n'.encode())
        time.sleep(0.05)


def drip_body(connection):
    request_of(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n')
    while True:
        connection.sendall(b' ')
        time.sleep(0.05)


def drip_closing(connection):
    request_of(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n')
    while True:
        connection.sendall(b' ')
        time.sleep(0.05)


def drip_chunks(connection):
    request_of(connection)
    connection.sendall(
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    )
    while True:
        connection.sendall(b'1\r\n \r\n')
        time.sleep(0.05)


def continues(connection):
    request_of(connection)
    while True:
        connection.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')
        time.sleep(0.05)
