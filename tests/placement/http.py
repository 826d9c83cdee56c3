"""A client of a Placement over HTTP."""

from keystoneauth1 import adapter as ksa_adapter
from keystoneauth1 import session as ksa_session
from keystoneauth1 import token_endpoint

from nfv_sched.placement.client import PlacementClient


def session_of(url):
    return ksa_session.Session(auth=token_endpoint.Token(url, 'admin'))


def client_of(url, session=None, deadline=30, roles='service'):
    adapter = ksa_adapter.Adapter(
        session or session_of(url),
        service_type='placement',
        additional_headers={'X-Roles': roles},
    )
    return PlacementClient(adapter, deadline=deadline)
