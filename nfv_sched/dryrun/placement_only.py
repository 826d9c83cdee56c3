"""Why hosts do not fit a guest, from the published trees alone.

The trees count free CPUs, cores, pages and devices cell by cell. Which CPUs
are free is assumed, as if instances had been packed core by core.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import enum
import itertools

from nfv_sched import fit
from nfv_sched.dryrun import blockers as dry_run_blockers
from nfv_sched.dryrun.candidates import PlacementCandidates
from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import CLAIM
from nfv_sched.dryrun.values import Explanation
from nfv_sched.dryrun.values import HostFinding
from nfv_sched.dryrun.values import SERVICE
from nfv_sched.fit import gap
from nfv_sched.model import Cell
from nfv_sched.model import CellTopology
from nfv_sched.model import DevicePool
from nfv_sched.model import Guest
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PagePool
from nfv_sched.nova.scheduler_pipeline import PlacementQuery
from nfv_sched.placement.client import PlacementClient
from nfv_sched.survey.values import HostSurvey

_UNUSABLE = Blocker(
    SERVICE, 'disabled or down', 'nova-compute is disabled or down'
)

NOTES = (
    'The filters of nova.conf and server groups are unknown and not '
    'considered.',
    'Only the number of free CPUs is known: instances are assumed to be '
    'packed core by core.',
    'Hosts that were never published are left out.',
)


def explain_from_trees(
    guest: Guest,
    demand: PlacementQuery,
    hosts: Iterable[HostSurvey],
    client: PlacementClient,
    detailed: int,
) -> Explanation:
    """Why each published host would not fit a guest.

    :raises nfv_sched.placement.errors.PlacementError: no answer
    """
    placement_candidates = PlacementCandidates(client, demand)
    fit_request = fit.FitRequest(guest)
    first_findings = sorted(
        (
            _tree_finding(fit_request, placement_candidates, host)
            for host in hosts
        ),
        key=lambda finding: finding.rank,
    )
    topologies = {host.topology.name: host.topology for host in hosts}
    missed = [finding for finding in first_findings if not finding.fits][
        :detailed
    ]
    whole = {
        finding.host: _all_tree_blockers(
            fit_request,
            placement_candidates,
            finding,
            topologies[finding.host],
        )
        for finding in missed
    }
    findings = [whole.get(finding.host, finding) for finding in first_findings]
    findings.sort(key=lambda finding: finding.rank)
    return Explanation(tuple(findings), NOTES)


def _tree_finding(
    fit_request: fit.FitRequest,
    placement_candidates: PlacementCandidates,
    host: HostSurvey,
) -> HostFinding:
    topology = host.topology
    blockers = [*placement_candidates.blockers(topology.uuid)[0]]
    if host.enabled is False:
        blockers.insert(0, _UNUSABLE)
    if not fit_request.guest.asks_nothing:
        evaluation = fit.Evaluation(fit_request, host_from_tree(topology))
        refusal = evaluation.refusal(fit_request.no_providers)
        reason = gap.closest_reason(refusal.reasons if refusal else ())
        if reason is not None:
            blockers.append(
                dry_run_blockers.of_reason(fit_request, CLAIM, reason)
            )
    first = blockers[0] if blockers else None
    return HostFinding(topology.name, first, tuple(blockers))


def _all_tree_blockers(
    fit_request: fit.FitRequest,
    placement_candidates: PlacementCandidates,
    finding: HostFinding,
    topology: HostTopology,
) -> HostFinding:
    """All that a host lacks."""
    others, complete = placement_candidates.blockers(
        topology.uuid, detailed=True
    )
    services = [
        blocker for blocker in finding.blockers if blocker.stage == SERVICE
    ]
    others = (*services, *others)
    blockers = [
        blocker for blocker in finding.blockers if blocker.stage == CLAIM
    ]
    if blockers:
        missing = gap.shortfall(
            fit_request, host_from_tree(topology), fit_request.no_providers
        )
        complete = complete and missing.all
        blockers = list(
            dry_run_blockers.merge(
                blockers,
                [
                    dry_run_blockers.of_reason(fit_request, CLAIM, reason)
                    for reason in missing.reasons
                ],
                complete=missing.all,
            )
        )
    first = others[0] if others else finding.first_blocker
    return HostFinding(finding.host, first, (*others, *blockers), complete)


class CPUsInUse(enum.Enum):
    """Which CPUs are assumed to be in use.

    ``PACKED`` leaves as many whole cores free as possible, ``SPREAD`` as few.
    With ``ALONE`` no two of the dedicated CPUs are on one core.
    """

    PACKED = enum.auto()
    SPREAD = enum.auto()
    ALONE = enum.auto()


def host_from_tree(
    topology: HostTopology, assumed: CPUsInUse = CPUsInUse.PACKED
) -> Host:
    """A host with what a tree counts."""
    first = itertools.count(0, 1 << 12)
    return Host(
        topology.name,
        tuple(
            _cell(cell, topology.usage, next(first), assumed)
            for cell in topology.cells
        ),
        tuple(_pools(topology)),
    )


def _cell(
    cell: CellTopology, usage: HostUsage, first: int, assumed: CPUsInUse
) -> Cell:
    count = cell.dedicated_cpus + cell.shared_cpus
    threads = 1 if assumed is CPUsInUse.ALONE else cell.threads_per_core
    cpus = range(first, first + count)
    dedicated = cpus[: cell.dedicated_cpus]
    in_turn: Sequence[int] = dedicated
    if assumed is CPUsInUse.SPREAD:
        in_turn = sorted(dedicated, key=lambda cpu: (cpu - first) % threads)
    return Cell(
        cell.id,
        cell.memory_mib,
        usage.memory_mib.get(cell.id, 0),
        frozenset(cpus[cell.dedicated_cpus :]),
        usage.shared_cpus.get(cell.id, 0),
        frozenset(dedicated),
        frozenset(in_turn[: usage.dedicated_cpus.get(cell.id, 0)]),
        tuple(
            frozenset(cpus[start : start + threads])
            for start in range(0, count, threads)
        ),
        tuple(
            PagePool(
                pages.size_kib,
                pages.usable + pages.reserved,
                usage.pages.get((cell.id, pages.size_kib), 0),
                pages.reserved,
            )
            for pages in cell.pages
        ),
        cell.socket,
        cell.physnets,
        cell.tunneled,
    )


def _pools(topology: HostTopology) -> Iterator[DevicePool]:
    roots = topology.pcie_roots()
    for pool in topology.pools:
        free = pool.total - topology.usage.devices.get(pool.key, 0)
        tags: dict[str, str | None] = {'remote_managed': 'false'}
        if pool.physnet is not None:
            tags['physical_network'] = pool.physnet
        if free > 0:
            yield DevicePool(
                pool.vendor_id,
                pool.product_id,
                pool.dev_type,
                free,
                pool.numa_node,
                pool.parent,
                None,
                tags,
                roots.get(pool.parent or ''),
            )
