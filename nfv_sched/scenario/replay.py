"""Recorded requests: a JSON object on each line."""

from collections.abc import Iterator
from collections.abc import Sequence
import json
from typing import Any

from nfv_sched.sim.documents import Document
from nfv_sched.sim.documents import MOST_PROBLEMS
from nfv_sched.sim.problems import Problem

_TWICE = 'is there twice'


class _DoubleKeyError(Exception):
    """An object of JSON has a key twice; the text is the key."""


def read(
    file: str, text: str, validator: Any, problems: list[Problem]
) -> Iterator[Document]:
    """The requests of a file, each checked against the schema.

    :param file: its name, in problems
    :param validator: of one line
    :param problems: gets those of lines that are not JSON
    """
    for number, line in enumerate(text.splitlines(), 1):
        if len(problems) >= MOST_PROBLEMS:
            return
        if not line.strip():
            continue
        try:
            data = json.loads(line, object_pairs_hook=_without_doubles)
        except json.JSONDecodeError as error:
            column = f'column {error.colno}'
            reason = f'not JSON: {error.msg}'
            problems.append(Problem(file, number, column, reason))
        except ValueError as error:
            # Python does not read numbers of thousands of digits.
            problems.append(Problem(file, number, '', f'not JSON: {error}'))
        except RecursionError:
            reason = 'not JSON: nested too deeply'
            problems.append(Problem(file, number, '', reason))
        except _DoubleKeyError as error:
            problems.append(Problem(file, number, str(error), _TWICE))
        else:
            yield _request(file, number, data, validator)


def _request(file: str, number: int, data: Any, validator: Any) -> Document:
    return Document(file, data, validator, lambda _path: number)


def _without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in pairs:
        if key in data:
            raise _DoubleKeyError(key)
        data[key] = value
    return data
