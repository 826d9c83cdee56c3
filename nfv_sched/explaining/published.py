"""Why hosts do not take a guest, as far as Placement alone can tell.

The published trees count free CPUs, cores, pages and devices, cell by cell:
which CPUs are free is imagined, as if guests had been packed core by core.
"""

from collections.abc import Iterable
from collections.abc import Iterator
import itertools

from nfv_sched import fit
from nfv_sched.explaining.explain import lack_of
from nfv_sched.explaining.explain import with_fall
from nfv_sched.explaining.offers import Offers
from nfv_sched.explaining.values import CLAIM
from nfv_sched.explaining.values import Explanation
from nfv_sched.explaining.values import Finding
from nfv_sched.fit import nearness
from nfv_sched.model import Cell
from nfv_sched.model import CellTopology
from nfv_sched.model import DevicePool
from nfv_sched.model import Guest
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PagePool
from nfv_sched.nova.pipeline import Demand
from nfv_sched.placement.client import PlacementClient
from nfv_sched.survey.values import HostSurvey

NOTES = (
    'The filters of nova.conf, server groups, and services that are down '
    'are not known to Placement, and not looked at.',
    'Which CPUs are free is not known, only how many: guests are taken to be '
    'packed core by core.',
    'Hosts that were never published are left out.',
)


def explain(
    guest: Guest,
    demand: Demand,
    hosts: Iterable[HostSurvey],
    client: PlacementClient,
    detailed: int,
) -> Explanation:
    """Ask every published host why it would not take a guest.

    :raises nfv_sched.placement.errors.PlacementError: no answer
    """
    offers = Offers(client, demand)
    question = fit.Question(guest)
    found = sorted(
        (_finding(question, offers, host.topology) for host in hosts),
        key=lambda one: one.rank,
    )
    topologies = {host.topology.name: host.topology for host in hosts}
    missed = [one for one in found if not one.fits][:detailed]
    whole = {
        one.host: _whole(question, one, topologies[one.host]) for one in missed
    }
    findings = [whole.get(one.host, one) for one in found]
    findings.sort(key=lambda one: one.rank)
    return Explanation(tuple(findings), NOTES)


def _finding(
    question: fit.Question, offers: Offers, topology: HostTopology
) -> Finding:
    lacks = [*offers.lacks(topology.uuid)]
    if not question.guest.asks_nothing:
        evaluation = fit.Evaluation(question, host_of(topology))
        refusal = evaluation.refusal(question.unchosen)
        reason = nearness.nearest(refusal.reasons if refusal else ())
        if reason is not None:
            lacks.append(lack_of(question, CLAIM, reason))
    first = lacks[0] if lacks else None
    return Finding(topology.name, first, tuple(lacks))


def _whole(
    question: fit.Question, found: Finding, topology: HostTopology
) -> Finding:
    """All that a host lacks."""
    others = [lack for lack in found.lacks if lack.stage != CLAIM]
    ours = [lack for lack in found.lacks if lack.stage == CLAIM]
    if not ours:
        return Finding(found.host, found.fall, tuple(others), True)
    missing = nearness.missing(question, host_of(topology), question.unchosen)
    lacks = with_fall(
        ours,
        [lack_of(question, CLAIM, reason) for reason in missing.reasons],
        complete=missing.all,
    )
    return Finding(found.host, found.fall, (*others, *lacks), missing.all)


def host_of(topology: HostTopology) -> Host:
    """A host that has what a tree counts."""
    first = itertools.count(0, 1 << 12)
    return Host(
        topology.name,
        tuple(
            _cell(cell, topology.usage, next(first)) for cell in topology.cells
        ),
        tuple(_pools(topology)),
    )


def _cell(cell: CellTopology, usage: HostUsage, first: int) -> Cell:
    count = cell.dedicated_cpus + cell.shared_cpus
    threads = -(-count // cell.cores) if cell.cores else 1
    cpus = range(first, first + count)
    dedicated = cpus[: cell.dedicated_cpus]
    return Cell(
        cell.id,
        cell.memory_mib,
        usage.memory_mib.get(cell.id, 0),
        frozenset(cpus[cell.dedicated_cpus :]),
        usage.shared_cpus.get(cell.id, 0),
        frozenset(dedicated),
        frozenset(dedicated[: usage.dedicated_cpus.get(cell.id, 0)]),
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
            )
