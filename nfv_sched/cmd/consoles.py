"""Where the commands draw: a terminal, a pipe, a file."""

import io
from typing import TextIO

from rich.console import Console

#: Columns of what is no terminal.
WIDTH = 120


def console(stream: TextIO) -> Console:
    """Return a console for a stream, plain and of a fixed width in a pipe."""
    found = Console(file=stream)
    return found if found.is_terminal else Console(file=stream, width=WIDTH)


def plain() -> Console:
    """Return a console to capture what a pipe would get."""
    return Console(file=io.StringIO(), width=WIDTH)
