"""Whether what an instance asks is free, but on different NUMA nodes.

Each condition by itself can be met on some choice of NUMA nodes, all of them
together on none: nothing is short, only where it is keeps the instance away.
"""

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import functools
import itertools

from nfv_sched.fit import assignment
from nfv_sched.fit import cores
from nfv_sched.fit import network
from nfv_sched.fit.cell import cpus_fit
from nfv_sched.fit.cell import memory_fits
from nfv_sched.fit.cell import Ratios
from nfv_sched.fit.devices import Devices
from nfv_sched.model import Cell
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import Reason
from nfv_sched.model import Resource

_DEVICE_NAMES = {'type-VF': 'VFs', 'type-PF': 'PFs'}


@dataclasses.dataclass(frozen=True, slots=True)
class _Condition:
    """One condition on the choice of NUMA nodes.

    ``masks`` say per guest cell which host cells meet it, by index; None where
    it is about the choice as a whole, as ``devices`` or the networks of
    ``guest`` are. ``nodes`` are the ids of host cells that contribute to it,
    and without masks those that contribute to some part of it.
    """

    name: str
    nodes: tuple[int, ...]
    masks: tuple[int, ...] | None
    guest: Guest
    devices: Devices | None = None


def reason(guest: Guest, host: Host, devices: Devices | None) -> Reason | None:
    """The NUMA nodes as the reason; None if something is short by itself.

    With the fewest conditions that cannot be met together.

    :param guest: does not fit the host
    """
    conditions = []
    for condition in _conditions(guest, host, devices):
        if _possible(guest, host, [condition]) is not True:
            return None
        conditions.append(condition)
    for count in range(2, len(conditions) + 1):
        for chosen in itertools.combinations(conditions, count):
            if _possible(guest, host, chosen) is False:
                return _reason(guest, host, chosen)
    return None


def _reason(
    guest: Guest, host: Host, conditions: Sequence[_Condition]
) -> Reason:
    names = [condition.name for condition in conditions]
    places = '; '.join(
        f'{condition.name} on '
        f'{", ".join(map(str, _nodes(guest, host, condition)))}'
        for condition in conditions
    )
    return Reason(
        Resource.DIFFERENT_NODES,
        f'{", ".join(names[:-1])} and {names[-1]} are free, but on different '
        f'NUMA nodes ({places})',
    )


def _nodes(guest: Guest, host: Host, condition: _Condition) -> Sequence[int]:
    """The nodes of a condition that are in a choice which meets all of it.

    Of devices that are requested one by one, each may be on other nodes.
    """
    if condition.masks is not None:
        return condition.nodes
    every = _all_masks(guest, host)
    return [
        cell.id
        for number, cell in enumerate(host.cells)
        if cell.id in condition.nodes
        and any(
            _possible(
                guest,
                host,
                [condition],
                (*every[:index], 1 << number, *every[index + 1 :]),
            )
            is not False
            for index in range(len(guest.cells))
        )
    ]


def _all_masks(guest: Guest, host: Host) -> Sequence[int]:
    return ((1 << len(host.cells)) - 1,) * len(guest.cells)


def _possible(
    guest: Guest,
    host: Host,
    conditions: Sequence[_Condition],
    among: Sequence[int] | None = None,
) -> bool | None:
    """Whether some choice of NUMA nodes meets conditions together.

    :param among: per guest cell the host cells to choose from, by index; all
        if None
    """
    masks = among or _all_masks(guest, host)
    devices = None
    physnets: frozenset[str] = frozenset()
    tunneled = False
    for condition in conditions:
        if condition.masks is not None:
            masks = [
                mask & own
                for mask, own in zip(masks, condition.masks, strict=True)
            ]
        devices = devices or condition.devices
        physnets |= condition.guest.physnets
        tunneled = tunneled or condition.guest.tunneled
    asked = Guest(cells=guest.cells, physnets=physnets, tunneled=tunneled)
    return assignment.possible(asked, host, masks, devices)


def _conditions(
    guest: Guest, host: Host, devices: Devices | None
) -> Iterator[_Condition]:
    alone = Guest(cells=guest.cells)
    ratios = Ratios(host.cpu_allocation_ratio, host.ram_allocation_ratio)
    yield _of_pairs(
        'CPUs',
        alone,
        host,
        _masks(guest, host, functools.partial(_cpus_fit, ratios=ratios)),
    )
    paged = all(cell.page_size for cell in guest.cells)
    yield _of_pairs(
        'pages' if paged else 'memory',
        alone,
        host,
        _masks(
            guest,
            host,
            lambda host_cell, cell, _: memory_fits(host_cell, cell, ratios),
        ),
    )
    if devices and guest.devices:
        pools = [
            host.pools[pool]
            for index in range(len(guest.devices))
            for pool in devices.matching(index)
            if host.pools[pool].count
        ]
        kinds = {pool.dev_type for pool in pools}
        name = _DEVICE_NAMES.get(kinds.pop() or '') if len(kinds) == 1 else ''
        nodes = {pool.numa_node for pool in pools}
        yield _Condition(
            name or 'devices',
            tuple(cell.id for cell in host.cells if cell.id in nodes),
            None,
            alone,
            devices,
        )
    if declaring := network.declaring_cells(guest, host):
        yield _Condition(
            'networks',
            tuple(sorted(declaring)),
            None,
            dataclasses.replace(
                alone, physnets=guest.physnets, tunneled=guest.tunneled
            ),
        )


def _of_pairs(
    name: str, guest: Guest, host: Host, masks: tuple[int, ...]
) -> _Condition:
    nodes = tuple(
        cell.id
        for number, cell in enumerate(host.cells)
        if any(mask >> number & 1 for mask in masks)
    )
    return _Condition(name, nodes, masks, guest)


def _masks(
    guest: Guest, host: Host, fits: Callable[[Cell, GuestCell, int], bool]
) -> tuple[int, ...]:
    """Per guest cell the host cells that fit it.

    :param fits: by host cell, guest cell and its emulator's CPUs; the same
        for guest cells of one shape
    """
    known: dict[Hashable, int] = {}
    masks = []
    for index, cell in enumerate(guest.cells):
        emulator = int(guest.emulator_isolated and not index)
        key = cell.shape, emulator
        if key not in known:
            known[key] = sum(
                1 << number
                for number, host_cell in enumerate(host.cells)
                if fits(host_cell, cell, emulator)
            )
        masks.append(known[key])
    return tuple(masks)


def _cpus_fit(
    host: Cell, guest: GuestCell, emulator: int, *, ratios: Ratios
) -> bool:
    try:
        return cpus_fit(host, guest, emulator, ratios)
    except cores.ClaimError:
        return False
