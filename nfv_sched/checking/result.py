"""The result of a check, and its wording."""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses

from oslo_upgradecheck import upgradecheck
from oslo_upgradecheck.upgradecheck import Code

from nfv_sched.survey.values import SurveyedInstance

_NAMED = 5
#: The verdict of a check that was not made.
SKIPPED = 'Skipped'


def verdict(code: Code) -> str:
    """A code in words, as ``nova-status upgrade check`` prints it."""
    return str(upgradecheck.UPGRADE_CHECK_MSG_MAP[code])


@dataclasses.dataclass(frozen=True, slots=True)
class InstanceName:
    """An instance as findings name it; without a name it may not exist."""

    uuid: str
    name: str | None = None

    def __str__(self) -> str:
        return f'{self.name} ({self.uuid})' if self.name else self.uuid


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    ``host`` may be another subject, such as an aggregate or an option.
    ``where`` names CPUs, pages or devices of the host. No ``instances`` are
    involved in some. ``where`` and ``cause`` are empty where the problem says
    it all. ``code`` is SUCCESS for what is
    unusual, but allowed; ``skipped`` is for what was not checked.
    """

    host: str
    instances: tuple[InstanceName, ...]
    problem: str
    where: str
    cause: str
    fix: str
    code: Code = Code.WARNING
    skipped: bool = False

    @property
    def verdict(self) -> str:
        """The code in words."""
        return SKIPPED if self.skipped else verdict(self.code)

    @property
    def text(self) -> str:
        """Everything but the fix."""
        names = ' and '.join(map(str, self.instances))
        who = f', {names}' if names else ''
        text = ': '.join(
            filter(None, (f'{self.host}{who}', self.problem, self.where))
        )
        return f'{text}. Likely cause: {self.cause}' if self.cause else text


class Result(upgradecheck.Result):  # type: ignore[misc]
    """A code, what was found, and how to fix it.

    ``findings`` are shown in place of the result, each by itself.
    """

    def __init__(
        self,
        code: Code,
        details: str,
        fix: str = '',
        *,
        skipped: bool = False,
        findings: Sequence[Finding] = (),
    ) -> None:
        super().__init__(code, details)
        self.fix = fix
        self.skipped = skipped
        self.findings = findings

    @property
    def verdict(self) -> str:
        """The code in words; a check that was not made is no success."""
        if self.skipped:
            return SKIPPED
        return verdict(self.code)


def ok(details: str = '') -> Result:
    """A success: nothing to fix."""
    return Result(Code.SUCCESS, details)


def skipped(details: str) -> Result:
    """No result: the check was not made, since there is nothing to check."""
    return Result(Code.SUCCESS, details, skipped=True)


def not_made(details: str, fix: str) -> Result:
    """No result: the check could not be made, which is a warning."""
    return Result(Code.WARNING, details, fix, skipped=True)


def of_findings(found: Sequence[Finding], noun: str) -> Result:
    """The result of single findings.

    :param noun: what their number counts
    """
    names = name_some({finding.host for finding in found})
    return Result(
        max((finding.code for finding in found), default=Code.SUCCESS),
        f'{count(len(found), noun)}: {names}' if found else '',
        findings=found,
    )


def warning(details: str, fix: str) -> Result:
    """A warning: the deployment works, but not as well as it could."""
    return Result(Code.WARNING, details, fix)


def failure(details: str, fix: str) -> Result:
    """A failure: the deployment does not work, or gives wrong answers."""
    return Result(Code.FAILURE, details, fix)


def instance_name(instance: SurveyedInstance) -> InstanceName:
    """An instance as findings name it."""
    return InstanceName(instance.uuid, instance.name)


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
