"""nova.conf: read once, read again, and what it leads to."""

from collections.abc import Sequence
import contextlib
import pathlib
import re
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

from nfv_sched.nova.redact import remember_file

#: Nova's options, for modules that import nothing of Nova.
CONF = nova.conf.CONF
#: Seconds in which a database has to accept a connection.
CONNECT_SECONDS = 5
#: By the beginning of a database's URL, what its drivers take. MySQL's wait
#: without a limit for a server that accepts connections and is silent.
_CONNECT_PARAMETERS = {
    'mysql': {'connect_timeout': CONNECT_SECONDS, 'read_timeout': 300},
    'postgresql': {'connect_timeout': CONNECT_SECONDS},
}
#: Any refusal of Nova's.
NovaException = exception.NovaException


class NoIdentityError(Exception):
    """This host does not know which compute node it is."""


def configure(files: Sequence[str]) -> None:
    """Read nova.conf (Nova's usual places without ``files``)."""
    arguments = [f'--config-file={name}' for name in files]
    # Cell mappings have message queues, too, and cannot be read without the
    # options of these. Nothing connects to them.
    config.parse_args(['nfv-sched', *arguments], configure_db=False)
    # First: what is wrong with a database may be said by its URL.
    _remember_secrets()
    _limit_connecting()
    main_db.configure(CONF)
    api_db.configure(CONF)
    objects.register_all()


def _limit_connecting() -> None:
    """Give up on databases that cannot be reached, after seconds.

    oslo.db tries ten times, ten seconds apart, and a driver may wait for
    minutes each time: an operator waits for the answer, or the next pass of a
    service tries again.
    """
    for group in ('database', 'api_database'):
        CONF.set_override('max_retries', 1, group)
        CONF.set_override('retry_interval', 0, group)
        # Cells have URLs of their own, but the same options.
        driver = re.split('[+:]', CONF.api_database.connection or '')[0]
        parts = [
            f'{name}={value}'
            for name, value in _CONNECT_PARAMETERS.get(driver, {}).items()
            if name not in CONF[group].connection_parameters
        ]
        given = filter(None, (CONF[group].connection_parameters, *parts))
        CONF.set_override('connection_parameters', '&'.join(given), group)


def _remember_secrets() -> None:
    """Mask from now on what the configuration files have as secrets."""
    for name in CONF.config_file or ():
        with contextlib.suppress(OSError):
            text = pathlib.Path(name).read_text('utf-8', 'replace')
            remember_file(text)


def reconfigure() -> bool:
    """Read the same files again; whether they are good.

    For a process that was forked before anything used a database. If the
    files are not good, all options stay as they are.
    """
    conf = nova.conf.CONF
    if not conf.reload_config_files():
        return False
    _remember_secrets()
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
