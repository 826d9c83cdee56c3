"""Commands that print one table, or several under headings."""

import abc
import argparse
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from cliff import lister

from nfv_sched.dryrun.values import TableData
from nfv_sched.render.formatting import printable

# Their output escapes control characters.
_ESCAPING = ('json', 'yaml')


class MultiTableCommand(lister.Lister, metaclass=abc.ABCMeta):  # type: ignore[misc]
    """A command that prints tables in the requested format."""

    _sections: Sequence[tuple[str, TableData]] = ()

    @abc.abstractmethod
    def sections(
        self, parsed_args: argparse.Namespace
    ) -> Iterable[tuple[str, TableData]]:
        """The tables, each with a heading, which may be empty."""

    def take_action(self, parsed_args: argparse.Namespace) -> TableData:
        """Compute all tables.

        :returns: the first one
        """
        self._sections = list(self.sections(parsed_args))
        return self._sections[0][1]

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Any],
    ) -> int:
        """Print the tables, without control characters in names."""
        for number, (heading, table) in enumerate(self._sections):
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
