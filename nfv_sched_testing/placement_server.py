"""Placement over HTTP in a separate process, on any database.

``python -m nfv_sched_testing.placement_server URL`` creates missing tables of
the database, prints the server's URL and serves until its standard input
ends.
"""

import contextlib
import os
import pathlib
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from wsgiref import simple_server

from oslo_config import cfg
from oslo_db.sqlalchemy import enginefacade
from placement import conf as placement_conf
from placement import db_api
from placement import deploy
from placement.db.sqlalchemy import migration
import pytest

from nfv_sched_testing import json_schemas
from nfv_sched_testing.patience import PATIENCE


class _Handler(simple_server.WSGIRequestHandler):
    # Buffered: with one packet per write small answers take 40 ms.
    wbufsize = -1

    def log_message(self, *args):
        pass

    def address_string(self):
        return self.client_address[0]


class _Threading(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 64


def application(url):
    conf = cfg.ConfigOpts()
    placement_conf.register_opts(conf)
    conf.set_override('auth_strategy', 'noauth2', group='api')
    conf.set_override('connection', url, group='placement_database')
    conf.set_override('max_allocation_candidates', -1, group='placement')
    conf([], default_config_files=[], default_config_dirs=[])
    fresh = enginefacade.transaction_context()
    fresh.configure(connection=url, sqlite_synchronous=False)
    db_api.placement_context_manager.patch_factory(fresh)
    migration.create_schema(fresh.writer.get_engine())
    deploy.update_database(conf)
    return deploy.loadapp(conf)


def main(url):
    json_schemas.check_once()
    # SQLite has one writer: more threads would only wait for each other.
    kind = simple_server.WSGIServer if url.startswith('sqlite') else _Threading
    server = simple_server.make_server(
        '127.0.0.1', 0, application(url), kind, _Handler
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f'http://127.0.0.1:{server.server_port}', flush=True)  # noqa: T201
    sys.stdin.read()


@contextlib.contextmanager
def running(url):
    """The URL of a server on the database ``url``."""
    with subprocess.Popen(
        [
            sys.executable,
            '-W',
            'ignore',
            '-m',
            'nfv_sched_testing.placement_server',
            url,
        ],
        cwd=pathlib.Path(__file__).resolve().parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(PATIENCE)


def _postgresql_tools():
    """The paths of PostgreSQL's programs, which Debian has not on PATH."""
    folders = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin'))
    for folder in [*reversed(folders), None]:
        paths = [
            shutil.which(name, path=folder and str(folder))
            for name in ('initdb', 'pg_ctl')
        ]
        if all(paths):
            return paths
    return None


@contextlib.contextmanager
def postgresql(user='placement'):
    """The URL of an empty database in a PostgreSQL server started for it.

    It listens on a socket only, and asks for no password.

    :param user: who may do everything
    """
    tools = _postgresql_tools()
    if tools is None:
        pytest.skip('no initdb and pg_ctl: Debian has them in postgresql')
    pytest.importorskip('psycopg2', reason='no driver for PostgreSQL')
    initdb, pg_ctl = tools
    with tempfile.TemporaryDirectory(prefix='nfv-sched-pg-') as folder:
        as_user = ()
        if os.getuid() == 0:
            as_user = ('setpriv', *_AS_NOBODY)
            os.chown(folder, _NOBODY, _NOBODY)

        def run(*command):
            subprocess.run(
                [*as_user, *command],
                check=True,
                cwd=folder,
                stdout=subprocess.DEVNULL,
                env={'PATH': '/usr/bin:/bin', 'LC_ALL': 'C.UTF-8'},
            )

        data = ('-D', f'{folder}/data')
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run(initdb, *data, '-U', user, '-A', 'trust', '-N')
        start = (pg_ctl, *data, '-o', options, '-l', f'{folder}/log', '-w')
        run(*start, 'start')
        try:
            yield f'postgresql+psycopg2:///postgres?host={folder}&user={user}'
        finally:
            run(pg_ctl, *data, '-m', 'immediate', '-w', 'stop')


#: PostgreSQL refuses to run as root.
_NOBODY = 65534
_AS_NOBODY = (f'--reuid={_NOBODY}', f'--regid={_NOBODY}', '--clear-groups')


if __name__ == '__main__':
    main(*sys.argv[1:])
