"""Shortages in words, for operators."""

from collections.abc import Mapping
from collections.abc import Sequence

from nfv_sched.fit.cell import Shortage
from nfv_sched.model import DeviceRequest
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
    if (
        shortage.resource is Resource.PAGES
        and shortage.available >= shortage.asked
    ):
        text = (
            f'cell {cell}: the memory of guest cell {guest_cell} is not a '
            f'multiple of {size_name(shortage.size_kib)}'
        )
    else:
        text = (
            f'cell {cell} has {shortage.available} of {shortage.asked} {what} '
            f'for guest cell {guest_cell}'
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
        text = f'the host has {available} of {asked} NUMA cells'
    return Reason(Resource.CELLS, text, asked=asked, available=available)


def of_contest(starved: int, contested: tuple[int, ...]) -> Reason:
    """Guest cells that each fit somewhere, but not all at once."""
    cells = ', '.join(map(str, contested))
    return Reason(
        Resource.COMBINATION,
        f'{starved} guest cells fit only cell{"s" * (len(contested) > 1)} '
        f'{cells}',
        asked=starved,
        available=len(contested),
    )


def of_devices(request: DeviceRequest, available: int, where: str) -> Reason:
    """A device request that is not met."""
    wanted = ' or '.join(
        ' '.join(f'{key}={value}' for key, value in sorted(spec.items()))
        for spec in request.specs
    )
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
        'together near any choice of cells',
        asked=sum(request.count for request in requests),
    )


def spread(per_cell: Mapping[int | None, int]) -> str:
    """Where devices are, in words."""
    return (
        ', '.join(
            f'{count} on no cell'
            if node is None
            else f'{count} on cell {node}'
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
