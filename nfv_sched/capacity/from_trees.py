"""How many more instances of one flavor fit, without Nova's databases.

Published trees have the number of free CPUs of a NUMA node, not which ones
these are. So there are two counts for a host, the greatest and the least of
those with its free CPUs on as many whole cores as possible and on as few.
Where both are the same the count is exact, as it is if only the number of
CPUs matters.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses

from nfv_sched import fit
from nfv_sched.capacity.count import HostCount
from nfv_sched.dryrun.candidates import PlacementCandidates
from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.dryrun.placement_only import CPUsInUse
from nfv_sched.dryrun.placement_only import host_from_tree
from nfv_sched.fit import gap
from nfv_sched.fit.candidates import Candidate
from nfv_sched.fit.candidates import placement_chose
from nfv_sched.model import CellTopology
from nfv_sched.model import Guest
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.survey import apis
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey

_NOTES = (
    'The filters of nova.conf and server groups are unknown to these APIs '
    'and not considered.',
    'Only the number of free CPUs is known: where it matters which they are, '
    'there are two counts.',
    'Hosts that were never published are left out.',
)
_STALE = (
    'Usage is as of the last publishing: instances that were booted since '
    'then are not counted.'
)
_SERVICE = 'nova-compute'


@dataclasses.dataclass(frozen=True, slots=True)
class HostBounds:
    """How many more fit a host: at least, and at most.

    ``short`` is what the next one after the most would lack.
    """

    host: str
    at_least: int
    at_most: int
    short: str

    @property
    def exact(self) -> bool:
        """Whether both are the same."""
        return self.at_least == self.at_most


def notes(survey: Survey) -> tuple[str, ...]:
    """What to know about the counts."""
    if survey.source is Source.APIS:
        return _NOTES
    return (*_NOTES, _STALE)


def count_on_trees(
    guest: Guest,
    placement: PlacementCandidates,
    hosts: Sequence[HostSurvey],
) -> list[HostBounds]:
    """Count hypothetical claims on each published host.

    :param placement: what Placement has for one instance
    """
    fit_request = fit.FitRequest(guest)
    most, least = PlacementLedger(), PlacementLedger()
    most.learn(placement.summaries)
    least.learn(placement.summaries)
    return [
        _bounds(fit_request, placement, host, most, least) for host in hosts
    ]


def _bounds(
    fit_request: fit.FitRequest,
    placement: PlacementCandidates,
    host: HostSurvey,
    most: PlacementLedger,
    least: PlacementLedger,
) -> HostBounds:
    topology = host.topology
    if host.enabled is False:
        return HostBounds(host.host, 0, 0, _SERVICE)
    candidates = placement.candidates(topology.uuid)
    blockers, _ = placement.blockers(topology.uuid)
    if not candidates:
        short = blockers[0].condition if blockers else 'candidates'
        return HostBounds(host.host, 0, 0, short)
    counts = [
        _fill(fit_request, tree, candidates, most.branch())
        for tree in _arrangements(topology)
    ]
    best = max(counts, key=lambda count: count.guests)
    # Providers may be shared with other hosts.
    _take(most, candidates, best.guests)
    at_least = 0
    if _is_bounded_below(fit_request, host, candidates):
        at_least = min(
            _fill(fit_request, tree, candidates, least.branch()).guests
            for tree in _arrangements(_worst(host))
        )
        _take(least, candidates, at_least)
    return HostBounds(
        host.host, min(at_least, best.guests), best.guests, best.short
    )


def _arrangements(topology: HostTopology) -> Iterator[Host]:
    """A host with its free CPUs where they allow most, and where least."""
    yield host_from_tree(topology)
    yield host_from_tree(topology, CPUsInUse.SPREAD)
    if not all(map(_has_whole_cores, topology.cells)):
        yield host_from_tree(topology, CPUsInUse.ALONE)


def _has_whole_cores(cell: CellTopology) -> bool:
    """Whether the dedicated CPUs are all threads of their cores."""
    if not cell.dedicated_cpus:
        return True
    return not cell.shared_cpus and not (
        cell.cores and cell.dedicated_cpus % cell.cores
    )


def _worst(host: HostSurvey) -> HostTopology:
    """The topology with the most that may be in use."""
    if host.published_usage is None:
        return host.topology
    usage = apis.greater_usage(host.topology.usage, host.published_usage)
    return dataclasses.replace(host.topology, usage=usage)


def _is_bounded_below(
    fit_request: fit.FitRequest,
    host: HostSurvey,
    candidates: Sequence[Candidate],
) -> bool:
    """Whether nothing may be in use that is unknown.

    Migrations hold resources that no API tells. Devices in use are known as
    of the last publishing, at which the other usage was the present one; and
    not which of them Placement's candidates are.
    """
    if fit_request.guest.asks_nothing:
        return True
    if host.migrating:
        return False
    if not fit_request.guest.devices:
        return True
    current = host.published_usage is None or (
        apis.mirrored(host.published_usage)
        == apis.mirrored(host.topology.usage)
    )
    return current and not placement_chose(
        fit_request, candidates, lambda provider: None
    )


def _fill(
    fit_request: fit.FitRequest,
    host: Host,
    candidates: Sequence[Candidate],
    ledger: PlacementLedger,
) -> HostCount:
    """Claim until that fails."""
    count = 0
    while True:
        candidate = _left(candidates, ledger)
        if candidate is None:
            classes = min(map(sorted, map(ledger.short_of, candidates)))
            return HostCount(host.name, count, classes[0])
        if not fit_request.guest.asks_nothing:
            evaluation = fit.Evaluation(fit_request, host)
            verdict = evaluation.verdict(fit_request.no_providers)
            if verdict.outcome is None:
                reason = gap.closest_reason(verdict.reasons)
                name = gap.resource_name(reason.resource) if reason else ''
                return HostCount(host.name, count, name or 'claim')
            host = fit.apply_claim(fit_request.guest, host, verdict.outcome)
        ledger.take(candidate)
        count += 1


def _take(
    ledger: PlacementLedger, candidates: Sequence[Candidate], count: int
) -> None:
    """Take what this number of instances allocates."""
    for _ in range(count):
        candidate = _left(candidates, ledger)
        if candidate is not None:
            ledger.take(candidate)


def _left(
    candidates: Sequence[Candidate], ledger: PlacementLedger
) -> Candidate | None:
    """The first candidate for which enough is left."""
    return next(
        (each for each in candidates if not ledger.short_of(each)), None
    )
