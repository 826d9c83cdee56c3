"""The result of a check, and its wording."""

from collections.abc import Iterable
from collections.abc import Sequence

from oslo_upgradecheck import upgradecheck
from oslo_upgradecheck.upgradecheck import Code

_NAMED = 5


class Result(upgradecheck.Result):  # type: ignore[misc]
    """A code, what was found, and how to fix it."""

    def __init__(
        self, code: Code, details: str, fix: str = '', *, skipped: bool = False
    ) -> None:
        super().__init__(code, details)
        self.fix = fix
        self.skipped = skipped

    @property
    def verdict(self) -> str:
        """The code in words; a check that was not made is no success."""
        if self.skipped:
            return 'Skipped'
        return verdict(self.code)


def verdict(code: Code) -> str:
    """A code in words, as ``nova-status upgrade check`` prints it."""
    return str(upgradecheck.UPGRADE_CHECK_MSG_MAP[code])


def ok(details: str = '') -> Result:
    """A success: nothing to fix."""
    return Result(Code.SUCCESS, details)


def skipped(details: str) -> Result:
    """No result: the check was not made."""
    return Result(Code.SUCCESS, details, skipped=True)


def warning(details: str, fix: str) -> Result:
    """A warning: the deployment works, but not as well as it could."""
    return Result(Code.WARNING, details, fix)


def failure(details: str, fix: str) -> Result:
    """A failure: the deployment does not work, or gives wrong answers."""
    return Result(Code.FAILURE, details, fix)


def name_some(names: Iterable[str]) -> str:
    """The first names in alphabetical order, and the number of the others."""
    every: Sequence[str] = sorted(names)
    text = ', '.join(every[:_NAMED])
    more = len(every) - _NAMED
    return f'{text} and {more} more' if more > 0 else text


def count(number: int, noun: str) -> str:
    """A number with its noun, such as ``1 tree`` or ``2 trees``."""
    return f'{number} {noun}' if number == 1 else f'{number} {noun}s'


def verb(number: int, singular: str = 'is', plural: str = 'are') -> str:
    """The form of a verb after this number of things."""
    return singular if number == 1 else plural
