"""Where the commands draw: a terminal, a pipe, a file."""

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

#: Columns of what is no terminal.
WIDTH = 120


def console(stream: TextIO) -> Console:
    """Return a console for a stream, plain and of a fixed width in a pipe."""
    found = Console(file=stream)
    return found if found.is_terminal else Console(file=stream, width=WIDTH)


def plain() -> Console:
    """Return a console to capture what a pipe would get."""
    return Console(file=io.StringIO(), width=WIDTH)


def progress(shown: Console) -> Progress:
    """Return bars that tell, in the field ``now``, what is going on.

    Nothing is shown but on a terminal, and nothing stays there.
    """
    return Progress(
        SpinnerColumn(),
        TextColumn('{task.description:<10}'),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn('{task.fields[now]}', markup=False),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    )


@contextlib.contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what to call with the number that is done, and of all.

    Nothing is shown unless stderr is a terminal, or where it is over at
    once.
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
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task(what, total=None)

        def tell(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield tell
