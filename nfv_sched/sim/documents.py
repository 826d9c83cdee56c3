"""Documents checked against JSON schemas, with all their problems."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from importlib import resources
import itertools
import json
import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from nfv_sched.model.similar_names import closest
from nfv_sched.model.similar_names import did_you_mean
from nfv_sched.sim.problems import Path
from nfv_sched.sim.problems import path_text
from nfv_sched.sim.problems import Problem

_TYPES = {
    'string': 'text',
    'integer': 'a whole number',
    'number': 'a number',
    'boolean': 'true or false',
    'array': 'a list',
    'object': 'a mapping',
}
_MOST_SHOWN = 40
#: Problems of a document that are reported.
MOST_PROBLEMS = 100

Validator = jsonschema.Draft202012Validator


def schema(package: str, name: str) -> dict[str, Any]:
    """A schema among the files of a package."""
    text = resources.files(package).joinpath(name).read_text('utf-8')
    data: dict[str, Any] = json.loads(text)
    return data


class Document:
    """A document that has been checked against its schema.

    ``problems`` are those of the schema and those reported later.

    :param name: of the document, in problems
    :param line_of: the line of the entry at a path
    """

    def __init__(
        self,
        name: str,
        data: Any,
        validator: jsonschema.protocols.Validator,
        line_of: Callable[[Path], int],
    ) -> None:
        self.data = data
        self.problems: list[Problem] = []
        self._name = name
        self._line_of = line_of
        self._invalid: set[Path] = set()
        self._around: set[Path] = set()
        found = (
            problem
            for error in validator.iter_errors(data)
            for problem in _schema_problems(error)
        )
        reported = dict.fromkeys(itertools.islice(found, MOST_PROBLEMS))
        for path, text in reported:
            self.report(path, text)

    def report(self, path: Path, text: str) -> None:
        """Add a problem of an entry."""
        self._invalid.add(path)
        self._around.update(path[:end] for end in range(len(path)))
        if self.is_full:
            return
        self.problems.append(
            Problem(self._name, self._line_of(path), path_text(path), text)
        )

    @property
    def is_full(self) -> bool:
        """Whether it has as many problems as are reported."""
        return len(self.problems) >= MOST_PROBLEMS

    def sorted_problems(self) -> list[Problem]:
        """The problems in the order of the document's lines."""
        return sorted(self.problems, key=lambda problem: problem.line or 0)

    def is_valid(self, path: Path) -> bool:
        """Whether an entry, its parts and what it is part of have no problem.

        Problems of the document as a whole do not count.
        """
        ends = range(1, len(path) + 1)
        return path not in self._around and not any(
            path[:end] in self._invalid for end in ends
        )

    def valid_value(self, key: str, default: Any) -> Any:
        """An entry at the top if it is there and valid."""
        value = self._top.get(key, default)
        return value if self.is_valid((key,)) else default

    def valid_entries(self, key: str) -> Iterator[tuple[Path, Any]]:
        """Paths and values of the valid entries of a list at the top."""
        for place, value in enumerate(self._list(key)):
            if self.is_valid((key, place)):
                yield (key, place), value

    def valid_items(self, key: str) -> Iterator[tuple[Path, str, Any]]:
        """Paths, keys and values of a mapping at the top, valid ones."""
        for name in self.keys(key):
            if self.is_valid((key, name)):
                yield (key, name), name, self._top[key][name]

    def keys(self, key: str) -> tuple[str, ...]:
        """All keys of a mapping at the top, valid or not."""
        value = self._top.get(key)
        return tuple(value) if isinstance(value, dict) else ()

    def names(self, key: str) -> Iterator[str]:
        """Names of all entries of a list at the top, valid or not."""
        for entry in self._list(key):
            if isinstance(entry, dict) and isinstance(entry.get('name'), str):
                yield entry['name']

    @property
    def _top(self) -> dict[str, Any]:
        return self.data if isinstance(self.data, dict) else {}

    def _list(self, key: str) -> list[Any]:
        value = self._top.get(key)
        return value if isinstance(value, list) else []


def _schema_problems(
    error: jsonschema.ValidationError,
) -> Iterator[tuple[Path, str]]:
    """Paths and texts of one error, in words without those of the schema."""
    path: Path = tuple(error.absolute_path)
    wanted: Any = error.validator_value
    value: Any = error.instance
    facts: Any = error.schema
    if error.validator == 'required':
        for name in wanted:
            if name not in value:
                yield (*path, name), 'is missing'
    elif error.validator == 'additionalProperties':
        for name, text in _unknown_keys(value, facts):
            yield (*path, name), text
    elif error.validator != 'oneOf' or isinstance(value, dict):
        # A value that is not a mapping is reported by its type.
        yield path, _TEXTS[str(error.validator)](wanted, value, facts)


def _unknown_keys(value: Any, facts: Any) -> Iterator[tuple[str, str]]:
    known = facts.get('properties', {})
    patterns = facts.get('patternProperties', {})
    for name in value:
        if name in known or any(
            re.search(pattern, name) for pattern in patterns
        ):
            continue
        if patterns:
            yield name, f'is not {facts["description"]}'
        else:
            yield name, f'is unknown{did_you_mean(name, known)}'


def _wrong_type(wanted: str | list[str], value: Any) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    texts = [_TYPES[name] for name in names]
    kinds = ' or '.join(filter(None, (', '.join(texts[:-1]), texts[-1])))
    # YAML takes "yes" for true and "1.10" for 1.1.
    quotes = isinstance(value, bool | float) and 'string' in names
    hint = '; write text in quotes' if quotes else ''
    return f'must be {kinds}, not {shown(value)}{hint}'


def _not_a_choice(wanted: list[str | int], value: Any, _facts: Any) -> str:
    choices = [str(choice) for choice in wanted if choice]
    close = closest(str(value), choices)
    hint = f'; did you mean {close}?' if close else ''
    return f'{shown(value)} is not one of {", ".join(choices)}{hint}'


def _too_small(wanted: int, _value: Any, _facts: Any) -> str:
    return f'must be at least {wanted}' if wanted else 'must not be negative'


def _too_large(wanted: int, _value: Any, _facts: Any) -> str:
    return f'must be at most {wanted}'


def _too_much_text(wanted: int, _value: Any, _facts: Any) -> str:
    return f'must have at most {wanted} characters'


def _wrong_count(_wanted: Any, value: Any, facts: Any) -> str:
    """The problem of a mapping that must have exactly one entry."""
    if names := facts.get('properties'):
        return f'must have exactly one of {", ".join(names)}'
    return 'must have one entry only' if value else 'must not be empty'


# By the keyword of the schema: from its value, the data and the schema.
_TEXTS: Mapping[str, Callable[[Any, Any, Any], str]] = {
    'type': lambda wanted, value, _facts: _wrong_type(wanted, value),
    'enum': _not_a_choice,
    'pattern': lambda _wanted, value, facts: (
        f'{shown(value)} is not {facts["description"]}'
    ),
    'minimum': _too_small,
    'maximum': _too_large,
    'maxLength': _too_much_text,
    'oneOf': lambda wanted, _value, _facts: (
        'must have exactly one of '
        + ', '.join(choice['required'][0] for choice in wanted)
    ),
    'minProperties': _wrong_count,
    'maxProperties': _wrong_count,
    'minItems': lambda _wanted, _value, _facts: 'must not be empty',
    'maxItems': lambda wanted, _value, _facts: f'must have at most {wanted}',
}


def shown(value: Any) -> str:
    """A value as shown in messages, shortened."""
    if isinstance(value, str):
        text = ' '.join(value.split())
        cut = '...' if len(text) > _MOST_SHOWN else ''
        return f'"{text[:_MOST_SHOWN]}{cut}"'
    for kind, name in ((list, 'a list'), (dict, 'a mapping')):
        if isinstance(value, kind):
            return name
    if isinstance(value, bool):
        return str(value).lower()
    return 'empty' if value is None else str(value)[:_MOST_SHOWN]
