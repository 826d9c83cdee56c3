"""Servers by name."""

import re
import uuid

from nfv_sched.cmd import backends
from nfv_sched.nova import cell_databases
from nfv_sched.nova import instances
from nfv_sched.nova.boot_request import BadRequestError


def uuid_of(source: backends.Backends, server: str) -> str:
    """The UUID of a server, which is named by it or by its name.

    :raises nfv_sched.nova.boot_request.BadRequestError: no server has that
        name, or several have it
    :raises nfv_sched.cmd.backends.NoBackendError: the credentials are invalid
    :raises nfv_sched.nova.cell_databases.UnreadableCellError: a Nova cell
        cannot be read
    """
    try:
        return str(uuid.UUID(server))
    except ValueError:
        found = uuids_of(source, server)
    if len(found) == 1:
        return found[0]
    text = f'; give the UUID of one: {", ".join(found)}' if found else ''
    raise BadRequestError(
        f'{len(found) or "no"} servers are named {server}{text}'
    )


def uuids_of(source: backends.Backends, name: str) -> list[str]:
    """The UUIDs of the servers of a name, the newest one first.

    :raises nfv_sched.cmd.backends.NoBackendError: the credentials are invalid
    :raises nfv_sched.nova.cell_databases.UnreadableCellError: a Nova cell
        cannot be read
    """
    if source.databases:
        return instances.uuids_of_name(cell_databases.admin_context(), name)
    answer = source.cloud('compute').get(
        '/servers', params={'name': f'^{re.escape(name)}$', 'all_tenants': '1'}
    )
    return [server['id'] for server in answer.json()['servers']]
