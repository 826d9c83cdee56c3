"""Commands that print one table, or several under headings."""

import abc
import argparse
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from cliff import lister

from nfv_sched.render.formatting import printable

#: Columns and rows.
TableData = tuple[tuple[str, ...], list[tuple[Any, ...]]]

# They write escapes for what a terminal acts upon.
_ESCAPING = ('json', 'yaml')


class MultiTableCommand(lister.Lister, metaclass=abc.ABCMeta):  # type: ignore[misc]
    """A command that prints tables in whichever format is asked for."""

    _found: Sequence[tuple[str, TableData]] = ()

    @abc.abstractmethod
    def sections(
        self, parsed_args: argparse.Namespace
    ) -> Iterable[tuple[str, TableData]]:
        """The tables, each with its heading, which may be empty."""

    def take_action(self, parsed_args: argparse.Namespace) -> TableData:
        """Find everything; returns the first table."""
        self._found = list(self.sections(parsed_args))
        return self._found[0][1]

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Any],
    ) -> int:
        """Print table by table, what tenants have named cleaned."""
        for number, (heading, table) in enumerate(self._found):
            if heading:
                gap = '\n' if number else ''
                self.app.stdout.write(f'{gap}{heading}\n')
            columns, rows = table if number else (column_names, data)
            if parsed_args.formatter not in _ESCAPING:
                rows = [tuple(map(_cleaned, row)) for row in rows]
            super().produce_output(parsed_args, columns, rows)
        return 0


def _cleaned(cell: Any) -> Any:
    return printable(cell) if isinstance(cell, str) else cell
