"""Scenario files as documents that have been checked against their schema.

This module does not import Nova, which takes seconds: a file that is not a
scenario is refused at once.
"""

import functools
import pathlib
from typing import Any

from nfv_sched.sim import yaml_source
from nfv_sched.sim.documents import Document
from nfv_sched.sim.documents import schema
from nfv_sched.sim.documents import Validator
from nfv_sched.sim.problems import InputError
from nfv_sched.sim.problems import Problem
from nfv_sched.sim.yaml_source import MOST_BYTES
from nfv_sched.sim.yaml_source import YAMLSource


class ScenarioError(InputError):
    """A scenario, or a file that it names, is invalid or missing."""


def read(file: pathlib.Path) -> Document:
    """The document of a scenario, whose ``problems`` are of its schema.

    :raises ScenarioError: the file cannot be read, or is not plain YAML
    """
    try:
        source = YAMLSource(str(file), read_text(file))
    except InputError as error:
        raise ScenarioError(error.problems) from error
    return Document(
        str(file), source.data, _scenario_validator(), source.line_of
    )


def check(file: pathlib.Path) -> None:
    """Check that a file has the form of a scenario.

    :raises ScenarioError: it has not, with all problems of that kind
    """
    problems = read(file).sorted_problems()
    if problems:
        raise ScenarioError(problems)


def read_text(file: pathlib.Path, most: int = MOST_BYTES) -> str:
    """The content of a file.

    :param most: bytes that it may have
    :raises ScenarioError: it cannot be read, or has more
    """
    try:
        return yaml_source.read_text(file, most)
    except InputError as error:
        raise ScenarioError(error.problems) from error
    except OSError as error:
        reason = str(error.strerror)
        raise ScenarioError([Problem(str(file), None, '', reason)]) from error


@functools.cache
def _schema() -> dict[str, Any]:
    return schema('nfv_sched.scenario', 'scenario_schema.json')


@functools.cache
def _scenario_validator() -> Any:
    return Validator(_schema())


@functools.cache
def request_validator() -> Any:
    """The schema of one line of a replay."""
    return Validator({'$ref': '#/$defs/request', '$defs': _schema()['$defs']})
