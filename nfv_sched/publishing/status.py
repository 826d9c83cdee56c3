"""The publisher's status file: when it made its last pass, and the result."""

from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import json
import os
import pathlib
import tempfile
import time
from typing import Any

from nfv_sched.publishing.pass_report import PassReport

_NUMBER = (int, float)
_TYPES: Mapping[str, tuple[type, ...]] = {
    'source': (str,),
    'interval': _NUMBER,
    'passed': (*_NUMBER, type(None)),
    'full': (*_NUMBER, type(None)),
    'leads': (bool,),
    'counts': (dict,),
    'metrics_problem': (str, type(None)),
}
#: Keys of the file that differ from the fields of PassReport: other programs
#: read the file.
_KEYS = {'incomplete': 'torn'}
#: The integers of ``counts``; its other values are informational.
_AMOUNTS = tuple(
    _KEYS.get(field.name, field.name)
    for field in dataclasses.fields(PassReport)
    if field.type is int
)


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """The content of a status file.

    ``passed`` and ``full`` are the times at which the last pass and the last
    full pass finished, in seconds since the epoch; None before the first.
    ``interval`` is the time between two passes in seconds, ``counts`` holds
    the numbers of the last pass. ``metrics_problem`` is why no metrics are
    served although nova.conf names a port.
    """

    source: str
    interval: float
    passed: float | None = None
    full: float | None = None
    leads: bool = True
    counts: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    metrics_problem: str | None = None

    def after(self, report: PassReport, now: float) -> 'Status':
        """The status after a pass."""
        counts = {
            _KEYS.get(name, name): value
            for name, value in dataclasses.asdict(report).items()
        }
        del counts['problems']
        done = report.finished
        return dataclasses.replace(
            self,
            passed=now if done else self.passed,
            full=now if done and report.kind == 'full' else self.full,
            leads=True,
            counts=counts,
        )

    @property
    def age(self) -> float | None:
        """Seconds since the last pass, None before the first."""
        return None if self.passed is None else time.time() - self.passed


def write(path: pathlib.Path, status: Status) -> None:
    """Replace the file atomically, so that no reader sees a part of it."""
    text = json.dumps(dataclasses.asdict(status), indent=2)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f'.{path.name}.')
    try:
        with os.fdopen(handle, 'w') as file:
            file.write(f'{text}\n')
        pathlib.Path(name).chmod(0o644)
        pathlib.Path(name).replace(path)
    except BaseException:
        pathlib.Path(name).unlink(missing_ok=True)
        raise


def read(path: pathlib.Path) -> Status | None:
    """The status in the file, None if the file does not exist.

    :raises ValueError: it is not the status file of a publisher
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    values = json.loads(text)
    if not isinstance(values, dict) or not {'source', 'interval'} <= set(
        values
    ):
        raise ValueError(f'{path} is not the status of a publisher')
    mistyped = list(_mistyped(values))
    if mistyped:
        raise ValueError(
            f'{path} is not the status of a publisher: wrong type of '
            f'{", ".join(mistyped)}'
        )
    return Status(**{name: values[name] for name in _TYPES if name in values})


def _mistyped(values: Mapping[str, Any]) -> Iterator[str]:
    """The keys whose values do not have the type that a publisher writes."""
    for name, types in _TYPES.items():
        if name in values and not isinstance(values[name], types):
            yield name
    counts = values.get('counts')
    if isinstance(counts, dict):
        for name in _AMOUNTS:
            if not isinstance(counts.get(name, 0), int):
                yield f'counts.{name}'
