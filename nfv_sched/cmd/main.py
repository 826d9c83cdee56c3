"""``nfv-sched``: the operator's command.

Its subcommands are found in the entry-point group ``nfv_sched.commands``.
"""

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
from importlib import metadata
import logging
import os
import sys
from typing import Any
from typing import TextIO
import warnings

from cliff import app

from nfv_sched.cmd import command_manager
from nfv_sched.cmd import complete
from nfv_sched.nova.redact import RedactingFilter
from nfv_sched.nova.redact import remember_named

# Levels by number of -v: of this package, and of the libraries. Nova warns of
# ordinary events, such as computes that it reads for the first time.
_LEVELS = (
    (logging.WARNING, logging.CRITICAL),
    (logging.INFO, logging.WARNING),
    (logging.DEBUG, logging.INFO),
    (logging.DEBUG, logging.DEBUG),
)


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what is stderr now, which a progress bar replaces.

    So that the bar does not end up in front of the text.
    """

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class Main(app.App):  # type: ignore[misc]
    """The ``nfv-sched`` command."""

    NAME = 'nfv-sched'
    LOG = logging.getLogger('nfv_sched.cmd')

    def __init__(self) -> None:
        super().__init__(
            description='NUMA, huge-page, CPU-pinning and PCI aware '
            'scheduling for OpenStack Nova.',
            version=metadata.version('nfv-sched'),
            command_manager=command_manager.CommandManager(
                'nfv_sched.commands'
            ),
            deferred_help=True,
        )
        # In place of that of cliff, which loads all commands.
        self.command_manager.add_command('complete', complete.CompleteCommand)

    def build_option_parser(
        self,
        description: str | None,
        version: str | None,
        argparse_kwargs: dict[str, Any] | None = None,
    ) -> argparse.ArgumentParser:
        """The parser of the options of all commands.

        Without abbreviations: ``--log`` is an option of one command.
        """
        parser: argparse.ArgumentParser = super().build_option_parser(
            description,
            version,
            {'allow_abbrev': False, **(argparse_kwargs or {})},
        )
        return parser

    def configure_logging(self) -> None:
        """Log to stderr: warnings of this package, more with each ``-v``."""
        # cliff counts from 1: 0 is --quiet.
        more = max(0, self.options.verbose_level - 1)
        ours, others = _LEVELS[min(more, len(_LEVELS) - 1)]
        full = '%(asctime)s %(levelname)s %(name)s: %(message)s'
        handlers: list[tuple[logging.Handler, bool]] = [
            (_StderrHandler(), more > 0)
        ]
        if self.options.log_file:
            handlers.append((logging.FileHandler(self.options.log_file), True))
        root = logging.getLogger()
        root.setLevel(others)
        for handler, verbose in handlers:
            form = full if verbose else '%(levelname)s: %(message)s'
            handler.setFormatter(logging.Formatter(form))
            handler.addFilter(RedactingFilter())
            root.addHandler(handler)
        logging.getLogger('nfv_sched').setLevel(ours)


@contextlib.contextmanager
def _logging_restored() -> Iterator[None]:
    """Restore logging afterwards, for callers of :func:`main`."""
    ours = logging.getLogger('nfv_sched')
    root = logging.getLogger()
    before = (ours.level, root.level, list(root.handlers))
    try:
        yield
    finally:
        ours.setLevel(before[0])
        root.setLevel(before[1])
        root.handlers[:] = before[2]


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``nfv-sched``.

    :returns: its exit code
    """
    # futurist imports eventlet, which then warns of its deprecation.
    warnings.filterwarnings('ignore', message=r'\s*Eventlet is deprecated')
    arguments = list(sys.argv[1:] if argv is None else argv)
    with _logging_restored():
        remember_named(os.environ)
        # Without a command cliff would start a shell.
        return int(Main().run(arguments or ['help']))


if __name__ == '__main__':
    sys.exit(main())
