"""Consoles and progress bars of the commands."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import io
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn
from rich.progress import MofNCompleteColumn
from rich.progress import Progress
from rich.progress import SpinnerColumn
from rich.progress import TextColumn
from rich.progress import TimeRemainingColumn

#: Columns of a pipe or a file.
WIDTH = 120


def console(stream: TextIO) -> Console:
    """A console for a stream; plain and of a fixed width in a pipe."""
    terminal = Console(file=stream)
    return (
        terminal if terminal.is_terminal else Console(file=stream, width=WIDTH)
    )


def plain() -> Console:
    """A console that captures what a pipe would get."""
    return Console(file=io.StringIO(), width=WIDTH)


def progress(shown: Console) -> Progress:
    """Progress bars with the current item in the field ``now``.

    They are shown on a terminal only, and removed at the end.
    """
    return Progress(
        SpinnerColumn(),
        TextColumn('{task.description:<10}'),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn('{task.fields[now]}', markup=False),
        console=shown if shown.is_terminal else _silent(),
        transient=True,
        disable=not shown.is_terminal,
    )


def _silent() -> Console:
    """A console that prints nothing.

    Up to rich 14, disabled progress bars end with an empty line elsewhere.
    """
    return Console(quiet=True)


@contextlib.contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, if that is a terminal.

    :returns: a function to call with the number of items done, and of all
    """
    console = Console(stderr=True)
    columns = (
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns,
        console=console if console.is_terminal else _silent(),
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(what, total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield tell
