"""Whether the instances of lost hosts fit on the others."""

import collections
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Hashable
from collections.abc import Sequence
import dataclasses

from nfv_sched.capacity.count import GroupLimit
from nfv_sched.capacity.count import SERVER_GROUP
from nfv_sched.dryrun.placement_ledger import HostUnderTest
from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.dryrun.scheduler import DryRun
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.scheduler import HostReport
from nfv_sched.nova import boot_request
from nfv_sched.nova.types import RequestSpec
from nfv_sched.survey.values import SurveyedInstance

# Nova counts the lost host among those of the members, and excludes it: no
# host is left.
_GROUP_LOST = 'affinity to a group on lost hosts'


@dataclasses.dataclass(frozen=True, slots=True)
class Relocation:
    """An instance of a lost host, and the host that takes it.

    ``host`` is None where none does, ``short`` then says what most lack.
    """

    guest: SurveyedInstance
    lost: str
    host: str | None
    short: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class Evacuation:
    """Where each instance goes; ``notes`` say what else to know."""

    relocations: tuple[Relocation, ...]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(slots=True)
class _RequestClass:
    """What instances that ask for the same have in common."""

    dry_run: DryRun
    reports: Sequence[HostReport]
    refused: str


def evacuate(
    scheduler: DryRunScheduler,
    guests: Sequence[tuple[str, SurveyedInstance]],
    lost: Collection[str],
    *,
    tell: Callable[[int, int], None] | None = None,
) -> Evacuation:
    """Place the instances of lost hosts elsewhere, as they were requested.

    Those with most memory first, each on the first host that takes it. All
    that find a host do so together; another order might place more.

    :param guests: with the name of the host that each is on
    :param lost: names of hosts that take no instance
    :param tell: called with the number of instances placed, and of all
    """
    run = _EvacuationRun(scheduler, lost)
    relocations = []
    for number, (host, guest) in enumerate(
        sorted(guests, key=_largest_first), 1
    ):
        relocations.append(run.place(host, guest))
        if tell is not None:
            tell(number, len(guests))
    return Evacuation(tuple(relocations), tuple(run.notes))


def _largest_first(item: tuple[str, SurveyedInstance]) -> tuple[int, int, str]:
    cells = item[1].cells
    return (
        -sum(cell.memory_mib for cell in cells),
        -sum(len(cell.host_cpus) for cell in cells),
        item[1].uuid,
    )


class _EvacuationRun:
    def __init__(
        self, scheduler: DryRunScheduler, lost: Collection[str]
    ) -> None:
        self._scheduler = scheduler
        self._lost = sorted(lost)
        self._ledger = PlacementLedger()
        self._targets: dict[str, HostUnderTest] = {}
        self._known: dict[Hashable, _RequestClass] = {}
        #: Each note once.
        self.notes: dict[str, None] = {}
        # How many of a group hypothetical claims put onto a host.
        self._members: collections.Counter[tuple[str, str]] = (
            collections.Counter()
        )

    def place(self, lost: str, guest: SurveyedInstance) -> Relocation:
        try:
            spec = boot_request.stored_spec(
                self._scheduler.context, guest.uuid
            )
        except boot_request.BadRequestError as error:
            return Relocation(guest, lost, None, str(error))
        group = GroupLimit(spec)
        name = spec.instance_group.uuid if spec.instance_group else ''
        known = self._request_class(spec)
        shortages: collections.Counter[str] = collections.Counter()
        for report in known.reports:
            host = str(report.state.nodename)
            room = group.room(report.state, self._members[name, host])
            if room is not None and room <= 0:
                shortages[SERVER_GROUP] += 1
                continue
            if host not in self._targets:
                self._targets[host] = known.dry_run.target(report)
            short = known.dry_run.claim(
                self._targets[host], report.candidates, self._ledger
            )
            if short is None:
                self._members[name, host] += 1
                return Relocation(guest, lost, host)
            shortages[short] += 1
        [(most, _)] = shortages.most_common(1) or [(known.refused, 0)]
        if group.together and self._lost_all(spec.instance_group.hosts):
            most = _GROUP_LOST
        return Relocation(guest, lost, None, most)

    def _lost_all(self, hosts: Sequence[str]) -> bool:
        return bool(hosts) and set(hosts) <= set(self._lost)

    def _request_class(self, spec: RequestSpec) -> _RequestClass:
        spec.ignore_hosts = list(self._lost)
        # The host that was once forced is lost.
        spec.force_hosts = spec.force_nodes = None
        key = boot_request.fingerprint(spec)
        if key not in self._known:
            dry_run = self._scheduler.run(spec, detailed=0)
            self._ledger.learn(dry_run.summaries)
            self.notes.update(dict.fromkeys(dry_run.explanation.notes))
            conditions = [
                condition
                for condition in dry_run.explanation.conditions
                if condition.stage != 'request'
            ]
            self._known[key] = _RequestClass(
                dry_run,
                [report for report in dry_run.reports if not report.blockers],
                conditions[0].name if conditions else 'hosts',
            )
        return self._known[key]
