"""Servers by name."""

import re

from nfv_sched.cmd import backends
from nfv_sched.nova import cell_databases
from nfv_sched.nova import instances


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
