"""The result of a check, and its wording."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import enum
from typing import Any

from oslo_upgradecheck import upgradecheck
from oslo_upgradecheck.upgradecheck import Code

from nfv_sched.fit.drift import Difference
from nfv_sched.model import Reason
from nfv_sched.model.cpu_list import ranges
from nfv_sched.survey.values import SurveyedInstance

_NAMED = 5
#: Devices that are named.
_DEVICES = 4
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
class Place:
    """A part of a host, or of what Placement has of it; the host if empty.

    ``devices`` are PCI addresses, ``instance_nodes`` the host's NUMA nodes
    that an instance is on while its devices are elsewhere. ``provider`` is a
    resource provider by uuid, ``pci_request`` the id of a request for
    devices, empty for one without an id.
    """

    numa_node: int | None = None
    cpus: frozenset[int] = frozenset()
    page_size_kib: int | None = None
    devices: tuple[str, ...] = ()
    instance_nodes: tuple[int, ...] = ()
    pci_request: str | None = None
    provider: str | None = None

    def __str__(self) -> str:
        parts = []
        if self.numa_node is not None:
            parts.append(f'NUMA node {self.numa_node}')
        if self.cpus:
            noun = verb(len(self.cpus), 'CPU', 'CPUs')
            parts.append(f'{noun} {ranges(self.cpus)}')
        if self.page_size_kib is not None:
            parts.append(f'pages of {self.page_size_kib} KiB')
        if self.devices:
            shown = ', '.join(self.devices[:_DEVICES])
            more = len(self.devices) - _DEVICES
            parts.append(f'{shown} and {more} more' if more > 0 else shown)
        if self.pci_request is not None:
            parts.append(f'PCI request {self.pci_request or "without an id"}')
        if self.provider is not None:
            parts.append(f'provider {self.provider}')
        text = ', '.join(parts)
        if self.instance_nodes:
            nodes = ', '.join(map(str, self.instance_nodes))
            text = f'{text}; the instance is on NUMA node {nodes}'
        return text


NOWHERE = Place()


class SubjectKind(enum.StrEnum):
    """What a finding is about."""

    HOST = 'host'
    AGGREGATE = 'aggregate'
    OPTION = 'option'


@dataclasses.dataclass(frozen=True, slots=True)
class Subject:
    """What a finding is about, by all of its names."""

    names: tuple[str, ...]
    kind: SubjectKind = SubjectKind.HOST

    def __str__(self) -> str:
        text = name_some(self.names)
        if self.kind is SubjectKind.AGGREGATE:
            return f'aggregate {text}'
        return text


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """The numbers of a finding and the like, as far as it has any.

    ``reported`` is how many CPUs, pages or devices the host or Placement
    reports in use, ``held`` how many instances have or asked for.
    ``resources`` are allocated amounts by resource class, ``shortages`` what
    the host lacks for an instance. ``filter`` is one that rejects the host.
    ``key`` and ``value`` are those of an option or of an aggregate's metadata.
    """

    reported: int | None = None
    held: int | None = None
    resources: Mapping[str, int] = dataclasses.field(default_factory=dict)
    shortages: tuple[Reason, ...] = ()
    filter: str | None = None
    key: str | None = None
    value: Any = None


NO_FACTS = Facts()


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be.

    ``where`` names CPUs, pages or devices of the host. No ``instances`` are
    involved in some. ``where`` and ``cause`` are empty where the problem says
    it all. ``found_on`` is the host on which an instance is, if that is the
    problem. ``code`` is SUCCESS for what is unusual, but allowed; ``skipped``
    is for what was not checked.
    """

    subject: Subject
    problem: str
    fix: str
    instances: tuple[InstanceName, ...] = ()
    where: Place = NOWHERE
    cause: str = ''
    facts: Facts = NO_FACTS
    found_on: str | None = None
    code: Code = Code.WARNING
    skipped: bool = False

    @property
    def host(self) -> str:
        """The host, or what else it is about, in words."""
        return str(self.subject)

    @property
    def place(self) -> str:
        """Where it is, and what is lacking there, in words."""
        shortages = map(str, self.facts.shortages)
        return '; '.join(filter(None, (str(self.where), *shortages)))

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
            filter(None, (f'{self.host}{who}', self.problem, self.place))
        )
        return f'{text}. Likely cause: {self.cause}' if self.cause else text


class Result(upgradecheck.Result):  # type: ignore[misc]
    """A code, what was found, and how to fix it.

    ``findings`` are shown in place of the result, each by itself. ``details``
    name the first of the ``subjects``: hosts, filters, options or what else
    it is about. ``values`` are what was found, by name, ``differences`` what
    is published otherwise than hosts report it, by name of the host.
    """

    differences: Sequence[tuple[str, Difference]] = ()

    def __init__(  # noqa: PLR0913 - what documents have of a check
        self,
        code: Code,
        details: str,
        fix: str = '',
        *,
        skipped: bool = False,
        findings: Sequence[Finding] = (),
        subjects: Iterable[str] = (),
        values: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code, details)
        self.fix = fix
        self.subjects = tuple(subjects)
        self.values = dict(values or {})
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

    :param noun: what their number counts; those that are allowed are notes
    """
    wrong = sum(finding.code is not Code.SUCCESS for finding in found)
    counts = ' and '.join(
        count(number, each)
        for number, each in ((wrong, noun), (len(found) - wrong, 'note'))
        if number
    )
    names = name_some({finding.host for finding in found})
    subjects = dict.fromkeys(
        name for finding in found for name in finding.subject.names
    )
    return Result(
        max((finding.code for finding in found), default=Code.SUCCESS),
        f'{counts}: {names}' if found else '',
        findings=found,
        subjects=subjects,
    )


def warning(
    details: str,
    fix: str,
    subjects: Iterable[str] = (),
    values: Mapping[str, Any] | None = None,
) -> Result:
    """A warning: the deployment works, but not as well as it could."""
    return Result(Code.WARNING, details, fix, subjects=subjects, values=values)


def failure(
    details: str,
    fix: str,
    subjects: Iterable[str] = (),
    values: Mapping[str, Any] | None = None,
) -> Result:
    """A failure: the deployment does not work, or gives wrong answers."""
    return Result(Code.FAILURE, details, fix, subjects=subjects, values=values)


def of_host(*names: str) -> Subject:
    """Hosts as what a finding is about."""
    return Subject(names)


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
