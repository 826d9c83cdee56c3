"""The real Placement in this process, for tests."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import io
import pathlib
import threading
from typing import Any
import urllib.parse

from keystoneauth1 import adapter as ksa_adapter
from keystoneauth1 import session as ksa_session
from keystoneauth1 import token_endpoint
from oslo_config import cfg
from oslo_db.sqlalchemy import engines
from placement import conf as placement_conf
from placement import db_api
from placement import deploy
from placement.db.sqlalchemy import migration
from placement.objects import resource_class
from placement.objects import trait
import requests
import requests.adapters

URL = 'http://placement.invalid'


class WSGIAdapter(requests.adapters.BaseAdapter):
    """Pass requests to a WSGI application, one at a time, and record them.

    ``before`` is called with (method, path) outside the lock, so that a test
    may interleave other clients or fail the request.
    """

    def __init__(self, app: Any) -> None:
        super().__init__()
        self.app = app
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] | None = None
        self.lock = threading.Lock()

    def send(self, request: Any, **kwargs: Any) -> requests.Response:
        del kwargs
        url = urllib.parse.urlsplit(request.url)
        if self.before is not None:
            self.before(request.method, url.path)
        body = request.body or b''
        if isinstance(body, str):
            body = body.encode()
        environ = {
            'REQUEST_METHOD': request.method,
            'SCRIPT_NAME': '',
            'PATH_INFO': urllib.parse.unquote(url.path),
            'QUERY_STRING': url.query,
            'SERVER_NAME': 'placement.invalid',
            'SERVER_PORT': '80',
            'SERVER_PROTOCOL': 'HTTP/1.1',
            'CONTENT_LENGTH': str(len(body)),
            'CONTENT_TYPE': request.headers.get('Content-Type', ''),
            'wsgi.version': (1, 0),
            'wsgi.url_scheme': 'http',
            'wsgi.input': io.BytesIO(body),
            'wsgi.errors': io.StringIO(),
            'wsgi.multithread': True,
            'wsgi.multiprocess': False,
            'wsgi.run_once': False,
        }
        for name, value in request.headers.items():
            environ[f'HTTP_{name.upper().replace("-", "_")}'] = value
        response = requests.Response()

        def start(status: str, headers: Any, exc_info: Any = None) -> None:
            del exc_info
            code, response.reason = status.split(' ', 1)
            response.status_code = int(code)
            response.headers.update(headers)

        with self.lock:
            self.calls.append((request.method, url.path))
            body = b''.join(self.app(environ, start))
        response.raw = io.BytesIO(body)
        response.url = request.url
        response.request = request
        return response

    def close(self) -> None:
        pass

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] != 'GET']


def adapter_of(
    wsgi: WSGIAdapter, roles: str = 'service'
) -> ksa_adapter.Adapter:
    """A keystoneauth adapter that talks to ``wsgi`` as a user with ``roles``.

    Nova's own user has the role ``service``.
    """
    session = ksa_session.Session(auth=token_endpoint.Token(URL, 'admin'))
    session.session.mount(URL, wsgi)
    return ksa_adapter.Adapter(
        session,
        service_type='placement',
        additional_headers={'X-Roles': roles},
    )


def _conf(database: pathlib.Path, **options: Any) -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    placement_conf.register_opts(conf)
    conf.set_override('auth_strategy', 'noauth2', group='api')
    conf.set_override(
        'connection', f'sqlite:///{database}', group='placement_database'
    )
    # Option groups are shared in a process: other code may have set this.
    conf.set_override('sync_on_startup', False, group='placement_database')
    options = {'max_allocation_candidates': -1} | options
    for name, value in options.items():
        conf.set_override(name, value, group='placement')
    conf([], default_config_files=[], default_config_dirs=[])
    return conf


@contextlib.contextmanager
def _engine(database: pathlib.Path) -> Iterator[Any]:
    """Let Placement's database code, which is global, use this file."""
    # The database is temporary: do not wait for the disk.
    engine = engines.create_engine(
        f'sqlite:///{database}', sqlite_synchronous=False
    )
    restore = db_api.placement_context_manager.patch_engine(engine)
    trait._TRAITS_SYNCED = False
    resource_class._RESOURCE_CLASSES_SYNCED = False
    try:
        yield engine
    finally:
        restore()
        engine.dispose()


def make_database(database: pathlib.Path) -> None:
    """An empty database of Placement, to be copied for each test."""
    conf = _conf(database)
    db_api.configure(conf)
    with _engine(database) as engine:
        migration.create_schema(engine)
        deploy.update_database(conf)


@contextlib.contextmanager
def placement_app(database: pathlib.Path, **options: Any) -> Iterator[Any]:
    """Placement as a WSGI application on a database of :func:`make_database`.

    ``options`` are those of its group ``[placement]``. One at a time.
    """
    with _engine(database):
        yield deploy.loadapp(_conf(database, **options))
