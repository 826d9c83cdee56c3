"""Why hosts do not take a guest, as plain values."""

import dataclasses
import functools

from nfv_sched.fit.nearness import closeness

#: ``Lack.stage`` of what no filter looks at.
SERVICE = 'service'
REQUEST = 'request'
PLACEMENT = 'Placement'
CLAIM = 'claim'

#: Beginning of ``Lack.condition`` of traits, required or forbidden.
TRAIT = 'trait '


@dataclasses.dataclass(frozen=True, slots=True)
class Lack:
    """One thing that stands between a guest and a host.

    ``stage`` is the name of the filter that says so, or one of SERVICE,
    REQUEST, PLACEMENT and CLAIM; ``condition`` is what it is about: a
    resource, a trait, a server group. ``asked`` and ``available`` count what
    the condition counts, memory in MiB; ``cell`` is the id of a host cell.
    """

    stage: str
    condition: str
    text: str
    cell: int | None = None
    asked: int | None = None
    available: int | None = None

    @property
    def closeness(self) -> float:
        """How much of what was asked was there, from 0 to 1."""
        return closeness(self.asked, self.available)


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one host.

    ``fall`` is the first thing at which it falls, None if the guest fits.
    ``lacks`` is what it lacks, as far as was looked at; ``all`` is whether
    the guest would fit with that.
    """

    host: str
    fall: Lack | None = None
    lacks: tuple[Lack, ...] = ()
    all: bool = False

    @property
    def fits(self) -> bool:
        """Whether the guest fits."""
        return self.fall is None

    @property
    def text(self) -> str:
        """What is missing, in words."""
        if self.fall is None:
            return 'fits'
        # The service and the filter that looks at it say the same.
        said = dict.fromkeys(one.text for one in self.lacks or (self.fall,))
        text = '; '.join(said)
        return f'{text}; everything else fits' if self.all else text

    @property
    def rank(self) -> tuple[object, ...]:
        """Less for what is nearer to fitting."""
        lacks = self.lacks or ((self.fall,) if self.fall else ())
        return (
            self.fall is not None,
            not self.all,
            len(lacks),
            -min((lack.closeness for lack in lacks), default=1.0),
            self.host,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """One condition, how many hosts fell at it first, and the nearest."""

    stage: str
    name: str
    hosts: int
    nearest: Finding


@dataclasses.dataclass(frozen=True)
class Explanation:
    """All hosts, nearest first; ``notes`` say what else is to be known."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    @property
    def hosts(self) -> int:
        """How many hosts there are."""
        return len(self.findings)

    @functools.cached_property
    def fitting(self) -> int:
        """How many hosts the guest fits."""
        return sum(finding.fits for finding in self.findings)

    @functools.cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """What hosts fell at first, that of most hosts first.

        The hosts of all conditions and those that fit add up to all hosts.
        """
        fallen: dict[tuple[str, str], list[Finding]] = {}
        for finding in self.findings:
            if finding.fall is not None:
                key = finding.fall.stage, finding.fall.condition
                fallen.setdefault(key, []).append(finding)
        return tuple(
            Condition(*key, len(found), min(found, key=lambda one: one.rank))
            for key, found in sorted(
                fallen.items(), key=lambda item: (-len(item[1]), item[0])
            )
        )
