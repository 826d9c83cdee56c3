"""Nova's API as a WSGI application, on the databases of a simulated cloud.

Without Keystone and neutron: each request has the same roles, and no instance
has a security group.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
from typing import Any

from nova import context as nova_context
from nova import objects
from nova.api.openstack import compute
from nova.api.openstack import FaultWrapper
from nova.network import model as network_model
from nova.network import security_group_api
from oslo_db import exception as db_exceptions

from nfv_sched.sim.cloud import Cloud

ADMIN = ('admin', 'member', 'reader')
_PROJECT = '6f70656e737461636b20342065766572'
_PATHS = ('/servers', '/os-', '/flavors')


def application(roles: Sequence[str] = ADMIN) -> Any:
    """Nova's API for requests that have these roles."""
    router = compute.APIRouterV21()

    def as_user(environ: dict[str, Any], start_response: Any) -> Any:
        context = nova_context.RequestContext(
            user_id='user',
            project_id=_PROJECT,
            is_admin='admin' in roles,
            roles=list(roles),
        )
        environ = {
            **environ,
            'nova.context': context,
            # Links in answers have a version.
            'SCRIPT_NAME': '/v2.1',
        }
        return FaultWrapper(router)(environ, start_response)

    return as_user


def beside(placement: Any, nova: Any) -> Any:
    """Placement and Nova's API at one URL: their paths differ."""

    def both(environ: dict[str, Any], start_response: Any) -> Any:
        of_nova = environ['PATH_INFO'].startswith(_PATHS)
        return (nova if of_nova else placement)(environ, start_response)

    return both


def complete(cloud: Cloud) -> None:
    """Give the instances of a cloud what Nova's API reads.

    Network information, which nova-compute writes with an instance, and the
    Nova cell of each, which nova-api writes.
    """
    for instance in objects.InstanceList.get_all(cloud.cell_context):
        objects.InstanceInfoCache(
            cloud.cell_context,
            instance_uuid=instance.uuid,
            network_info=network_model.NetworkInfo(),
        ).save()
        with contextlib.suppress(db_exceptions.DBDuplicateEntry):
            objects.InstanceMapping(
                cloud.context,
                instance_uuid=instance.uuid,
                cell_mapping=cloud.cell,
                project_id=instance.project_id,
                queued_for_delete=False,
            ).create()


@contextlib.contextmanager
def without_neutron() -> Iterator[None]:
    """Let Nova's API list servers in a cloud without networks."""
    before = security_group_api.get_instances_security_groups_bindings
    security_group_api.get_instances_security_groups_bindings = _no_groups
    try:
        yield
    finally:
        security_group_api.get_instances_security_groups_bindings = before


def _no_groups(*args: Any, **values: Any) -> dict[str, Any]:
    return {}
