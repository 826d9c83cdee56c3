"""Commands when something is down: within seconds, and what else is known."""

import contextlib
import json
import re
import socket
import sqlite3
import threading
import time

import pytest

from nfv_sched.nova.redact import describe_error
from nfv_sched.placement import transport
from nfv_sched.placement.errors import Unavailable
from tests.placement.http import client_of


@contextlib.contextmanager
def silent():
    """The port of a host that does not answer: connections are dropped.

    The queue of connections that nobody accepts is full.
    """
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            socket.create_server(('127.0.0.1', 0), backlog=0)
        )
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(server.getsockname())
        yield server.getsockname()[1]


def options(folder, database, endpoint):
    path = folder / 'nova.conf'
    path.write_text(f"""
[DEFAULT]
state_path = {folder}
[api_database]
connection = {database}
[database]
connection = {database}
[placement]
auth_type = admin_token
endpoint = {endpoint}
token = admin
""")
    return str(path)


def test_connecting_ends_after_seconds(monkeypatch):
    monkeypatch.setattr(transport, 'CONNECT_SECONDS', 0.3)
    with silent() as port:
        begin = time.monotonic()
        with pytest.raises(Unavailable):
            client_of(f'http://127.0.0.1:{port}', deadline=60).get('/')
        assert time.monotonic() - begin < 30


def test_a_slow_answer_has_the_whole_deadline(monkeypatch):
    """The limit is of connecting only."""
    monkeypatch.setattr(transport, 'CONNECT_SECONDS', 0.2)
    with socket.create_server(('127.0.0.1', 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                time.sleep(0.6)
                connection.sendall(
                    b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'
                )

        thread = threading.Thread(target=answer)
        thread.start()
        url = f'http://127.0.0.1:{server.getsockname()[1]}'
        assert client_of(url, deadline=30).get('/x') == {}
        thread.join()


def test_check_says_what_is_unreachable_and_checks_the_rest(
    forked,
    tmp_path,
):
    with silent() as port:
        path = options(
            tmp_path,
            f'postgresql://nova:x@127.0.0.1:{port}/nova_api',
            f'http://127.0.0.1:{port}',
        )
        begin = time.monotonic()
        code, out, _ = forked('check', '-f', 'json', '--config-file', path)
        seconds = time.monotonic() - begin
    # Two attempts to connect; it was two minutes for the first alone.
    assert seconds < 60
    assert code == 2
    verdicts = {
        each['check']: each['verdict'] for each in json.loads(out)['checks']
    }
    assert verdicts['Placement readable'] == 'failure'
    assert verdicts['Databases readable'] == 'failure'
    assert verdicts['Drifted hosts'] == 'skipped'
    assert verdicts['Recommended options'] == 'warning'


@pytest.mark.parametrize('words', [('check',), ('topology',), ('labels',)])
def test_a_database_without_tables_is_named_as_that(
    forked,
    tmp_path,
    words,
):
    database = tmp_path / 'empty.sqlite'
    sqlite3.connect(database).close()
    path = options(tmp_path, f'sqlite:///{database}', 'http://127.0.0.1:1')
    code, out, err = forked(*words, '-f', 'json', '--config-file', path)
    assert code
    said = ' '.join((out + err).split())
    assert re.search('the database has no table [a-z_]+: it was never', said)
    assert 'nova-manage api_db sync' in said
    assert 'SELECT' not in said


@pytest.mark.parametrize(
    'text',
    [
        '(sqlite3.OperationalError) no such table: cell_mappings\n[SQL: x]',
        '(pymysql.err.ProgrammingError) (1146, "Table \'nova_api.cell_mappings'
        "' doesn't exist\")\n[SQL: x]",
        '(psycopg2.errors.UndefinedTable) relation "cell_mappings" does not '
        'exist\nLINE 2: x',
    ],
)
def test_each_database_says_so_in_its_own_words(text):
    said = describe_error(RuntimeError(text))
    assert 'cell_mappings: it was never synchronized' in said
    assert 'SQL' not in said
