"""A small file that says when a publisher last made a pass."""

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
}
#: Of ``counts``; the rest of it is for people.
_AMOUNTS = tuple(
    field.name for field in dataclasses.fields(PassReport) if field.type is int
)


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """``passed`` and ``full`` are when a pass and a full one last finished.

    Both are seconds since the epoch, None before the first. ``interval`` is
    the time between two passes, ``counts`` are those of the last pass.
    """

    source: str
    interval: float
    passed: float | None = None
    full: float | None = None
    leads: bool = True
    counts: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def after(self, report: PassReport, now: float) -> 'Status':
        """The status after a pass."""
        counts = dataclasses.asdict(report)
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
        """Seconds since the last pass, None if there was none."""
        return None if self.passed is None else time.time() - self.passed


def write(path: pathlib.Path, status: Status) -> None:
    """Replace the file at once, so that nobody reads half of it."""
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
    """The status that a publisher wrote, None where there is none.

    :raises ValueError: the file is not one of ours
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
    wrong = list(_wrong(values))
    if wrong:
        raise ValueError(
            f'{path} is not the status of a publisher: {", ".join(wrong)} '
            'of a wrong type'
        )
    return Status(**{name: values[name] for name in _TYPES if name in values})


def _wrong(values: Mapping[str, Any]) -> Iterator[str]:
    """The names of values that are not what a publisher writes."""
    for name, types in _TYPES.items():
        if name in values and not isinstance(values[name], types):
            yield name
    counts = values.get('counts')
    if isinstance(counts, dict):
        for name in _AMOUNTS:
            if not isinstance(counts.get(name, 0), int):
                yield f'counts.{name}'
