"""The databases of Nova's cells: which there are, and what one says."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import MutableMapping
from collections.abc import Sequence
from typing import Any
from typing import TypeVar

from nova import context as nova_context
from nova import objects
import nova.conf
from nova.db.main import api as main_db
from oslo_db import exception as db_exception
import sqlalchemy as sa

from nfv_sched.nova.redact import describe_error

T = TypeVar('T')

#: A database that does not answer, unlike one that answers strange things.
_DATABASE_ERRORS = (db_exception.DBError, sa.exc.SQLAlchemyError, OSError)


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


def rows(context: Any, query: Any) -> Any:
    """The rows of a query to the database of the context's cell."""
    manager = main_db.get_context_manager(context)
    with manager.reader.using(context) as session:
        return session.execute(query).all()


def split_on_error(
    read: Callable[[Sequence[str]], T],
    uuids: Sequence[str],
    problems: MutableMapping[str, str],
) -> Iterator[T]:
    """What ``read`` makes of rows; one by one where it cannot read them all.

    Nova reads JSON when it makes objects: one row that has none would hide
    all others that are read with it. What is wrong with such a row goes into
    ``problems``, by uuid; that a database is down is raised.
    """
    try:
        found = read(uuids)
    except _DATABASE_ERRORS:
        raise
    except Exception as error:
        if len(uuids) == 1:
            problems[uuids[0]] = f'{uuids[0]}: {describe_error(error)}'
            return
    else:
        yield found
        return
    for uuid in uuids:
        yield from split_on_error(read, [uuid], problems)


def problem(cell: Any, error: Exception) -> str:
    """That a cell could not be read: one line, without passwords."""
    return f'cell {cell.name or cell.uuid}: {describe_error(error)}'
