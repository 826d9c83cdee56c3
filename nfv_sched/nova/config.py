"""nova.conf: read once, read again, and what it leads to."""

from collections.abc import Sequence
from typing import Any

from nova import config
from nova import context
from nova import exception
from nova import objects
from nova import utils
import nova.conf
from nova.db.api import api as api_db
from nova.db.main import api as main_db
from nova.virt import hardware
from nova.virt import node

#: Nova's options, for modules that import nothing of Nova.
CONF = nova.conf.CONF
#: Any refusal of Nova's.
NovaException = exception.NovaException


class NoIdentityError(Exception):
    """This host does not know which compute node it is."""


def configure(files: Sequence[str]) -> None:
    """Read nova.conf (Nova's usual places without ``files``)."""
    arguments = [f'--config-file={name}' for name in files]
    # Cell mappings have message queues, too, and cannot be read without the
    # options of these. Nothing connects to them.
    config.parse_args(['nfv-sched', *arguments])
    objects.register_all()


def reconfigure() -> bool:
    """Read the same files again; whether they are good.

    For a process that was forked before anything used a database. If the
    files are not good, all options stay as they are.
    """
    conf = nova.conf.CONF
    if not conf.reload_config_files():
        return False
    main_db.configure(conf)
    api_db.configure(conf)
    return True


def local_node() -> tuple[str, str]:
    """Name and uuid of the compute node that this host is.

    Nova-compute keeps its uuid in a file since 2023.1.

    :raises NoIdentityError: there is no such file, or it is not one
    """
    conf = nova.conf.CONF
    try:
        uuid = node.read_local_node_uuid()
    except exception.InvalidNodeConfiguration as error:
        raise NoIdentityError(str(error)) from error
    if not uuid:
        raise NoIdentityError(
            f'no file {node.COMPUTE_ID_FILE} in {conf.state_path}, where '
            'nova-compute puts the uuid of its compute node'
        )
    return str(conf.host), str(uuid)


def local_dedicated_cpus() -> frozenset[int]:
    """The dedicated CPUs of the compute node that this host is.

    None where nova-compute refuses to start with the option.
    """
    try:
        return frozenset(hardware.get_cpu_dedicated_set() or ())
    except exception.Invalid:
        return frozenset()


def placement_adapter() -> Any:
    """A keystoneauth adapter by nova.conf's group ``[placement]``."""
    return utils.get_ksa_adapter('placement')


def admin_context() -> Any:
    """A context of an administrator, for reads."""
    return context.get_admin_context()
