"""Serve a simulated cloud's Placement over HTTP, with a clouds.yaml for it."""

import contextlib
import threading
from wsgiref import simple_server

import yaml


class Quiet(simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def listening(application):
    """Serve a WSGI application on loopback; yields its URL."""
    server = simple_server.make_server(
        '127.0.0.1', 0, application, handler_class=Quiet
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f'http://127.0.0.1:{server.server_port}'
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def placement_of(cloud):
    """The WSGI application of a cloud's Placement."""
    transport = cloud.placement.session.session
    return transport.get_adapter('http://placement')._application


@contextlib.contextmanager
def cloud_named(name, application, folder, monkeypatch):
    """Serve an application as all services of a cloud of clouds.yaml."""
    with listening(application) as url:
        lab = {
            'auth_type': 'admin_token',
            'auth': {'endpoint': url, 'token': 'admin'},
        }
        path = folder / 'clouds.yaml'
        path.write_text(yaml.safe_dump({'clouds': {name: lab}}))
        # Otherwise clouds.yaml is looked up in the working directory of the
        # process at its start.
        monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(path))
        yield
