"""The compute API by openstacksdk, as plans use it."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
from typing import Any

from keystoneauth1 import exceptions as ksa_errors
import openstack
from openstack import exceptions as sdk_errors

from nfv_sched.plan.executor import ServersError
from nfv_sched.plan.executor import ServerState

#: A cold migration to a host.
_MICROVERSION = '2.56'


class ComputeAPI:
    """The calls of the compute API, as ``Servers`` of plans.

    :param connection: an ``openstack.connection.Connection`` of an
        administrator
    """

    def __init__(self, connection: Any) -> None:
        self._compute = connection.compute
        self._compute.default_microversion = _MICROVERSION

    def state(self, uuid: str) -> ServerState:
        """Where an instance is."""
        server = self._call(self._compute.get_server, uuid)
        return ServerState(
            # Shown to administrators only.
            server.compute_host,
            str(server.status).upper(),
            server.task_state is not None,
        )

    def live_migrate(self, uuid: str, host: str) -> None:
        """Start a live migration."""
        self._call(
            self._compute.live_migrate_server,
            uuid,
            host=host,
            block_migration='auto',
        )

    def cold_migrate(self, uuid: str, host: str) -> None:
        """Start a cold migration, which has to be confirmed."""
        self._call(self._compute.migrate_server, uuid, host=host)

    def confirm(self, uuid: str) -> None:
        """Confirm a cold migration."""
        self._call(self._compute.confirm_server_resize, uuid)

    def evacuate(self, uuid: str, host: str) -> None:
        """Start an evacuation."""
        self._call(self._compute.evacuate_server, uuid, host=host)

    @staticmethod
    def _call(call: Callable[..., Any], *args: Any, **values: Any) -> Any:
        with _errors():
            return call(*args, **values)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (sdk_errors.SDKException, ksa_errors.ClientException) as error:
        raise ServersError(str(error)) from error


def connect(cloud: str | None) -> ComputeAPI:
    """The compute API of clouds.yaml or OS_* variables.

    :param cloud: a name in clouds.yaml; None for OS_CLOUD and the like
    :raises ServersError: the credentials are invalid
    """
    with _errors():
        return ComputeAPI(openstack.connect(cloud=cloud))
