"""The databases of Nova's cells: which there are, and how they are read.

A Nova cell that cannot be read is one problem: a line of text, the same for
all readers.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import MutableMapping
from collections.abc import Sequence
import contextlib
import logging
from typing import Any
from typing import TypeVar

from nova import context as nova_context
from nova import objects
import nova.conf
from nova.db.main import api as main_db
from oslo_db import exception as db_exception
import sqlalchemy as sa

from nfv_sched.nova.redact import describe_error
from nfv_sched.nova.types import CellMapping

LOG = logging.getLogger(__name__)

T = TypeVar('T')

#: Seconds that the cells have to answer a request's query, together.
CELL_DEADLINE = 5

#: A database that does not answer, unlike one that answers strange things.
_DATABASE_ERRORS = (db_exception.DBError, sa.exc.SQLAlchemyError, OSError)


class UnreadableCellError(Exception):
    """Some Nova cell could not be read; the text names each, and why."""


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


def cells(context: Any) -> Iterator[CellMapping]:
    """Every ``nova.objects.CellMapping`` that may have compute nodes."""
    for cell in objects.CellMappingList.get_all(context):
        if not cell.is_cell0():
            yield cell


@contextlib.contextmanager
def visit(
    context: Any, cell: CellMapping, problems: list[str]
) -> Iterator[Any]:
    """Give the body of a ``with`` a context that is targeted at a Nova cell.

    An exception ends the body and becomes a problem of the cell: whatever a
    database that is down raises.

    :param problems: gets the line, unless it is there already
    """
    try:
        with nova_context.target_cell(context, cell) as targeted:
            yield targeted
    except Exception as error:
        line = _problem(cell, error)
        if line not in problems:
            problems.append(line)


def query_at_once(
    query: Callable[..., T],
    *args: object,
    problems: list[str],
    only: str | None = None,
) -> Iterator[T]:
    """The answers of all Nova cells to a query, asked in parallel.

    For the path of a request: as Nova's own queries do, with a deadline and
    the list of cells that the process knows.

    :param query: called with a context targeted at a cell, and with ``args``
    :param problems: gets a line for each cell without an answer
    :param only: the uuid of the one cell to ask; None for all of them
    """
    try:
        nova_context.load_cells()
        mappings = {
            cell.uuid: cell
            for cell in nova_context.CELLS
            if not cell.is_cell0() and only in (None, cell.uuid)
        }
        answers = nova_context.scatter_gather_cells(
            nova_context.get_admin_context(),
            list(mappings.values()),
            CELL_DEADLINE,
            query,
            *args,
        )
    except Exception as error:
        # Whatever a database that is down raises.
        problems.append(f'no Nova cell can be read: {describe_error(error)}')
        return
    for uuid, answer in answers.items():
        if not nova_context.is_cell_failure_sentinel(answer):
            yield answer
        elif isinstance(answer, Exception):
            problems.append(_problem(mappings[uuid], answer))
        else:
            late = TimeoutError(f'no answer within {CELL_DEADLINE} s')
            problems.append(_problem(mappings[uuid], late))


def load_cells() -> None:
    """Read the list of cells, so that no request has to.

    As in all of Nova's services, a new cell is unknown until the next start.
    """
    try:
        nova_context.load_cells()
    except Exception as error:
        LOG.debug('The cells cannot be listed yet: %s', describe_error(error))


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
        result = read(uuids)
    except _DATABASE_ERRORS:
        raise
    except Exception as error:
        if len(uuids) == 1:
            problems[uuids[0]] = describe_error(error)
            return
    else:
        yield result
        return
    for uuid in uuids:
        yield from split_on_error(read, [uuid], problems)


def _problem(cell: CellMapping, error: Exception) -> str:
    """That a cell could not be read: one line, without passwords."""
    name = cell.name or cell.uuid
    return f'Nova cell {name} cannot be read: {describe_error(error)}'
