"""What the pages list below "Least privilege", and who has to do with it."""

import pathlib
import re

_DOCS = pathlib.Path(__file__).parents[1] / 'doc' / 'source'
API = 'nova_api'
CELL = 'nova_cell1'
#: The databases of cells, which have the same tables.
CELLS = ('nova_cell0', CELL)
#: Commands of operators that read; GUEST and HOST stand for names.
COMMANDS = (
    'check',
    'explain --flavor vnf',
    'explain --server GUEST',
    'capacity --flavor vnf',
    'capacity --server GUEST',
    'capacity --after-loss host=HOST',
    'labels',
    'topology HOST',
    'plan drain HOST',
    'plan room --flavor vnf --count 1',
    'plan survive host=HOST',
    'purge',
)


def documented(page):
    """Tables by database, as a page lists them below "Least privilege"."""
    text = (_DOCS / page).read_text().partition('Least privilege\n')[2]
    rows = re.findall(
        r'^ {7}\* - ``(nova_\w+)``\n {9}- ((?:.+\n)+?)(?=\n| {7}\*)',
        text,
        re.MULTILINE,
    )
    found = {name: re.findall('``(\\w+)``', cell) for name, cell in rows}
    assert set(found) == {API, CELL}
    return found


def grants(tables, user):
    """By database, the statements that let a user read tables.

    :param tables: as of :func:`documented`
    """
    return {
        database: [f'grant select on {name} to {user}' for name in names]
        for key, names in tables.items()
        for database in ([key] if key == API else CELLS)
    }
