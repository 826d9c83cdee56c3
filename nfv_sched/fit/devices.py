"""Devices of a host's pools for a guest's requests.

Agrees with nova.pci.stats ``PciDeviceStats``: requests are applied one after
another, each greedily from the first pools that it may use. What the
scheduler's copy of those statistics cannot see, this does: a physical
function and its virtual functions exclude each other. Statistics do not say
so, but pools of one PCI address belong to one card.
"""

import collections
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence

from nfv_sched.fit.pools import PoolState
from nfv_sched.fit.request import FitRequest
from nfv_sched.model import Cell
from nfv_sched.model import DeviceClaim
from nfv_sched.model import DeviceRequest
from nfv_sched.model import Host

#: What an allocation candidate gives to each request. To a request by alias:
#: the providers to take its devices from, one per device. To a port with
#: guaranteed bandwidth: the interface whose VFs it takes. Empty where any pool
#: will do.
Providers = Sequence[tuple[str, ...]]


class Devices:
    """The requests of one guest against the pools of one host.

    Answers for sets of host cells are remembered, since a claim asks for
    the same sets again and again.
    """

    __slots__ = (
        '_counted',
        '_matches',
        '_spread',
        'cells',
        'pools',
        'providers',
        'requests',
    )

    def __init__(
        self, fit_request: FitRequest, host: Host, providers: Providers
    ) -> None:
        self.pools = host.pools
        self.cells = host.cells
        self.providers = providers
        chosen = False
        if providers is not fit_request.no_providers:
            fit_request, self.providers = _resolve(fit_request, providers)
            chosen = any(self.providers)
        self.requests = fit_request.guest.devices
        self._matches = list(map(fit_request.matches, host.pools))
        self._counted: dict[frozenset[int] | None, int | None] = {}
        self._spread = None if chosen else self._count_by_node()

    def _count_by_node(self) -> list['_DeviceSpread'] | None:
        """Free devices per request, None where numbers do not decide.

        Requests may share pools, and a request for no devices (``alias:0``)
        needs a pool all the same.
        """
        if not all(request.count for request in self.requests):
            return None
        spread = [_DeviceSpread(request) for request in self.requests]
        for pool, match in zip(self.pools, self._matches, strict=True):
            request = match.only
            if request is not None:
                spread[request].add(
                    pool.numa_node, pool.count, usable=match.usable
                )
            elif match.eligible:
                return None
        return spread

    def matching(self, request: int) -> list[int]:
        """The pools, by index, whose devices a request could take at all."""
        return [
            p
            for p, match in enumerate(self._matches)
            if match.usable >> request & 1
        ]

    def relevant_cells(self) -> frozenset[int]:
        """The ids of cells that make a difference to the requests."""
        nodes = {
            pool.numa_node
            for pool, match in zip(self.pools, self._matches, strict=True)
            if match.eligible
        }
        if any(request.policy == 'socket' for request in self.requests):
            sockets = {c.socket for c in self.cells if c.id in nodes}
            nodes.update(c.id for c in self.cells if c.socket in sockets)
        return frozenset(c.id for c in self.cells if c.id in nodes)

    def signature(self, cell: Cell) -> object:
        """What of a cell makes a difference to the requests.

        Cells of one signature can stand in for each other: where no two
        requests match one pool and Placement has chosen none, only the
        numbers of devices count, and no more of them than are asked.
        """
        if self._spread is None:
            return cell.id
        socket = any(request.policy == 'socket' for request in self.requests)
        return (
            cell.socket if socket else None,
            *(spread.at(cell.id) for spread in self._spread),
        )

    def enough(self, cells: Collection[int] | None) -> bool:
        """Whether counts allow the requests: PciDeviceStats.support_requests.

        :param cells: ids of the host cells chosen for the guest, None for a
            guest without NUMA topology
        """
        return self.first_refused(cells) is None

    def first_refused(self, cells: Collection[int] | None) -> int | None:
        """The request that counts refuse, given those before it."""
        key = None if cells is None else frozenset(cells)
        if key not in self._counted:
            self._counted[key] = self._count(key)
        return self._counted[key]

    @property
    def exclusive(self) -> bool:
        """Whether the requests may take devices that exclude each other."""
        kinds = {match.physical for match in self._matches if match.usable}
        return len(kinds) > 1

    def claims(self, cells: Collection[int] | None) -> bool:
        """Whether the claim gets its devices, where there are enough.

        Only devices that exclude each other make a difference.
        """
        return not self.exclusive or self.claim(cells) is not None

    def claim(
        self, cells: Collection[int] | None
    ) -> tuple[DeviceClaim, ...] | None:
        """What the claim takes, None where it fails.

        As PciDeviceStats.consume_requests, with the functions of one card.
        """
        near = None if cells is None else frozenset(cells)
        state = PoolState(self.pools)
        placements: list[DeviceClaim] = []
        for i, request in enumerate(self.requests):
            uuids = self.providers[i]
            pools = self._allowed(i, near, state)
            if pools is None:
                return None
            if uuids and not self._one_pool_each(pools):
                return None
            per_provider = collections.Counter(uuids)
            left = request.count
            for pool in pools:
                if uuids:
                    taken = per_provider.pop(self.pools[pool].rp_uuid or '', 0)
                else:
                    taken = min(left, state.counts[pool])
                    left -= taken
                if taken and not state.allocate(pool, taken):
                    return None
                if taken:
                    placements.append(DeviceClaim(i, pool, taken))
        return tuple(placements)

    def _count(self, near: frozenset[int] | None) -> int | None:
        """The first request that fails by counts, None if none does."""
        if self._spread is not None:
            for i, spread in enumerate(self._spread):
                if not self._suffices(spread, near):
                    return i
            return None
        state = PoolState(self.pools)
        for i, request in enumerate(self.requests):
            pools = self._allowed(i, near, state)
            if pools is None:
                return i
            uuids = self.providers[i]
            if uuids:
                if not self._one_pool_each(state.present):
                    return i
                per_provider = collections.Counter(uuids)
                for pool in pools:
                    state.counts[pool] -= per_provider.pop(
                        self.pools[pool].rp_uuid or '', 0
                    )
                    if state.counts[pool] == 0:
                        state.present.remove(pool)
            else:
                left = request.count
                for pool in pools:
                    left = state.decrease(pool, left)
                    if not left:
                        break
        return None

    def _suffices(
        self, spread: '_DeviceSpread', near: frozenset[int] | None
    ) -> bool:
        """What :meth:`_allowed` finds, where requests share no pools."""
        wanted = spread.wanted
        if spread.total < wanted:
            return False
        if not near:
            return not spread.barred or (
                spread.total - sum(spread.barred.values()) >= wanted
            )
        nodes: Collection[int | None] = near
        if _on(nodes, spread.eligible) < wanted:
            if spread.policy == 'required':
                return False
            if spread.policy == 'socket':
                nodes = self._same_sockets(near)
            else:
                nodes = near | {None}
                if (
                    spread.policy == 'preferred'
                    and _on(nodes, spread.eligible) < wanted
                ):
                    nodes = spread.eligible.keys()
            if _on(nodes, spread.eligible) < wanted:
                return False
        return not spread.barred or (
            _on(nodes, spread.eligible) - _on(nodes, spread.barred) >= wanted
        )

    def _allowed(
        self, index: int, near: frozenset[int] | None, state: 'PoolState'
    ) -> list[int] | None:
        """The pools for a request in Nova's order, None if too few devices.

        The steps and their order are those of PciDeviceStats._filter_pools.
        """
        request = self.requests[index]
        counts = state.counts
        pools = [
            p for p in state.present if self._matches[p].eligible >> index & 1
        ]
        if sum(counts[pool] for pool in pools) < request.count:
            return None
        if near:
            pools = self._near(pools, request, near, counts)
            if sum(counts[pool] for pool in pools) < request.count:
                return None
        pools = [p for p in pools if self._matches[p].usable >> index & 1]
        if self.providers[index]:
            wanted = collections.Counter(self.providers[index])
            pools = [
                p
                for p in pools
                if (uuid := self.pools[p].rp_uuid) in wanted
                and counts[p] >= wanted[uuid or '']
            ]
        if not pools or sum(counts[pool] for pool in pools) < request.count:
            return None
        return pools

    def _near(
        self,
        pools: list[int],
        request: DeviceRequest,
        near: frozenset[int],
        counts: Sequence[int],
    ) -> list[int]:
        """PciDeviceStats._filter_pools_for_numa_cells."""

        def at(nodes: Collection[int | None]) -> list[int]:
            return [p for p in pools if self.pools[p].numa_node in nodes]

        def suffice(some: list[int]) -> bool:
            return sum(counts[pool] for pool in some) >= request.count

        strict = at(near)
        if request.policy == 'required' or suffice(strict):
            return strict
        if request.policy == 'socket':
            return at(self._same_sockets(near))
        or_nowhere = near | {None}
        legacy = at(or_nowhere)
        if request.policy == 'legacy' or suffice(legacy):
            return legacy
        return sorted(
            pools, key=lambda p: self.pools[p].numa_node not in or_nowhere
        )

    def _same_sockets(self, near: frozenset[int]) -> frozenset[int]:
        """The cells in the sockets of ``near``; none unless all are known."""
        if any(cell.socket is None for cell in self.cells):
            return frozenset()
        sockets = {cell.socket for cell in self.cells if cell.id in near}
        return frozenset(c.id for c in self.cells if c.socket in sockets)

    def _one_pool_each(self, pools: Sequence[int]) -> bool:
        """Whether no provider is split over several pools."""
        uuids = [self.pools[p].rp_uuid for p in pools if self.pools[p].rp_uuid]
        return len(uuids) == len(set(uuids))


def _resolve(
    fit_request: FitRequest, chosen: Providers
) -> tuple[FitRequest, Providers]:
    """The request with the interfaces of its ports, and the providers."""
    requests = fit_request.guest.devices
    interfaces = tuple(
        names[0] if request.from_port and names else None
        for request, names in zip(requests, chosen, strict=True)
    )
    providers = tuple(
        () if request.from_port else uuids
        for request, uuids in zip(requests, chosen, strict=True)
    )
    return fit_request.on_interfaces(interfaces), providers


class _DeviceSpread:
    """Free devices for one request by NUMA node.

    ``eligible`` ones match, ``total`` of them on the host; ``barred`` are
    those among them that may not be taken all the same.
    """

    __slots__ = ('barred', 'eligible', 'policy', 'total', 'wanted')

    def __init__(self, request: DeviceRequest) -> None:
        self.wanted = request.count
        self.policy = request.policy
        self.total = 0
        self.eligible: dict[int | None, int] = {}
        self.barred: dict[int | None, int] = {}

    def add(self, node: int | None, count: int, *, usable: int) -> None:
        """Count a pool's devices."""
        self.total += count
        self.eligible[node] = self.eligible.get(node, 0) + count
        if not usable:
            self.barred[node] = self.barred.get(node, 0) + count

    def at(self, node: int) -> tuple[int, int]:
        """Devices that match and that may be taken; no more than asked."""
        eligible = self.eligible.get(node, 0)
        usable = eligible - self.barred.get(node, 0)
        return min(eligible, self.wanted), min(usable, self.wanted)


def _on(
    nodes: Collection[int | None], counts: Mapping[int | None, int]
) -> int:
    """Devices on some nodes."""
    found = 0
    for node in nodes:
        if node in counts:
            found += counts[node]
    return found
