"""What a host lacks for a guest, and how near the guest is to fitting.

A shortfall is found by adding it to the host and evaluating again: only that
proves that everything else fits.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses

from nfv_sched.fit.cell import page_shortage
from nfv_sched.fit.devices import Devices
from nfv_sched.fit.devices import Providers
from nfv_sched.fit.evaluate import Evaluation
from nfv_sched.fit.request import FitRequest
from nfv_sched.fit.request import KIB_PER_MIB
from nfv_sched.model import Cell
from nfv_sched.model import Host
from nfv_sched.model import PagePool
from nfv_sched.model import Reason
from nfv_sched.model import Resource

#: Numbers of added CPUs, which no real host has.
_ADDED_CPU = 1 << 20


_NAMES = {
    Resource.DEDICATED_CPUS: 'dedicated CPUs',
    Resource.SHARED_CPUS: 'shared CPUs',
    Resource.PCIE_ROOT: 'PCIe root',
    Resource.DIFFERENT_NODES: 'different NUMA nodes',
}


def resource_name(resource: Resource) -> str:
    """A resource as operators read it: ``dedicated CPUs``."""
    return _NAMES.get(resource, resource.value.replace('_', ' '))


def closeness(asked: float | None, available: float | None) -> float:
    """How much of what was asked was there, from 0 to 1."""
    if not asked or available is None:
        return 0.0
    return min(1.0, max(0.0, available / asked))


def closest_reason(reasons: Iterable[Reason]) -> Reason | None:
    """The reason nearest to being met, None without any.

    That what is free is on different NUMA nodes comes first: nothing else is
    short by itself.
    """
    return max(
        reasons,
        key=lambda one: (
            one.resource is Resource.DIFFERENT_NODES,
            closeness(one.asked, one.available),
        ),
        default=None,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Gap:
    """What a host lacks for a guest, and whether that is ``all``."""

    reasons: tuple[Reason, ...]
    all: bool

    @property
    def rank(self) -> tuple[object, ...]:
        """Less for what is nearer to fitting."""
        return (
            not self.all,
            len(self.reasons),
            -min(
                (closeness(r.asked, r.available) for r in self.reasons),
                default=1.0,
            ),
        )


def shortfall(
    fit_request: FitRequest, host: Host, providers: Providers
) -> Gap:
    """The least that the host lacks, found by adding one thing at a time.

    Nothing of it can be left out. A guest of one cell is tried on each host
    cell alone, which finds the nearest; with several cells another choice of
    cells may lack less.
    """
    tries = [_shortfall(fit_request, host, providers)]
    if len(fit_request.guest.cells) == 1 and len(host.cells) > 1:
        tries += [
            _shortfall_on_cell(fit_request, host, cell, providers)
            for cell in host.cells
        ]
    return min(tries, key=lambda gap: gap.rank)


def _shortfall_on_cell(
    fit_request: FitRequest, host: Host, cell: Cell, providers: Providers
) -> Gap:
    alone = host.evolve(cells=(cell,))
    gap = _shortfall(fit_request, alone, providers)
    # Nova requires a network on the cells of the host that have it: none is
    # required of a cell that is tried alone without it.
    better = relax(fit_request, host, gap.reasons, providers)
    if gap.all and _reasons(fit_request, better, providers):
        return Gap(gap.reasons, False)
    return gap


def _shortfall(
    fit_request: FitRequest, host: Host, providers: Providers
) -> Gap:
    found: list[Reason] = []
    reasons = _reasons(fit_request, host, providers)
    now = host
    for _ in range(4 + 4 * len(fit_request.guest.cells)):
        if not reasons:
            return Gap(_needed(fit_request, host, found, providers), True)
        order = sorted(
            reasons, key=lambda one: -closeness(one.asked, one.available)
        )
        step = _step(fit_request, now, order, providers)
        if step is None:
            return Gap((*found, *order[:1]), False)
        reason, now, reasons = step
        found.append(reason)
    return Gap(tuple(found), False)


def _reasons(
    fit_request: FitRequest, host: Host, providers: Providers
) -> tuple[Reason, ...]:
    return Evaluation(fit_request, host).verdict(providers).reasons


def _step(
    fit_request: FitRequest,
    host: Host,
    order: Sequence[Reason],
    providers: Providers,
) -> tuple[Reason, Host, tuple[Reason, ...]] | None:
    """The first reason that can be relaxed, and the host after that."""
    for reason in order:
        for better in _relaxed(fit_request, host, reason, providers):
            left = _reasons(fit_request, better, providers)
            if reason not in left:
                return reason, better, left
    return None


def _needed(
    fit_request: FitRequest,
    host: Host,
    reasons: list[Reason],
    providers: Providers,
) -> tuple[Reason, ...]:
    """The reasons without those that relaxing the others removes."""
    needed = list(reasons)
    for reason in reasons:
        others = [other for other in needed if other is not reason]
        better = relax(fit_request, host, others, providers)
        if not _reasons(fit_request, better, providers):
            needed = others
    return tuple(needed)


def relax(
    fit_request: FitRequest,
    host: Host,
    reasons: Iterable[Reason],
    providers: Providers,
) -> Host:
    """The host with what reasons say it lacks, as far as that can be added.

    Devices last: which pool they are added to depends on what fits then.
    """
    for reason in sorted(
        reasons, key=lambda reason: reason.resource is Resource.DEVICES
    ):
        host = next(_relaxed(fit_request, host, reason, providers), host)
    return host


def _relaxed(
    fit_request: FitRequest, host: Host, reason: Reason, providers: Providers
) -> Iterator[Host]:
    """The host with what a reason says it lacks, in each possible way."""
    lacking = (reason.asked or 0) - (reason.available or 0)
    if lacking <= 0:
        return
    if reason.resource is Resource.DEVICES:
        yield from _with_devices(fit_request, host, lacking, providers)
        return
    for index, cell in enumerate(host.cells):
        if cell.id != reason.cell:
            continue
        more = _cell_with(fit_request, host, cell, reason, lacking)
        if more is not None:
            yield host.evolve(
                cells=(*host.cells[:index], more, *host.cells[index + 1 :]),
            )


def _with_devices(
    fit_request: FitRequest, host: Host, lacking: int, providers: Providers
) -> Iterator[Host]:
    """The host with more devices in one pool, first where that suffices."""
    devices = Devices(fit_request, host, providers)
    pools = {
        pool
        for request in range(len(fit_request.guest.devices))
        for pool in devices.matching(request)
    }
    ways = [
        host.evolve(
            pools=tuple(
                pool.evolve(count=pool.count + lacking)
                if number == place
                else pool
                for number, pool in enumerate(host.pools)
            ),
        )
        for place in sorted(pools)
    ]
    fitting = (
        way
        for way in ways
        if Evaluation(fit_request, way).refusal(providers) is None
    )
    first = next(fitting, None)
    if first is not None:
        yield first
    yield from ways


def _cell_with(
    fit_request: FitRequest,
    host: Host,
    cell: Cell,
    reason: Reason,
    lacking: int,
) -> Cell | None:
    """A cell with more of what it lacks; None for what cannot be added."""
    guest = fit_request.guest.cells[reason.guest_cell or 0]
    more: Cell | None = None
    match reason.resource:
        case Resource.PAGES if guest.page_size:
            size = page_shortage(cell, guest, guest.page_size).size_kib or 0
            if size > 0:
                pages = _more_pages(cell, size, lacking)
                more = cell.evolve(pages=pages)
        case Resource.MEMORY:
            more = _with_memory(cell, host, lacking)
        case Resource.DEDICATED_CPUS:
            more = _with_cores(cell, lacking, threads=1)
        case Resource.SIBLINGS:
            threads = cell.threads_per_core
            alone = guest.thread_policy == 'isolate'
            cores = lacking if alone else -(-lacking // threads)
            more = _with_cores(cell, cores, threads=threads)
        case Resource.SHARED_CPUS:
            first = _ADDED_CPU + len(cell.shared_cpus)
            cpus = frozenset(range(first, first + lacking))
            more = cell.evolve(shared_cpus=cell.shared_cpus | cpus)
    return more


def _more_pages(cell: Cell, size: int, more: int) -> Sequence[PagePool]:
    pools = [
        pool.evolve(total=pool.total + more) if pool.size_kib == size else pool
        for pool in cell.pages
    ]
    if all(pool.size_kib != size for pool in cell.pages):
        pools.append(PagePool(size, more))
    return tuple(pools)


def _with_memory(cell: Cell, host: Host, lacking: int) -> Cell:
    pages = cell.pages
    if pages:
        size = min(pool.size_kib for pool in pages)
        pages = _more_pages(cell, size, -(-lacking * KIB_PER_MIB // size))
    more = -(-lacking // min(1.0, host.ram_allocation_ratio))
    return cell.evolve(memory_mib=cell.memory_mib + int(more), pages=pages)


def _with_cores(cell: Cell, cores: int, *, threads: int) -> Cell:
    first = _ADDED_CPU + (len(cell.dedicated_cpus) << 4) + (cell.id << 10)
    new = [
        frozenset(range(start, start + threads))
        for start in range(first, first + cores * threads, threads)
    ]
    return cell.evolve(
        dedicated_cpus=cell.dedicated_cpus.__or__(frozenset().union(*new)),
        siblings=(*cell.siblings, *new),
    )
