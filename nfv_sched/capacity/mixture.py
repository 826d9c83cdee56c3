"""How many more instances of several flavors fit together."""

import collections
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import itertools

from nfv_sched.capacity.count import GroupLimit
from nfv_sched.capacity.count import SERVER_GROUP
from nfv_sched.dryrun.placement_ledger import HostUnderTest
from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.dryrun.scheduler import DryRun
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.scheduler import HostReport
from nfv_sched.nova.types import RequestSpec


@dataclasses.dataclass(frozen=True, slots=True)
class Mixture:
    """How many instances of each flavor were placed, and where.

    ``ended`` is the first flavor without a host, ``short`` what the hosts
    lacked for it, each with the number of hosts. ``notes`` say what else to
    know.
    """

    guests: Mapping[str, int]
    hosts: Mapping[str, Mapping[str, int]]
    ended: str
    short: tuple[tuple[str, int], ...]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class _FlavorShare:
    """One flavor: what it asks for, and what hosts lack that take none."""

    weight: int
    dry_run: DryRun
    group: GroupLimit
    shortages: collections.Counter[str]


def count_mixture(
    scheduler: DryRunScheduler,
    requests: Sequence[tuple[str, RequestSpec, int]],
    *,
    tell: Callable[[int], None] | None = None,
) -> Mixture:
    """Place instances in turn, by weight, until one finds no host.

    First fit, hosts that fewest of the flavors fit first: a lower bound,
    since a scheduler that chooses better may place more. An affinity group
    is tried on each host alone: the one that takes most counts.

    :param requests: names, RequestSpecs and weights of flavors, all of the
        same server group or of none
    :param tell: called with the number of instances placed, over all tries
    """
    ledger = PlacementLedger()
    targets: dict[str, HostUnderTest] = {}
    kinds: dict[str, _FlavorShare] = {}
    reports: dict[str, dict[str, HostReport]] = {}
    notes: dict[str, None] = {}
    for name, spec, weight in requests:
        group = GroupLimit(spec)
        dry_run = scheduler.run(spec, detailed=0)
        ledger.learn(dry_run.summaries)
        notes.update(dict.fromkeys(dry_run.explanation.notes))
        for report in dry_run.reports:
            if report.blockers:
                continue
            host = str(report.state.nodename)
            reports.setdefault(host, {})[name] = report
            if host not in targets:
                targets[host] = dry_run.target(report)
        shortages = collections.Counter(
            {
                condition.name: condition.hosts
                for condition in dry_run.explanation.conditions
            }
        )
        kinds[name] = _FlavorShare(weight, dry_run, group, shortages)
    hosts = sorted(reports, key=lambda host: (len(reports[host]), host))
    tries = [hosts]
    if hosts and any(kind.group.together for kind in kinds.values()):
        tries = [[host] for host in sorted(hosts)]
    report_placed = tell or (lambda done: None)
    placed = itertools.count()
    mixtures = []
    for names in tries:
        filling = _MixtureRun(
            kinds,
            [(targets[host], reports[host]) for host in names],
            # What hosts share is fully available to each try.
            ledger.branch(),
        )
        mixtures.append(filling.mixture(lambda: report_placed(next(placed))))
    most = max(mixtures, key=lambda mixture: sum(mixture.guests.values()))
    return dataclasses.replace(most, notes=tuple(notes))


class _MixtureRun:
    """Hypothetical claims on hosts, the first host first.

    :param hosts: with what is known of them for each flavor that fits there
    """

    def __init__(
        self,
        kinds: Mapping[str, _FlavorShare],
        hosts: Sequence[tuple[HostUnderTest, Mapping[str, HostReport]]],
        ledger: PlacementLedger,
    ) -> None:
        self._kinds = kinds
        self._ledger = ledger
        self._left = {
            name: collections.deque(
                (target, reports[name])
                for target, reports in hosts
                if name in reports
            )
            for name in kinds
        }
        self._shortages = {
            name: kind.shortages.copy() for name, kind in kinds.items()
        }
        self._placed: dict[str, collections.Counter[str]] = {}
        # Of all flavors: a server group counts them all.
        self._members: collections.Counter[str] = collections.Counter()

    def mixture(self, tell: Callable[[], None]) -> Mixture:
        """Place instances in turn until one finds no host.

        :param tell: called before each instance
        """
        counts = dict.fromkeys(self._kinds, 0)
        ended = ''
        weights = {name: kind.weight for name, kind in self._kinds.items()}
        for ended in weighted_round_robin(weights):
            tell()
            host = self._place(ended)
            if host is None:
                break
            counts[ended] += 1
            self._placed.setdefault(host, collections.Counter())[ended] += 1
            self._members[host] += 1
        short = self._shortages[ended].most_common()
        return Mixture(counts, self._placed, ended, tuple(short))

    def _place(self, name: str) -> str | None:
        """The host that takes one more; those before it never will again."""
        kind, left = self._kinds[name], self._left[name]
        while left:
            target, report = left[0]
            room = kind.group.room(report.state, self._members[target.name])
            short: str | None = SERVER_GROUP
            if room is None or room > 0:
                short = kind.dry_run.claim(
                    target, report.candidates, self._ledger
                )
            if short is None:
                return target.name
            self._shortages[name][short] += 1
            left.popleft()
        return None


def weighted_round_robin(weights: Mapping[str, int]) -> Iterator[str]:
    """An endless sequence of names, in proportion to the weights.

    Smooth weighted round-robin, as web servers share requests.
    """
    total = sum(weights.values())
    current = dict.fromkeys(weights, 0)
    while True:
        for name, weight in weights.items():
            current[name] += weight
        name = max(current, key=lambda flavor: current[flavor])
        current[name] -= total
        yield name
