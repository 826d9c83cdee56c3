"""Tables of typed records: plain values for programs, texts for people.

Both come from one definition of each column. ``doc/source/documents.rst``
describes the records.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any
from typing import Generic
from typing import TypeVar

#: Of all documents that commands print. It is incremented when a key is
#: removed or gets another meaning, not when a key is added.
SCHEMA_VERSION = 1

Row = TypeVar('Row')


@dataclasses.dataclass(frozen=True)
class Column(Generic[Row]):
    """One value of each row.

    :param key: its name in records; empty for what only people see
    :param heading: its name for people; empty for what only records have
    :param value: a plain value, with None for what is not known
    :param text: what people see; by default the value, with lists joined
    """

    key: str
    heading: str
    value: Callable[[Row], Any]
    text: Callable[[Row], Any] | None = None

    def cell(self, row: Row) -> Any:
        """What people see of a row; None for what is not known."""
        if self.text is not None:
            return self.text(row)
        value = self.value(row)
        if isinstance(value, list):
            return ', '.join(map(str, value))
        return value

    def is_named(self, name: str) -> bool:
        """Whether a name is the key or the heading, as cliff compares them."""
        plain = _plain(name)
        return bool(plain) and plain in (self.key, _plain(self.heading))


def _plain(name: str) -> str:
    return name.strip().lower().replace(' ', '_')


@dataclasses.dataclass(frozen=True)
class Table(Generic[Row]):
    """Rows, and how programs and people see them.

    :param key: the name of the table in documents
    """

    key: str
    columns: tuple[Column[Row], ...]
    rows: Sequence[Row]

    def records(self) -> list[dict[str, Any]]:
        """The rows as plain values by key."""
        keyed = [column for column in self.columns if column.key]
        return [
            {column.key: column.value(row) for column in keyed}
            for row in self.rows
        ]

    @property
    def headings(self) -> tuple[str, ...]:
        """The names of the columns that people see."""
        return tuple(column.heading for column in self.for_people().columns)

    def cells(self) -> list[tuple[Any, ...]]:
        """The rows as people see them."""
        columns = self.for_people().columns
        return [
            tuple(column.cell(row) for column in columns) for row in self.rows
        ]

    def only(self, names: Collection[str]) -> 'Table[Row]':
        """The table with the columns of these keys or headings."""
        return dataclasses.replace(
            self,
            columns=tuple(
                column
                for column in self.columns
                if any(map(column.is_named, names))
            ),
        )

    def for_people(self) -> 'Table[Row]':
        """The table with the columns that people see."""
        return dataclasses.replace(
            self,
            columns=tuple(column for column in self.columns if column.heading),
        )

    def having(self, rows: Sequence[Row]) -> 'Table[Row]':
        """The table with other rows."""
        return dataclasses.replace(self, rows=rows)

    def ordered(
        self, names: Sequence[str], *, descending: bool = False
    ) -> 'Table[Row]':
        """The table by the values of columns, the first one most important.

        Names of no column are ignored.

        :raises TypeError: values cannot be compared
        """
        rows = list(self.rows)
        for name in reversed(names):
            for column in self.columns:
                if column.is_named(name):
                    rows.sort(key=_order(column.value), reverse=descending)
        return self.having(rows)


def _order(value: Callable[[Row], Any]) -> Callable[[Row], Any]:
    def key(row: Row) -> tuple[bool, Any]:
        found = value(row)
        return found is None, found

    return key


def document(
    command: str,
    facts: Mapping[str, Any],
    tables: Collection[Table[Any]] = (),
    notes: Collection[str] = (),
    problems: Collection[str] = (),
) -> dict[str, Any]:
    """All that a command found, as plain data.

    :param facts: what is no table, by key
    :param notes: what else to know about the answer
    :param problems: what could not be read
    """
    return {
        'schema_version': SCHEMA_VERSION,
        'command': command,
        **facts,
        **{table.key: table.records() for table in tables},
        'notes': list(notes),
        'problems': list(problems),
    }
