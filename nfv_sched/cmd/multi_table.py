"""Commands that print tables, or one document with all of them."""

import abc
import argparse
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import json
import logging
import sys
from typing import Any

from cliff import lister
import yaml  # type: ignore[import-untyped]

from nfv_sched.cmd.exit_codes import ExitCode
from nfv_sched.cmd.problems import show_problems
from nfv_sched.dryrun.tables import document
from nfv_sched.dryrun.tables import Table
from nfv_sched.model.similar_names import did_you_mean
from nfv_sched.nova.redact import redact
from nfv_sched.render.formatting import printable

LOG = logging.getLogger(__name__)

#: The formats that hold a document.
DOCUMENTS = ('json', 'yaml')
_INDENT = 2


def document_text(
    data: Mapping[str, Any], form: str, *, indent: int | None = _INDENT
) -> str:
    """A document in one of its formats.

    :param form: one of DOCUMENTS
    :param indent: of JSON; None makes it one line
    """
    if form == 'json':
        return json.dumps(data, indent=indent) + '\n'
    return str(yaml.safe_dump(dict(data), sort_keys=False))


@dataclasses.dataclass(frozen=True, slots=True)
class Selection:
    """Which tables of a command are asked for.

    :param show: the key of the only one; None without ``--show``
    :param default: the key of the one in formats that hold one table
    """

    form: str
    show: str | None
    default: str

    @property
    def overview(self) -> bool:
        """Whether people get several tables under headings."""
        return self.show is None and self.form == 'table'

    def wants(self, key: str, *, overview: bool = True) -> bool:
        """Whether a table is asked for.

        :param overview: whether it is part of the overview
        """
        if self.show is not None:
            return key == self.show
        if self.form in DOCUMENTS:
            return True
        return overview if self.overview else key == self.default


@dataclasses.dataclass(frozen=True, slots=True)
class Section:
    """A table, and its heading in the overview."""

    table: Table[Any]
    heading: str = ''


class MultiTableCommand(lister.Lister, metaclass=abc.ABCMeta):  # type: ignore[misc]
    """A command that prints tables in the requested format.

    ``views`` are the keys of its tables, ``default_view`` is the one of
    formats that hold one table.
    """

    views: Sequence[str] = ()
    default_view = ''

    def __init__(
        self, app: Any, app_args: Any, cmd_name: str | None = None
    ) -> None:
        super().__init__(app, app_args, cmd_name)
        #: What is no table of the document, by key.
        self.facts: dict[str, Any] = {}
        self.answer_is_no = False
        self._notes: dict[str, None] = {}
        self._problems: dict[str, None] = {}
        self._sections: Sequence[Section] = ()

    def get_epilog(self) -> str:
        """Nothing: cliff reads all installed packages to name that of ours."""
        return ''

    @abc.abstractmethod
    def sections(
        self, parsed_args: argparse.Namespace, selection: Selection
    ) -> Iterable[Section]:
        """The tables that are asked for."""

    def add_show(self, parser: argparse.ArgumentParser) -> None:
        """Add ``--show``."""
        parser.add_argument(
            '--show',
            choices=self.views,
            help='this table only; json and yaml have all tables without it, '
            f'csv and value have {self.default_view}',
        )

    def note(self, texts: Iterable[str]) -> None:
        """Log what else to know about the answer, each text once.

        Not what is a problem, too.
        """
        for text in map(redact, texts):
            if text not in self._notes and text not in self._problems:
                self._notes[text] = None
                LOG.warning('%s', text)

    def problem(self, texts: Iterable[str]) -> None:
        """Show what could not be read, each text once."""
        # A progress bar may have replaced it.
        show_problems(self.add_problems(texts), sys.stderr)

    def add_problems(self, texts: Iterable[str]) -> Sequence[str]:
        """Add what could not be read or written; returns what is new."""
        new = [
            text
            for text in dict.fromkeys(map(redact, texts))
            if text not in self._problems
        ]
        self._problems.update(dict.fromkeys(new))
        return new

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command; returns its exit code."""
        super().run(parsed_args)
        return self.exit_code()

    def exit_code(self) -> int:
        """The exit code of what was found."""
        if self._problems:
            return ExitCode.ERROR
        return ExitCode.NO if self.answer_is_no else ExitCode.OK

    def take_action(
        self, parsed_args: argparse.Namespace
    ) -> tuple[Sequence[str], Sequence[Any]]:
        """Compute all tables.

        :returns: the first one
        """
        selection = Selection(
            parsed_args.formatter,
            getattr(parsed_args, 'show', None),
            self.default_view,
        )
        sections = list(self.sections(parsed_args, selection))
        if not selection.overview:
            sections = [Section(section.table) for section in sections]
        self._sections = sections
        first = sections[0].table
        return first.headings, first.cells()

    def produce_output(
        self,
        parsed_args: argparse.Namespace,
        column_names: Sequence[str],
        data: Iterable[Any],
    ) -> int:
        """Print the tables, or one document."""
        del column_names, data
        form = parsed_args.formatter
        self._require_columns(parsed_args)
        sections = [
            dataclasses.replace(section, table=table)
            for section in self._sections
            if (table := self._arranged(section.table, parsed_args)).columns
        ]
        if form in DOCUMENTS:
            found = document(
                self.cmd_name,
                self.facts,
                [section.table for section in sections],
                list(self._notes),
                list(self._problems),
            )
            indent = None if parsed_args.noindent else _INDENT
            self.app.stdout.write(document_text(found, form, indent=indent))
            return 0
        # They are applied already.
        plain = argparse.Namespace(
            **{**vars(parsed_args), 'columns': [], 'sort_columns': []}
        )
        for number, section in enumerate(sections):
            table = section.table
            if section.heading:
                gap = '\n' if number else ''
                self.app.stdout.write(f'{gap}{section.heading}\n')
                if not table.rows:
                    continue
            # Without control characters in names.
            rows = [tuple(map(_cleaned, row)) for row in table.cells()]
            super().produce_output(plain, table.headings, rows)
        return 0

    def _require_columns(self, parsed_args: argparse.Namespace) -> None:
        """Refuse names of no column.

        :raises ValueError: a name is that of no column of any table
        """
        records = parsed_args.formatter in DOCUMENTS
        columns = [
            column
            for section in self._sections
            for column in (
                section.table if records else section.table.for_people()
            ).columns
        ]
        known = {
            name
            for column in columns
            for name in (column.key, column.heading)
            if name
        }
        for name in (*parsed_args.columns, *parsed_args.sort_columns):
            if not any(column.is_named(name) for column in columns):
                raise ValueError(
                    f'no table has a column {name}{did_you_mean(name, known)}'
                )

    @staticmethod
    def _arranged(
        table: Table[Any], parsed_args: argparse.Namespace
    ) -> Table[Any]:
        """The table with the columns and the order that were asked for."""
        names = parsed_args.sort_columns
        try:
            table = table.ordered(
                names, descending=parsed_args.sort_direction == 'desc'
            )
        except TypeError:
            LOG.warning('Rows cannot be sorted by %s', ', '.join(names))
        if parsed_args.formatter not in DOCUMENTS:
            table = table.for_people()
        if parsed_args.columns:
            table = table.only(parsed_args.columns)
        return table


def _cleaned(cell: Any) -> Any:
    if cell is None:
        return ''
    return printable(cell) if isinstance(cell, str) else cell
