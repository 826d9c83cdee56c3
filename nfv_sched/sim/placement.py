"""The real Placement service, called in process instead of over HTTP."""

from collections.abc import Iterator
import contextlib
import io
import pathlib
import threading
from typing import Any
from urllib import parse

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

_URL = 'http://placement'


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
            additional_headers={'x-auth-token': 'admin'},
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


def _forget() -> None:
    """Reset caches, so that Placement initializes the next database."""
    trait._TRAITS_SYNCED = False  # noqa: SLF001
    resource_class._RESOURCE_CLASSES_SYNCED = False  # noqa: SLF001
    policy.reset()
