"""The real Placement service, called in process instead of over HTTP."""

from collections.abc import Iterator
import contextlib
import hmac
import io
import logging
import pathlib
import threading
from typing import Any
from urllib import parse
from wsgiref import simple_server

from keystoneauth1 import adapter
from keystoneauth1 import session
from oslo_config import cfg
from placement import conf as placement_conf
from placement import db_api
from placement import deploy
from placement import policy
from placement.objects import resource_class
from placement.objects import trait
import requests
from requests import adapters

from nfv_sched.sim import databases

LOG = logging.getLogger(__name__)

_URL = 'http://placement'
#: Placement without keystone takes this token for its administrator's.
_ADMIN = 'admin'


class WsgiAdapter(adapters.BaseAdapter):
    """Sends requests to a WSGI application in the same process."""

    def __init__(self, application: Any) -> None:
        super().__init__()
        self._application = application
        # SQLite allows one writer, and the topology reader is a thread.
        self._lock = threading.Lock()

    def send(
        self, request: requests.PreparedRequest, *_: Any, **__: Any
    ) -> requests.Response:
        """Call the application.

        :returns: its answer
        """
        answer: dict[str, Any] = {}

        def start_response(
            status: str, headers: list[tuple[str, str]], _info: Any = None
        ) -> None:
            answer.update(status=status, headers=headers)

        with self._lock:
            body = b''.join(
                self._application(_environ(request), start_response)
            )
        response = requests.Response()
        code, _sep, reason = answer['status'].partition(' ')
        response.status_code = int(code)
        response.reason = reason
        response.headers.update(answer['headers'])
        response.raw = io.BytesIO(body)
        response.url = request.url or ''
        response.request = request
        response.encoding = 'utf-8'
        return response

    def close(self) -> None:
        """Nothing is open."""


def _environ(request: requests.PreparedRequest) -> dict[str, Any]:
    url = parse.urlsplit(request.url or '')
    # What keystoneauth sends is JSON, whole: never a stream.
    body: Any = request.body or b''
    content = body.encode() if isinstance(body, str) else body
    environ = {
        'REQUEST_METHOD': request.method,
        'SCRIPT_NAME': '',
        'PATH_INFO': parse.unquote(str(url.path)) or '/',
        'QUERY_STRING': str(url.query),
        'SERVER_NAME': str(url.hostname),
        'SERVER_PORT': '80',
        'SERVER_PROTOCOL': 'HTTP/1.1',
        'REMOTE_ADDR': '127.0.0.1',
        'CONTENT_LENGTH': str(len(content)),
        'wsgi.version': (1, 0),
        'wsgi.url_scheme': 'http',
        'wsgi.input': io.BytesIO(content),
        'wsgi.errors': io.StringIO(),
        'wsgi.multithread': True,
        'wsgi.multiprocess': False,
        'wsgi.run_once': False,
    }
    for name, value in request.headers.items():
        text = value.decode() if isinstance(value, bytes) else value
        key = name.upper().replace('-', '_')
        if key == 'CONTENT_TYPE':
            environ[key] = text
        elif key != 'CONTENT_LENGTH':
            environ[f'HTTP_{key}'] = text
    return environ


def client(application: Any) -> Any:
    """A keystoneauth adapter that calls ``application`` as admin."""
    transport = requests.Session()
    transport.mount(_URL, WsgiAdapter(application))
    return adapter.Adapter(
        session.Session(
            auth=None,
            session=transport,
            additional_headers={'x-auth-token': _ADMIN},
        ),
        service_type='placement',
        endpoint_override=_URL,
        raise_exc=False,
    )


@contextlib.contextmanager
def service(folder: pathlib.Path) -> Iterator[Any]:
    """Run Placement on a database in ``folder``.

    :returns: the WSGI application
    """
    url = f'sqlite:///{folder}/placement.sqlite'
    conf = cfg.ConfigOpts()
    placement_conf.register_opts(conf)
    conf.set_override('auth_strategy', 'noauth2', group='api')
    conf.set_override('connection', url, group='placement_database')
    conf.set_override('sync_on_startup', True, group='placement_database')
    conf([], project='placement', default_config_files=[])
    _forget()
    with databases.factory(db_api.placement_context_manager, url):
        try:
            yield deploy.loadapp(conf)
        finally:
            _forget()


class _Handler(simple_server.WSGIRequestHandler):
    # Buffered: with one packet per write small answers take 40 ms.
    wbufsize = -1
    # A client that sends nothing does not block the others for long.
    timeout = 10

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        LOG.debug(format, *args)


class HttpServer(simple_server.WSGIServer):
    """Serves one request at a time: SQLite has one writer."""

    request_queue_size = 64

    @property
    def url(self) -> str:
        """Where it listens."""
        return f'http://127.0.0.1:{self.server_port}'

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what a client caused."""
        del request
        LOG.debug('Request of %s failed', client_address, exc_info=True)


def http_server(application: Any) -> HttpServer:
    """A server of a WSGI application on a free loopback port."""
    server: HttpServer = simple_server.make_server(
        '127.0.0.1', 0, application, HttpServer, _Handler
    )
    return server


def with_token(application: Any, token: str) -> Any:
    """Placement for clients that have a token, as its administrator."""

    def checked(environ: dict[str, Any], start_response: Any) -> Any:
        given = environ.get('HTTP_X_AUTH_TOKEN', '')
        if not hmac.compare_digest(given.encode(), token.encode()):
            start_response('401 Unauthorized', [('Content-Length', '0')])
            return [b'']
        return application(
            {**environ, 'HTTP_X_AUTH_TOKEN': _ADMIN}, start_response
        )

    return checked


def _forget() -> None:
    """Reset caches, so that Placement initializes the next database."""
    trait._TRAITS_SYNCED = False  # noqa: SLF001
    resource_class._RESOURCE_CLASSES_SYNCED = False  # noqa: SLF001
    policy.reset()
