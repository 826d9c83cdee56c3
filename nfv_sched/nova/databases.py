"""The databases of Nova's cells: which there are, and what one says."""

from collections.abc import Iterator
from typing import Any

from nova import context as nova_context
from nova import objects
import nova.conf

from nfv_sched.nova.masking import described


class NoDatabaseError(Exception):
    """There is no database to read compute nodes from."""


def admin_context() -> Any:
    """A context to read all cells with.

    :raises NoDatabaseError: nova.conf names no API database
    """
    if not nova.conf.CONF.api_database.connection:
        raise NoDatabaseError(
            'nova.conf names no [api_database] connection; --config-file '
            'names another file'
        )
    return nova_context.get_admin_context()


def cells(context: Any) -> Iterator[Any]:
    """Every ``nova.objects.CellMapping`` that may have compute nodes."""
    for cell in objects.CellMappingList.get_all(context):
        if not cell.is_cell0():
            yield cell


def problem(cell: Any, error: Exception) -> str:
    """That a cell could not be read: one line, without passwords."""
    return f'cell {cell.name or cell.uuid}: {described(error)}'
