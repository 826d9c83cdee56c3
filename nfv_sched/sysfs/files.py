"""Read the small files of sysfs.

The value of a missing file is None. A file with malformed content raises
:class:`MalformedSysfs`, which names the file.
"""

from collections.abc import Iterator
import pathlib
import re

#: More CPUs or NUMA nodes than any kernel supports.
_MAX_ID = 2**16


class MalformedSysfs(Exception):
    """A file with malformed content; the text names it."""


class Folder:
    """A folder of sysfs; ``path`` may not exist."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def __truediv__(self, name: str) -> 'Folder':
        return Folder(self.path / name)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.name

    def numbered(self, prefix: str) -> Iterator[tuple[int, 'Folder']]:
        """Entries such as ``cpu17``, in numerical order."""
        pattern = re.compile(rf'{prefix}([0-9]+)', re.ASCII)
        folders = [
            (int(match[1]), Folder(path))
            for path in self.entries()
            if (match := pattern.fullmatch(path.name))
        ]
        yield from sorted(folders, key=lambda pair: pair[0])

    def entries(self) -> list[pathlib.Path]:
        """The entries of the folder by name; none if it does not exist."""
        try:
            return sorted(self.path.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def text(self, name: str) -> str | None:
        """A file's text without surrounding blanks, None if that is empty."""
        path = self.path / name
        try:
            text = path.read_text('ascii', 'replace')
            # Some tools that record sysfs trees end texts with a null byte.
            return text.strip(' \t\n\0') or None
        except FileNotFoundError:
            return None
        except OSError as error:
            # A driver may refuse to answer, for example with the speed of a
            # link that is down. Anything but a file is malformed.
            if path.is_file():
                return None
            raise self.malformed(name, str(error.strerror)) from error

    def number(self, name: str, base: int = 10) -> int | None:
        """A file's number; ``base`` 16 takes the prefix ``0x``."""
        if (text := self.text(name)) is None:
            return None
        try:
            return int(text, base)
        except ValueError as error:
            raise self.malformed(name, f'{text[:40]!r}') from error

    def ids(self, name: str) -> frozenset[int] | None:
        """The ids of a list such as ``0-3,8``, which may be empty."""
        if not (self.path / name).is_file():
            return None
        try:
            return parse_list(self.text(name) or '')
        except ValueError as error:
            raise self.malformed(name, str(error)) from error

    def mask(self, name: str) -> frozenset[int] | None:
        """The ids of a mask such as ``ff,00000000``."""
        if (text := self.text(name)) is None:
            return None
        try:
            return parse_mask(text)
        except ValueError as error:
            raise self.malformed(name, str(error)) from error

    def either(self, listed: str, masked: str) -> frozenset[int] | None:
        """The ids of a list or, without that file, of a mask."""
        ids = self.ids(listed)
        return self.mask(masked) if ids is None else ids

    def target(self, name: str) -> str | None:
        """The last part of a link's target, None if it is not a link."""
        path = self.path / name
        try:
            return path.readlink().name
        except OSError:
            # Some archives hold a file or folder instead of the link.
            return None

    def malformed(self, name: str, reason: str) -> MalformedSysfs:
        """An error about a file in this folder."""
        return MalformedSysfs(f'{self.path / name}: {reason}')


def parse_list(text: str) -> frozenset[int]:
    """The numbers of a list such as ``0-3,8``.

    :raises ValueError: the list is malformed
    """
    numbers: set[int] = set()
    for part in filter(None, text.replace(' ', ',').split(',')):
        if not (match := re.fullmatch(r'(\d+)(?:-(\d+))?', part, re.ASCII)):
            raise ValueError(f'{text[:40]!r} is not a list of numbers')
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last > _MAX_ID:
            raise ValueError(f'{part[:40]!r} is not a range of numbers')
        numbers.update(range(first, last + 1))
    return frozenset(numbers)


def parse_mask(text: str) -> frozenset[int]:
    """The set bits of a mask of comma-separated hexadecimal 32-bit words.

    :raises ValueError: the mask is malformed
    """
    words = text.split(',')
    if not all(re.fullmatch(r'[0-9a-fA-F]{1,8}', word) for word in words):
        raise ValueError(f'{text[:40]!r} is not a mask')
    if len(words) > _MAX_ID // 32:
        raise ValueError(f'a mask of {len(words)} words')
    bits = int(''.join(word.zfill(8) for word in words), 16)
    return frozenset(i for i in range(bits.bit_length()) if bits >> i & 1)
