"""How many more instances of one flavor fit, host by host."""

import collections
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.dryrun.scheduler import DryRun
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.scheduler import HostReport
from nfv_sched.fit.candidates import placement_chose
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec

SERVER_GROUP = 'server group'


@dataclasses.dataclass(frozen=True, slots=True)
class HostCount:
    """How many more fit a host, and what the next one would lack."""

    host: str
    guests: int
    short: str


@dataclasses.dataclass(frozen=True, slots=True)
class Capacity:
    """The counts of all hosts, and how many fit ``in_all``.

    That is their sum, or what the best host takes where instances are
    ``together`` on one. ``notes`` say what else to know.
    """

    hosts: tuple[HostCount, ...]
    together: bool = False
    notes: tuple[str, ...] = ()

    @property
    def in_all(self) -> int:
        """How many fit all hosts."""
        return self._fit(self.hosts)

    def by_domain(
        self, domain_of: Callable[[str], str | None]
    ) -> Mapping[str, int]:
        """How many fit each failure domain."""
        by_name: dict[str, list[HostCount]] = {}
        for host in self.hosts:
            by_name.setdefault(domain_of(host.host) or '', []).append(host)
        return {name: self._fit(hosts) for name, hosts in by_name.items()}

    def _fit(self, hosts: Sequence[HostCount]) -> int:
        counts = [host.guests for host in hosts]
        return max(counts, default=0) if self.together else sum(counts)

    @property
    def shortages(self) -> Sequence[tuple[str, int]]:
        """What the hosts run out of first, that of most hosts first."""
        counts = collections.Counter(host.short for host in self.hosts)
        return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


class CapacityCounter:
    """Counts on the hosts as an explainer has found them.

    :param tell: called with the number of hosts counted, and of all
    """

    def __init__(
        self,
        scheduler: DryRunScheduler,
        *,
        tell: Callable[[int, int], None] | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._tell = tell or (lambda done, total: None)
        #: Different host states that were filled.
        self.filled = 0

    def count(self, spec: RequestSpec) -> Capacity:
        """How many more instances like that of a RequestSpec fit.

        :raises nfv_sched.placement.errors.PlacementError: no answer
        :raises ValueError: the request is malformed
        """
        return self.fill(self._scheduler.run(spec, detailed=0), spec)

    def fill(self, dry_run: DryRun, spec: RequestSpec) -> Capacity:
        """As :meth:`count`, on the hosts as a run of the request left them."""
        group = GroupLimit(spec)
        ledger = PlacementLedger()
        ledger.learn(dry_run.summaries)
        known: dict[Hashable, tuple[int, str]] = {}
        reports = {
            str(report.state.nodename): report for report in dry_run.reports
        }
        counts = []
        findings = dry_run.explanation.findings
        for number, finding in enumerate(findings, 1):
            report = reports.get(finding.host)
            if finding.first_blocker is not None or report is None:
                blocker = finding.first_blocker
                short = blocker.condition if blocker else ''
                counts.append(HostCount(finding.host, 0, short))
            else:
                count = self._fill(dry_run, report, ledger, group, known)
                counts.append(HostCount(finding.host, *count))
            self._tell(number, len(findings))
        self.filled = len(known)
        counts.sort(key=lambda count: count.host)
        notes = dry_run.explanation.notes
        return Capacity(tuple(counts), group.together, notes)

    def _fill(
        self,
        dry_run: DryRun,
        report: HostReport,
        ledger: PlacementLedger,
        group: 'GroupLimit',
        known: dict[Hashable, tuple[int, str]],
    ) -> tuple[int, str]:
        target = dry_run.target(report)
        candidates = report.candidates
        limit = group.room(report.state)
        key: Hashable = None
        if not placement_chose(
            dry_run.fit_request, candidates, target.provider_name
        ):
            key = (
                dry_run.host_key(target),
                ledger.available_view(candidates),
                limit,
            )
            if key in known:
                return known[key]
        count, short = 0, SERVER_GROUP
        while limit is None or count < limit:
            lacking = dry_run.claim(target, candidates, ledger)
            if lacking is not None:
                short = lacking
                break
            count += 1
        known[key if key is not None else target.name] = count, short
        return count, short


class GroupLimit:
    """What the server group of a request allows."""

    def __init__(self, spec: RequestSpec) -> None:
        group = spec.instance_group
        self.policy: str | None = group.policy if group is not None else None
        self._members = frozenset(group.members if group is not None else ())
        rules = (group.rules or {}) if group is not None else {}
        self._limit = int(rules.get('max_server_per_host', 1))

    @property
    def together(self) -> bool:
        """Whether all members have to be on one host."""
        return self.policy == 'affinity'

    def room(self, state: HostState, more: int = 0) -> int | None:
        """How many more members a host may get; None where nothing limits.

        :param more: members that hypothetical claims put there
        """
        if self.policy != 'anti-affinity':
            return None
        there = len(self._members & set(state.instances)) + more
        return max(0, self._limit - there)
