"""Serve a simulated cloud's Placement over HTTP, with a clouds.yaml for it."""

import contextlib
import threading

import yaml

from nfv_sched.sim import nova_api
from nfv_sched.sim import placement


@contextlib.contextmanager
def listening(application):
    """Serve a WSGI application on loopback; yields its URL."""
    server = placement.http_server(application)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def placement_of(cloud):
    """The WSGI application of a cloud's Placement."""
    return cloud.application


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


@contextlib.contextmanager
def both_apis(cloud, roles=nova_api.ADMIN):
    """Serve Placement and Nova's API of a cloud; yields their URL."""
    nova_api.complete(cloud)
    nova = nova_api.application(roles)
    with (
        nova_api.without_neutron(),
        listening(nova_api.beside(cloud.application, nova)) as url,
    ):
        yield url
