"""Shortages in words, for operators."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence

from nfv_sched.fit import assignment
from nfv_sched.fit import different_nodes
from nfv_sched.fit import network
from nfv_sched.fit.cell import Shortage
from nfv_sched.fit.devices import Devices
from nfv_sched.model import Cell
from nfv_sched.model import DeviceRequest
from nfv_sched.model import Guest
from nfv_sched.model import Host
from nfv_sched.model import Reason
from nfv_sched.model import Resource

_WORDS = {
    Resource.DEDICATED_CPUS: 'free dedicated CPUs',
    Resource.SHARED_CPUS: 'shared CPUs to give',
    Resource.SIBLINGS: 'free dedicated CPUs that keep the thread policy',
    Resource.MEMORY: 'MiB of memory',
}


def of_shortage(shortage: Shortage, cell: int, guest_cell: int) -> Reason:
    """One pair of cells that does not fit."""
    if shortage.resource is Resource.PAGES:
        what = (
            f'free pages of {size_name(shortage.size_kib)}'
            if shortage.size_kib and shortage.size_kib > 0
            else 'huge pages'
        )
    else:
        what = _WORDS[shortage.resource]
        if shortage.resource is Resource.MEMORY and shortage.size_kib:
            # Huge pages may be free: Nova does not take them unasked.
            what += (
                f' in small pages ({size_name(shortage.size_kib)}, since no '
                'page size is requested)'
            )
    if (
        shortage.resource is Resource.PAGES
        and shortage.available >= shortage.asked
    ):
        text = (
            f'NUMA node {cell}: the memory of guest NUMA node {guest_cell} is '
            f'not a multiple of {size_name(shortage.size_kib)}'
        )
    else:
        # Less than none where a pool shrank below what is used.
        free = max(0, shortage.available)
        text = (
            f'NUMA node {cell} has {free} of {shortage.asked} '
            f'{what} for guest NUMA node {guest_cell}'
        )
    return Reason(
        shortage.resource,
        text,
        cell=cell,
        guest_cell=guest_cell,
        asked=shortage.asked,
        available=shortage.available,
    )


def of_cells(asked: int, available: int) -> Reason:
    """A guest with more cells than the host."""
    if not available:
        text = 'the host reports no NUMA topology'
    else:
        text = f'the host has {available} of {asked} NUMA nodes'
    return Reason(Resource.CELLS, text, asked=asked, available=available)


def of_contest(starved: int, contested: tuple[int, ...]) -> Reason:
    """Guest cells that each fit somewhere, but not all at once."""
    cells = ', '.join(map(str, contested))
    return Reason(
        Resource.COMBINATION,
        f'{starved} guest NUMA nodes fit only NUMA '
        f'node{"s" * (len(contested) > 1)} {cells}',
        asked=starved,
        available=len(contested),
    )


def of_devices(request: DeviceRequest, available: int, where: str) -> Reason:
    """A device request that is not met."""
    wanted = ' or '.join(
        ' '.join(f'{key}={value}' for key, value in sorted(spec.items()))
        for spec in request.specs
    )
    if not request.count:
        # Nova wants a pool even for ``alias:0``.
        text = f'no usable pool of devices ({wanted})'
        return Reason(Resource.DEVICES, text, asked=1, available=0)
    return Reason(
        Resource.DEVICES,
        f'{available} of {request.count} devices ({wanted}) {where}',
        asked=request.count,
        available=available,
    )


def of_contested_devices(requests: Sequence[DeviceRequest]) -> Reason:
    """Device requests that are met one by one, but not together."""
    return Reason(
        Resource.DEVICES,
        f'the {len(requests)} device requests are met one by one, but not '
        'together near any choice of NUMA nodes',
        asked=sum(request.count for request in requests),
    )


def of_roots(roots: Collection[str]) -> tuple[Reason, ...]:
    """Devices below several PCIe roots, where one is required."""
    text = (
        f'the claim would take devices below {len(roots)} PCIe roots, '
        f'{", ".join(sorted(roots))} (nfv:pcie=same:required)'
    )
    return (Reason(Resource.PCIE_ROOT, text),)


def spread(per_cell: Mapping[int | None, int]) -> str:
    """Where devices are, in words."""
    return (
        ', '.join(
            f'{count} on no NUMA node'
            if node is None
            else f'{count} on NUMA node {node}'
            for node, count in sorted(
                per_cell.items(), key=lambda item: (item[0] is None, item[0])
            )
            if count
        )
        or 'none'
    )


def size_name(size_kib: int | None) -> str:
    """A page size as people write it: 4 KiB, 2 MiB, 1 GiB."""
    size = size_kib or 0
    for unit in ('KiB', 'MiB'):
        if size % 1024:
            return f'{size} {unit}'
        size //= 1024
    return f'{size} GiB'


#: What a guest cell, by index, lacks on a host cell.
PairTest = Callable[[int, Cell], Shortage | None]


class Refusal:
    """The guest does not fit; the reasons are computed on demand."""

    __slots__ = ('_why',)

    def __init__(self, why: Callable[[], tuple[Reason, ...]]) -> None:
        self._why = why

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """What is short, where, how much was asked and is there."""
        return self._why()


def of_no_cells(
    guest: Guest, host: Host, fits: Sequence[int], test: PairTest
) -> tuple[Reason, ...]:
    """As of_unmatched_cells, where ``test`` is of CPUs and memory together."""
    found = of_unmatched_cells(guest, host, fits, test)
    apart = (
        different_nodes.reason(guest, host, None)
        if len(host.cells) >= len(guest.cells)
        else None
    )
    if apart is None:
        return found
    return (
        apart,
        *(each for each in found if each.resource is not Resource.COMBINATION),
    )


def of_unmatched_cells(
    guest: Guest, host: Host, fits: Sequence[int], test: PairTest
) -> tuple[Reason, ...]:
    """Why no assignment has only pairs that pass ``test``.

    :param fits: per guest cell a bit mask of the host cells that pass
    """
    cells, wanted = host.cells, len(guest.cells)
    if len(cells) < wanted:
        return (of_cells(wanted, len(cells)),)
    matching = assignment.match(fits)
    found = [
        of_shortage(shortage, cell.id, index)
        for index in sorted(matching.starved)
        for i, cell in enumerate(cells)
        if i not in matching.contested
        and (shortage := test(index, cell)) is not None
    ]
    if matching.contested:
        contested = tuple(cells[i].id for i in sorted(matching.contested))
        found.insert(0, of_contest(len(matching.starved), contested))
    return tuple(found)


def of_request(host: Host, devices: Devices, index: int) -> tuple[Reason, ...]:
    """Why device request number ``index`` is not met on any cells."""
    request = devices.requests[index]
    there = sum(host.pools[pool].count for pool in devices.matching(index))
    where = 'free'
    if request.count and there >= request.count:
        # Enough of them, but earlier requests or Placement's choice of
        # providers leave too few.
        where = 'left by the other requests or by Placement'
        there = request.count - 1
    return (of_devices(request, there, where),)


def of_locality(
    guest: Guest, host: Host, devices: Devices
) -> tuple[Reason, ...]:
    """Why device requests are not met together near any choice of cells."""
    return tuple(_far_devices(guest, host, devices, host.cells)) or (
        of_contested_devices(guest.devices),
    )


def of_combination(
    guest: Guest, host: Host, fits: Sequence[int], devices: Devices | None
) -> tuple[Reason, ...]:
    """Why resources that would each do are not on the same cells."""
    usable = [
        cell
        for i, cell in enumerate(host.cells)
        if any(mask >> i & 1 for mask in fits)
    ]
    ids = [cell.id for cell in usable]
    where = 'NUMA node' + 's' * (len(ids) > 1)
    where += ' ' + ', '.join(map(str, ids))
    return (
        different_nodes.reason(guest, host, devices)
        or Reason(
            Resource.COMBINATION,
            f'CPUs and memory fit {where} only, where the devices or '
            'networks are not near enough',
            asked=len(guest.cells),
            available=len(ids),
        ),
        *(_far_devices(guest, host, devices, usable) if devices else ()),
        *(
            Reason(Resource.NETWORK, f'network {name} is not near {where}')
            for name in sorted(network.far(guest, host, ids))
        ),
    )


def of_claim(failure: str) -> tuple[Reason, ...]:
    """What goes wrong in a claim that ought to succeed."""
    text = f"nova-compute's claim would fail: {failure}"
    return (Reason(Resource.CLAIM, text),)


def _far_devices(
    guest: Guest, host: Host, devices: Devices, cells: Sequence[Cell]
) -> Iterator[Reason]:
    """Requests whose devices are too few near any choice of ``cells``."""
    for index, request in enumerate(devices.requests):
        per_cell: dict[int | None, int] = {}
        for number in devices.matching(index):
            pool = host.pools[number]
            per_cell[pool.numa_node] = (
                per_cell.get(pool.numa_node, 0) + pool.count
            )
        near = sorted(per_cell.get(cell.id, 0) for cell in cells)
        best = sum(near[-len(guest.cells) :])
        if request.policy in ('legacy', 'preferred'):
            best += per_cell.get(None, 0)
        if request.policy != 'preferred' and best < request.count:
            yield of_devices(
                request,
                best,
                f'near the NUMA nodes that fit ({request.policy}; there are '
                f'{spread(per_cell)})',
            )
