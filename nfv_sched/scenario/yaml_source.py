"""Where in a file of YAML an entry stands."""

from collections.abc import Iterator
import pathlib
from typing import Any

import yaml  # type: ignore[import-untyped]


class ScenarioError(Exception):
    """A scenario cannot be played; names the file, line and entry."""

    def __init__(
        self, file: pathlib.Path, line: int | None, path: str, complaint: str
    ) -> None:
        place = f'{file}:{line}' if line else str(file)
        entry = f'{path}: ' if path else ''
        super().__init__(f'{place}: {entry}{complaint}')


class MarkedFile:
    """A file of YAML, which can tell the line of each entry.

    :raises ScenarioError: there is no such file, or it is not YAML
    """

    def __init__(self, file: pathlib.Path) -> None:
        self._file = file
        self._lines: dict[str, int] = {}
        text = read_text(file)
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            for path, node in _walk('', root):
                self._lines[path] = node.start_mark.line + 1
            self.data: Any = yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            raise ScenarioError(
                file,
                mark and mark.line + 1,
                '',
                f'not YAML: {error.problem or error.context}',
            ) from error
        except yaml.YAMLError as error:
            raise ScenarioError(file, None, '', f'not YAML: {error}') from (
                error
            )
        for path, node in _doubled('', root):
            line = node.start_mark.line + 1
            raise ScenarioError(file, line, path, 'is there twice')

    def complain(self, path: str, complaint: str) -> ScenarioError:
        """Return the error that an entry is wrong."""
        # An entry that is missing is missed where its mapping begins.
        nearest = path
        while nearest and nearest not in self._lines:
            nearest = nearest[: max(nearest.rfind('.'), nearest.rfind('['), 0)]
        line = self._lines.get(nearest, 1)
        return ScenarioError(self._file, line, path, complaint)


def read_text(file: pathlib.Path) -> str:
    """Return what a file holds.

    :raises ScenarioError: it cannot be read
    """
    try:
        return file.read_text('utf-8')
    except (OSError, UnicodeDecodeError) as error:
        text = error.strerror if isinstance(error, OSError) else str(error)
        raise ScenarioError(file, None, '', str(text)) from error


def _walk(path: str, node: Any) -> Iterator[tuple[str, Any]]:
    """Each entry's path, with the node at whose line it begins."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = f'{path}.{key.value}' if path else str(key.value)
            yield below, key
            yield from _walk(below, value)
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            below = f'{path}[{place}]'
            yield below, value
            yield from _walk(below, value)


def _doubled(path: str, node: Any) -> Iterator[tuple[str, Any]]:
    """Keys that a mapping has twice, of which YAML forgets the first."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            below = f'{path}.{key.value}' if path else str(key.value)
            if key.value in seen:
                yield below, key
            seen.add(key.value)
            yield from _doubled(below, value)
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield from _doubled(f'{path}[{place}]', value)
