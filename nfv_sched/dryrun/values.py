"""Why hosts do not fit a guest, as plain values."""

import dataclasses
import functools

from nfv_sched.fit.gap import closeness

#: ``Blocker.stage`` of what no filter considers.
SERVICE = 'service'
REQUEST = 'request'
PLACEMENT = 'Placement'
CLAIM = 'claim'

#: ``Blocker.condition`` of what is there, but not together.
COMBINATION = 'combination'

#: Prefix of ``Blocker.condition`` of traits, required or forbidden.
TRAIT = 'trait '


@dataclasses.dataclass(frozen=True, slots=True)
class Blocker:
    """One reason why a host does not fit a guest.

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
class HostFinding:
    """The result for one host.

    ``first_blocker`` is what the host is rejected for first, None if the
    guest fits. ``blockers`` are all that are known; ``all`` is whether the
    guest would fit without them.
    """

    host: str
    first_blocker: Blocker | None = None
    blockers: tuple[Blocker, ...] = ()
    all: bool = False

    @property
    def fits(self) -> bool:
        """Whether the guest fits."""
        return self.first_blocker is None

    @property
    def text(self) -> str:
        """What is missing, in words."""
        if self.first_blocker is None:
            return 'fits'
        # The service and the filter that checks it say the same.
        said = dict.fromkeys(
            blocker.text for blocker in self.blockers or (self.first_blocker,)
        )
        text = '; '.join(said)
        return f'{text}; everything else fits' if self.all else text

    @property
    def rank(self) -> tuple[object, ...]:
        """Less for what is nearer to fitting."""
        blockers = self.blockers or (
            (self.first_blocker,) if self.first_blocker else ()
        )
        return (
            self.first_blocker is not None,
            not self.all,
            len(blockers),
            -min((blocker.closeness for blocker in blockers), default=1.0),
            self.host,
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """One condition, the number of hosts it rejects first, and the nearest."""

    stage: str
    name: str
    hosts: int
    nearest: HostFinding


@dataclasses.dataclass(frozen=True)
class Explanation:
    """All hosts, nearest first; ``notes`` say what else to know."""

    findings: tuple[HostFinding, ...]
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
        """What hosts are rejected for first, by number of hosts.

        The hosts of all conditions and those that fit add up to all hosts.
        """
        rejected: dict[tuple[str, str], list[HostFinding]] = {}
        for finding in self.findings:
            if finding.first_blocker is not None:
                key = (
                    finding.first_blocker.stage,
                    finding.first_blocker.condition,
                )
                rejected.setdefault(key, []).append(finding)
        return tuple(
            Condition(
                *key,
                len(findings),
                min(findings, key=lambda finding: finding.rank),
            )
            for key, findings in sorted(
                rejected.items(), key=lambda item: (-len(item[1]), item[0])
            )
        )
