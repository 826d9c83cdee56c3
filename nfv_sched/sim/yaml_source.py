"""YAML that users write: plain data only, with the line of each entry."""

from collections.abc import Iterator
import math
import pathlib
from typing import Any

import yaml  # type: ignore[import-untyped]

from nfv_sched.sim.problems import InputError
from nfv_sched.sim.problems import Path
from nfv_sched.sim.problems import path_text
from nfv_sched.sim.problems import Problem

_PREFIX = 'tag:yaml.org,2002:'
_TAGS = {
    _PREFIX + name
    for name in ('map', 'seq', 'str', 'int', 'float', 'bool', 'null', 'merge')
}
#: Bytes of a document: PyYAML reads them in up to a second.
MOST_BYTES = 50_000
#: Entries after expansion: aliases of aliases multiply.
MOST_ENTRIES = 10_000
#: Mappings and lists around an entry.
MOST_DEEP = 50
#: Digits of a number: Python reads long ones in quadratic time.
_MOST_DIGITS = 40
_FLOAT = _PREFIX + 'float'
_NUMBERS = (_PREFIX + 'int', _FLOAT)


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads dates, and all keys, as text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as in the base class
        first: [pair for pair in resolvers if pair[0] in _TAGS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        if self._depth > MOST_DEEP:
            raise yaml.composer.ComposerError(
                problem='nested too deeply',
                problem_mark=self.peek_event().start_mark,
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        self.flatten_mapping(node)
        return {
            key.value: self.construct_object(value, deep=deep)
            for key, value in node.value
        }


class YAMLSource:
    """A YAML document.

    ``data`` has mappings with text as keys, lists and scalars.

    :param name: of the document, in problems
    :raises InputError: the document is not YAML, or not plain data
    """

    def __init__(self, name: str, text: str) -> None:
        try:
            loader = _Loader(text)
            self._root = loader.get_single_node()
            problems = [
                Problem(name, _line(node), path_text(path), complaint)
                for path, node, complaint in _Check().problems(self._root)
            ]
            self.data: Any = None
            if self._root is not None and not problems:
                self.data = loader.construct_document(self._root)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark and error.problem_mark.line + 1
            reason = error.problem or error.context
            raise _not_yaml(name, line, reason) from error
        except yaml.reader.ReaderError as error:
            line = text.count('\n', 0, error.position) + 1
            raise _not_yaml(name, line, error.reason) from error
        except (KeyError, ValueError) as error:
            reason = 'a value does not fit its tag'
            raise _not_yaml(name, None, reason) from error
        if problems:
            raise InputError(problems)

    def line_of(self, path: Path) -> int:
        """The line of an entry.

        For a missing entry, the line at which its mapping begins.
        """
        node = self._root
        line = _line(node) if node else 1
        for part in path:
            below = _child(node, part)
            if below is None:
                break
            marked, node = below
            line = _line(marked)
        return line


def read_text(file: pathlib.Path, most: int = MOST_BYTES) -> str:
    """The content of a file.

    :param most: bytes that it may have
    :raises InputError: it is longer, or not UTF-8 text
    :raises OSError: it cannot be read
    """
    with file.open('rb') as stream:
        # Not to its end: a device, say, has none.
        content = stream.read(most + 1)
    if len(content) > most:
        text = f'has more than {most} bytes'
        raise InputError([Problem(str(file), None, '', text)])
    try:
        return content.decode('utf-8')
    except UnicodeDecodeError as error:
        line = content.count(b'\n', 0, error.start) + 1
        problem = Problem(str(file), line, '', 'is not UTF-8 text')
        raise InputError([problem]) from error


def _not_yaml(name: str, line: int | None, reason: object) -> InputError:
    return InputError([Problem(name, line, '', f'not YAML: {reason}')])


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _child(node: Any, part: str | int) -> tuple[Any, Any] | None:
    """The node at which an entry begins, and the node of its value."""
    if isinstance(node, yaml.MappingNode):
        # The last one counts: entries of a merge come first.
        for key, value in reversed(node.value):
            if key.value == part:
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        return node.value[part], node.value[part]
    return None


class _Check:
    """A search for YAML features that are not plain data.

    Each node is visited once, however many aliases it has.
    """

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def problems(self, root: Any) -> Iterator[tuple[Path, Any, str]]:
        """Path, node and text of each problem."""
        if root is None:
            return
        yield from self._node((), root)
        if self._sizes.get(id(root), 0) > MOST_ENTRIES:
            yield (), root, f'has more than {MOST_ENTRIES} entries'

    def _node(self, path: Path, node: Any) -> Iterator[tuple[Path, Any, str]]:
        if id(node) in self._open:
            yield path, node, 'an alias must not contain itself'
            return
        if id(node) in self._sizes:
            return
        if node.tag not in _TAGS:
            tag = node.tag.replace(_PREFIX, '!!')
            yield path, node, f'the tag {tag} is not supported'
        elif node.tag in _NUMBERS and len(node.value) > _MOST_DIGITS:
            yield path, node, f'a number of more than {_MOST_DIGITS} digits'
        elif node.tag == _FLOAT and not _is_finite(node.value):
            yield path, node, f'{node.value} is no finite number'
        self._open.add(id(node))
        children = []
        if isinstance(node, yaml.MappingNode):
            yield from _key_problems(path, node)
            children = [
                ((*path, key.value), value) for key, value in node.value
            ]
        elif isinstance(node, yaml.SequenceNode):
            children = [
                ((*path, n), child) for n, child in enumerate(node.value)
            ]
        for below, child in children:
            yield from self._node(below, child)
        self._open.remove(id(node))
        self._sizes[id(node)] = 1 + sum(
            self._sizes.get(id(child), 0) for _, child in children
        )


def _is_finite(text: str) -> bool:
    try:
        # YAML writes .inf and .nan, and may have signs before them.
        return math.isfinite(float(text.replace('.inf', 'inf').lower()))
    except ValueError:
        return text.lower() != '.nan'


def _key_problems(path: Path, node: Any) -> Iterator[tuple[Path, Any, str]]:
    """Keys that are not text, and duplicate keys.

    PyYAML would keep the last of duplicates without an error.
    """
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            yield path, key, 'a key must be text'
        elif key.value in seen:
            yield (*path, key.value), key, 'is there twice'
        else:
            seen.add(key.value)
