"""What a check says."""

from collections.abc import Iterable
from collections.abc import Sequence

from oslo_upgradecheck import upgradecheck
from oslo_upgradecheck.upgradecheck import Code

_NAMED = 5


class Result(upgradecheck.Result):  # type: ignore[misc]
    """A code, what was found, and what to do about it."""

    def __init__(self, code: Code, details: str, fix: str = '') -> None:
        super().__init__(code, details)
        self.fix = fix


def ok(details: str = '') -> Result:
    """Nothing to do."""
    return Result(Code.SUCCESS, details)


def warning(details: str, fix: str) -> Result:
    """It works, but not as well as it could."""
    return Result(Code.WARNING, details, fix)


def failure(details: str, fix: str) -> Result:
    """It does not work, or gives wrong answers."""
    return Result(Code.FAILURE, details, fix)


def name_some(names: Iterable[str]) -> str:
    """A few of many names."""
    every: Sequence[str] = sorted(names)
    text = ', '.join(every[:_NAMED])
    more = len(every) - _NAMED
    return f'{text} and {more} more' if more > 0 else text
