"""What commands could not read, on stderr."""

from collections.abc import Iterable
from typing import TextIO

from nfv_sched.nova.redact import redact


def show_problems(problems: Iterable[str], stream: TextIO) -> None:
    """Print what could not be read: the same lines in all commands."""
    for problem in problems:
        print(f'Not read: {redact(problem)}', file=stream)
