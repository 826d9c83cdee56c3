"""What a host takes at most, by sums: a bound where options are too many."""

from collections.abc import Hashable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched.dryrun.placement_ledger import allocated_amounts
from nfv_sched.fit.request import KIB_PER_MIB
from nfv_sched.model import DeviceRequest
from nfv_sched.plan.options import OptionFinder
from nfv_sched.plan.projected_host import ProjectedHost
from nfv_sched.plan.projected_host import RequestClass


@dataclasses.dataclass(frozen=True, slots=True)
class HostLimits:
    """Bounds on the numbers of arrivals.

    ``alone`` is how many of each class fit by themselves. Each of ``sums`` is
    what one instance of each class takes, by number of the class, and what is
    free.
    """

    alone: tuple[int, ...]
    sums: tuple[tuple[Mapping[int, int], int], ...]


def limits_of(
    projected: ProjectedHost,
    classes: Sequence[RequestClass],
    finder: OptionFinder,
) -> HostLimits:
    """The limits of a host for the classes."""
    alone = tuple(
        len(finder.fill(projected, [number]).order)
        for number in range(len(classes))
    )
    free = dict(_free(projected))
    sums: dict[Hashable, dict[int, int]] = {}
    for number, asked in enumerate(classes):
        if not alone[number]:
            continue
        for key, amount in _needs(projected, asked):
            if key[0] == 'devices':
                free.setdefault(key, _matching(projected, asked, key[1]))
            sums.setdefault(key, {})[number] = amount
    return HostLimits(
        alone,
        tuple(
            (needs, free[key]) for key, needs in sums.items() if key in free
        ),
    )


_Key = tuple[str, Hashable]


def _needs(
    projected: ProjectedHost, asked: RequestClass
) -> Iterator[tuple[_Key, int]]:
    """What an instance takes at least, of whatever candidate."""
    amounts = [
        dict(allocated_amounts(candidate))
        for candidate in asked.candidates[projected.name]
    ]
    for key in frozenset.intersection(*map(frozenset, amounts)):
        yield ('placement', key), min(each[key] for each in amounts)
    guest = asked.fit_request.guest
    pinned = sum(len(cell.dedicated) for cell in guest.cells)
    pinned += guest.emulator_isolated
    if pinned:
        yield ('dedicated', None), pinned
    pages: dict[int, int] = {}
    for cell in guest.cells:
        size = cell.page_size or 0
        if size > 0:
            pages[size] = pages.get(size, 0) + (
                -(-cell.memory_mib * KIB_PER_MIB // size)
            )
    for size, count in pages.items():
        yield ('pages', size), count
    devices: dict[Hashable, int] = {}
    for request in guest.devices:
        specs = _specs(request)
        devices[specs] = devices.get(specs, 0) + request.count
    for wanted, count in devices.items():
        yield ('devices', wanted), count


def _specs(request: DeviceRequest) -> Hashable:
    return tuple(
        tuple(sorted(spec.items(), key=str)) for spec in request.specs
    )


def _free(projected: ProjectedHost) -> Iterator[tuple[_Key, int]]:
    host = projected.host
    for key, amount in projected.ledger.free().items():
        yield ('placement', key), amount
    yield (
        ('dedicated', None),
        sum(len(cell.free_dedicated) for cell in host.cells),
    )
    sizes = {pool.size_kib for cell in host.cells for pool in cell.pages}
    for size in sizes:
        yield (
            ('pages', size),
            sum(max(0, cell.free_pages(size)) for cell in host.cells),
        )


def _matching(
    projected: ProjectedHost, asked: RequestClass, specs: Hashable
) -> int:
    """The free devices that match what a request asks."""
    request = asked.fit_request
    [index, *_] = [
        number
        for number, each in enumerate(request.guest.devices)
        if _specs(each) == specs
    ]
    return sum(
        pool.count
        for pool in projected.host.pools
        if request.matches(pool).eligible >> index & 1
    )
