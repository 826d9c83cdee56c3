"""Nova's API as a WSGI application, on the databases of this process."""

import contextlib
from unittest import mock

from nova import context as nova_context
from nova import objects
from nova.api.openstack import compute
from nova.api.openstack import FaultWrapper
from nova.network import model as network_model
from nova.network import security_group_api
from oslo_db import exception as db_exceptions

from nfv_sched_testing.served import listening

ADMIN = ('admin', 'member', 'reader')


def application(roles=ADMIN):
    """Nova's API without Keystone: each request has the same roles."""
    router = compute.APIRouterV21()

    def as_user(environ, start_response):
        context = nova_context.RequestContext(
            user_id='user',
            project_id='6f70656e737461636b20342065766572',
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


def beside(placement, nova):
    """Placement and Nova's API at one URL: their paths differ."""

    def both(environ, start_response):
        path = environ['PATH_INFO']
        of_nova = path.startswith(('/servers', '/os-', '/flavors'))
        return (nova if of_nova else placement)(environ, start_response)

    return both


def complete(cloud):
    """Give the instances of a simulated cloud what Nova's API reads.

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
def without_neutron():
    """Let Nova's API list servers in a cloud without networks."""
    with mock.patch.object(
        security_group_api,
        'get_instances_security_groups_bindings',
        return_value={},
    ):
        yield


@contextlib.contextmanager
def served(cloud, roles=ADMIN):
    """Serve Placement and Nova's API of a cloud; yields their URL."""
    complete(cloud)
    with (
        without_neutron(),
        listening(beside(cloud.application, application(roles))) as url,
    ):
        yield url
