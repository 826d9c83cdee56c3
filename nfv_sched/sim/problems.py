"""Problems in files of users, each with its place."""

from collections.abc import Sequence
import dataclasses

#: Keys and indices that lead to an entry; empty for the whole document.
Path = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in one place.

    ``source`` is the name of the file, ``path`` that of the entry as
    :func:`path_text` writes it.
    """

    source: str
    line: int | None
    path: str
    text: str

    def __str__(self) -> str:
        place = f'{self.source}:{self.line}' if self.line else self.source
        entry = f'{self.path}: ' if self.path else ''
        return f'{place}: {entry}{self.text}'


class InputError(ValueError):
    """Files with problems; the text has one problem per line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__('\n'.join(map(str, problems)))


def path_text(path: Path) -> str:
    """The name of an entry: ``hosts[1].machine``."""
    text = ''.join(
        f'[{part}]' if isinstance(part, int) else f'.{part}' for part in path
    )
    return text.removeprefix('.')
