"""The client with a Placement that is stopped, hangs or sends invalid data."""

import json
import logging
import socket
import threading
import time

from keystoneauth1 import adapter as ksa_adapter
from keystoneauth1 import session as ksa_session
from keystoneauth1 import token_endpoint
import pytest

from nfv_sched.placement import api
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import BadAnswer
from nfv_sched.placement.errors import Conflict
from nfv_sched.placement.errors import DeadlineExceeded
from nfv_sched.placement.errors import NotFound
from nfv_sched.placement.errors import PlacementError
from nfv_sched.placement.errors import Refused
from nfv_sched.placement.errors import Unavailable
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.placement.transport import Deadline
from nfv_sched_testing.fault_server import client_of
from nfv_sched_testing.fault_server import continues
from nfv_sched_testing.fault_server import drip_body
from nfv_sched_testing.fault_server import drip_chunks
from nfv_sched_testing.fault_server import drip_closing
from nfv_sched_testing.fault_server import drip_headers
from nfv_sched_testing.fault_server import drip_status
from nfv_sched_testing.fault_server import hang
from nfv_sched_testing.fault_server import request_of
from nfv_sched_testing.fault_server import TOKEN
from nfv_sched_testing.fault_server import whole
from nfv_sched_testing.patience import PATIENCE
from nfv_sched_testing.placement_fixtures import adapter_of
from tests.placement.examples import host

SLOW = [
    hang,
    drip_status,
    drip_headers,
    drip_body,
    drip_closing,
    drip_chunks,
    continues,
]


def patient(url):
    """A client that a busy machine does not keep from reading an answer."""
    return client_of(url, deadline=30)


@pytest.mark.parametrize('answer', SLOW)
def test_a_request_to_a_slow_server_ends_at_the_deadline(serve, answer):
    client = client_of(serve(answer).url)
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        client.get('/resource_providers')
    assert 0.3 < time.monotonic() - started < 10


def test_a_request_through_a_slow_proxy_ends_at_the_deadline(
    serve, monkeypatch
):
    monkeypatch.setenv('http_proxy', serve(drip_body).url)
    monkeypatch.delenv('no_proxy', raising=False)
    monkeypatch.delenv('NO_PROXY', raising=False)
    client = client_of('http://placement.example')
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        client.get('/resource_providers')
    assert time.monotonic() - started < 10


def test_the_deadline_holds_for_a_reused_connection(serve):
    def answer(connection):
        request_of(connection)
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
        drip_body(connection)

    client = client_of(serve(answer).url)
    assert client.get('/') == {}
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        client.get('/')
    assert time.monotonic() - started < 10


def test_one_deadline_covers_several_requests(serve):
    def answer(connection):
        while request_of(connection):
            time.sleep(0.1)
            connection.sendall(
                b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
            )

    client = client_of(serve(answer).url, deadline=5)
    done = []
    started = time.monotonic()

    def ask():
        while True:
            done.append(client.get('/'))

    with client.within(0.45), pytest.raises(DeadlineExceeded):
        ask()
    assert 1 <= len(done) <= 4
    assert time.monotonic() - started < 10


def test_a_deadline_leaves_idle_connections_alone(serve):
    server = serve(whole(b'{}'))
    client = client_of(server.url)
    client.get('/')
    time.sleep(0.6)
    client.get('/')
    assert len(server.connections) == 1


def test_the_deadline_holds_for_keystone(serve):
    class Plugin(token_endpoint.Token):
        def get_token(self, session, **kwargs):
            return session.get(server.url, authenticated=False).text

    server = serve(drip_body)
    session = ksa_session.Session(auth=Plugin(server.url, TOKEN))
    adapter = ksa_adapter.Adapter(session, service_type='placement')
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        PlacementClient(adapter, deadline=0.4).get('/')
    assert time.monotonic() - started < 10


def test_cancel_ends_the_request_of_another_thread(serve):
    client = client_of(serve(hang).url)
    with Deadline(30) as deadline:
        threading.Timer(0.2, deadline.cancel).start()
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            client.get('/')
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    'body',
    [
        b'',
        b'no json',
        b'[]',
        b'"x"',
        b'null',
        b'{}',
        b'[' * 100000,
        b'\xff\xfe',
        b'{"resource_providers": 1}',
        b'{"resource_providers": [1]}',
        b'{"resource_providers": [{"uuid": 1}]}',
        json.dumps(
            {
                'resource_providers': [
                    {
                        'uuid': 'u',
                        'name': 'n',
                        'generation': 'one',
                        'root_provider_uuid': 'u',
                        'parent_provider_uuid': None,
                    }
                ]
            }
        ).encode(),
    ],
)
def test_an_invalid_answer_is_a_bad_answer(serve, body):
    with pytest.raises(BadAnswer):
        api.roots(patient(serve(whole(body)).url))


@pytest.mark.parametrize(
    'summary',
    [
        1,
        {},
        {'root_provider_uuid': 'u', 'resources': [], 'traits': []},
        {
            'root_provider_uuid': 'u',
            'resources': {'X': {'capacity': True, 'used': 0}},
            'traits': [],
        },
        {
            'root_provider_uuid': 'u',
            'resources': {'X': {'capacity': 1.5, 'used': 0}},
            'traits': [],
        },
        {'root_provider_uuid': 'u', 'resources': {}, 'traits': [1]},
    ],
)
def test_an_invalid_summary_is_a_bad_answer(serve, summary):
    body = json.dumps({'provider_summaries': {'u': summary}}).encode()
    with pytest.raises(BadAnswer):
        api.summaries(patient(serve(whole(body)).url))


def test_a_truncated_body_is_unavailable(serve):
    def answer(connection):
        request_of(connection)
        connection.sendall(
            b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"resource_'
        )
        connection.shutdown(socket.SHUT_RDWR)

    with pytest.raises(Unavailable):
        patient(serve(answer).url).get('/')


def test_an_answer_that_is_not_http_is_unavailable(serve):
    def answer(connection):
        request_of(connection)
        connection.sendall(b'220 mail.example.org ESMTP\r\n')
        connection.shutdown(socket.SHUT_RDWR)

    with pytest.raises(Unavailable):
        patient(serve(answer).url).get('/')


def test_a_stopped_server_is_unavailable(serve):
    server = serve(hang)
    server.close()
    with pytest.raises(Unavailable) as caught:
        patient(server.url).get('/')
    assert not isinstance(caught.value, DeadlineExceeded)


def _error(status, code=None):
    error = {'status': status, 'detail': 'because'}
    if code:
        error['code'] = code
    return json.dumps({'errors': [error]}).encode()


@pytest.mark.parametrize(
    ('status', 'body', 'kind'),
    [
        ('500 Oops', b'<html>', Unavailable),
        ('503 Busy', b'', Unavailable),
        ('400 Bad', _error(400, 'x'), Refused),
        ('401 Who', _error(401), Refused),
        ('403 No', b'[]', Refused),
        ('406 Old', b'{"errors": {}}', Refused),
        ('404 Gone', _error(404), NotFound),
        ('409 No', _error(409, 'placement.concurrent_update'), Conflict),
        ('409 No', _error(409, 'placement.inventory.inuse'), Refused),
        ('409 No', b'{"errors": [1]}', Refused),
    ],
)
def test_each_status_has_its_error(serve, status, body, kind):
    with pytest.raises(PlacementError) as caught:
        patient(serve(whole(body, status)).url).get('/x')
    assert type(caught.value) is kind
    assert '/x' in str(caught.value)


def test_tokens_are_not_logged(serve, caplog):
    caplog.set_level(logging.DEBUG)
    patient(serve(whole(b'{}')).url).get('/')
    with pytest.raises(Unavailable):
        patient(serve(whole(b'{}', '500 No')).url).get('/')
    assert 'GET' in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    'answer',
    [
        *SLOW,
        whole(b'invalid'),
        whole(b'{"resource_providers": [{}]}'),
        whole(b'', '500 Oops'),
        lambda connection: connection.close(),
        None,
    ],
)
def test_the_reader_keeps_its_snapshot_and_returns_it_at_once(
    serve, wsgi, client, answer, caplog
):
    publish(client, [host(0, cells=1, pools=0)])
    server = serve(answer or hang)
    if answer is None:
        server.close()
    clients = [client]

    def factory():
        return clients.pop() if clients else client_of(server.url)

    reader = TopologyReader(factory, interval=0.02, deadline=30)
    assert reader.refresh()
    # Long enough for a good answer on a busy machine, too long to wait for
    # bad ones.
    reader._seconds = 0.3
    before = reader.snapshot
    assert len(before.hosts) == 1

    def down(method, path):
        raise OSError('stopped')

    wsgi.before = down
    reader.ensure_started()
    end = time.monotonic() + PATIENCE
    worst = 0.0
    while reader.snapshot.counters.errors < 3:
        started = time.perf_counter()
        assert reader.snapshot.hosts is before.hosts
        worst = max(worst, time.perf_counter() - started)
        assert time.monotonic() < end
        time.sleep(0.002)
    # Generous: the machine may be busy, yet no request is that fast.
    assert worst < 0.15
    started = time.monotonic()
    assert reader.stop()
    assert time.monotonic() - started < 10
    warned = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len([r for r in warned if r.name.endswith('reader')]) == 1


def test_stop_does_not_wait_for_a_hanging_server(serve):
    url = serve(hang).url
    reader = TopologyReader(lambda: client_of(url, 60), deadline=60)
    reader.ensure_started()
    time.sleep(0.2)
    started = time.monotonic()
    assert reader.stop()
    assert time.monotonic() - started < 10


def test_publish_ends_when_placement_becomes_unavailable(client, wsgi):
    publish(client, [host(0)])

    def down(method, path):
        if (method, path) == ('POST', '/reshaper'):
            raise OSError('stopped')

    wsgi.before = down
    with pytest.raises(Unavailable):
        publish(PlacementClient(adapter_of(wsgi)), [host(1)])
    wsgi.before = None
    assert publish(client, [host(1)]).hosts[0].error is None
