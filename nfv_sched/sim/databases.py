"""SQLite databases for Nova and Placement, one folder per cloud."""

from collections.abc import Iterator
import contextlib
import pathlib
from typing import Any

from nova import context as nova_context
import nova.conf
from nova.db import migration
from nova.db.api import api as api_db
from nova.db.main import api as main_db
from oslo_db.sqlalchemy import enginefacade

CONF = nova.conf.CONF


@contextlib.contextmanager
def factory(manager: Any, url: str) -> Iterator[None]:
    """Point an enginefacade manager of Nova or Placement at ``url``.

    A previous cloud of the process may have started the manager. It has a
    new factory until the end, then the previous one.
    """
    fresh = enginefacade.transaction_context()
    # A simulated cloud need not survive a power cut.
    fresh.configure(connection=url, sqlite_synchronous=False)
    undo = manager.patch_factory(fresh)
    try:
        yield
    finally:
        manager.writer.get_engine().dispose()
        undo()


def options(folder: pathlib.Path) -> dict[str, Any]:
    """Nova's options for databases in ``folder``."""
    return {
        'api_database.connection': f'sqlite:///{folder}/nova_api.sqlite',
        'database.connection': f'sqlite:///{folder}/nova_cell1.sqlite',
        'database.sqlite_synchronous': False,
    }


@contextlib.contextmanager
def nova_databases() -> Iterator[str]:
    """Create the databases that Nova's options name.

    :returns: the URL of the database of the only cell
    """
    cell_url = CONF.database.connection
    with (
        factory(api_db.context_manager, CONF.api_database.connection),
        factory(main_db.context_manager, cell_url),
    ):
        migration.db_sync(database='api')
        migration.db_sync(database='main')
        try:
            yield cell_url
        finally:
            for manager, _ in nova_context.CELL_CACHE.values():
                manager.writer.get_engine().dispose()
            nova_context.CELL_CACHE.clear()
            nova_context.CELLS = []
