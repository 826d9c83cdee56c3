"""A guest, with everything that does not depend on the host."""

from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import NamedTuple

from nfv_sched.model import DevicePool
from nfv_sched.model import Guest

KIB_PER_MIB = 1024

PF = 'type-PF'
VF = 'type-VF'
VDPA = 'vdpa'

# Keys of a request's spec that choose among allocation candidates, which
# Placement has already done.
_IGNORED = frozenset(('resource_class', 'traits', 'rp_uuids'))
# Of a pool of VFs, and of a request: the name of the PF's network interface.
_INTERFACE = 'parent_ifname'
_SPECIAL = ('dev_type', 'remote_managed', 'live_migratable')
_TRUE = frozenset(('1', 't', 'true', 'on', 'y', 'yes'))

Value = str | int | None
Spec = Mapping[str, str | None]


class FitRequest:
    """A guest and what follows from it alone, for all hosts.

    ``pack`` is ``[compute] packing_host_numa_cells_allocation_strategy``.

    Pools of one kind are matched once, however many hosts have them: the
    memory grows with the kinds of devices in the cloud, and lasts as long as
    the request.
    """

    __slots__ = (
        '_keys',
        '_matches',
        '_on_interfaces',
        '_specs',
        'asks_networks',
        'asks_pages',
        'asks_pinning',
        'asks_roots',
        'candidates_differ',
        'claim_shape',
        'guest',
        'mean_cell',
        'no_providers',
        'pack',
        'per_cell_demand',
        'placement_may_choose',
        'shape',
        'shape_of',
        'single_shape',
        'uniform',
    )

    def __init__(self, guest: Guest, *, pack: bool = False) -> None:
        self.guest = guest
        self.pack = pack
        shapes = [cell.shape for cell in guest.cells]
        #: Per guest cell the number of its shape: cells of one shape fit
        #: the same host cells.
        self.shape_of = tuple(shapes.index(shape) for shape in shapes)
        self.asks_pages = any(cell.page_size for cell in guest.cells)
        self.asks_pinning = any(cell.pinned for cell in guest.cells)
        self.asks_networks = bool(guest.physnets or guest.tunneled)
        self.asks_roots = guest.pcie_policy is not None
        self.single_shape = not any(self.shape_of) and (
            len(guest.cells) == 1 or not guest.emulator_isolated
        )
        #: Whether the claim succeeds on each host where enough cells and
        #: devices fit: all guest cells alike, with a page size, without
        #: networks.
        self.uniform = (
            bool(guest.cells)
            and self.single_shape
            and not self.asks_networks
            and all(
                (cell.page_size or 0) > 0 and cell.thread_policy != 'isolate'
                for cell in guest.cells
            )
        )
        #: What each cell of a uniform guest takes if only counts matter,
        #: None if shared CPUs or whole cores do, too.
        self.per_cell_demand = _portion(guest) if self.uniform else None
        #: The mean of the guest's cells, None where it has none.
        self.mean_cell = _mean(guest) if guest.cells else None
        #: Whether Placement may have chosen devices for any request, and
        #: what it means for each request if it has not.
        self.placement_may_choose = any(
            not request.from_port or request.bandwidth_group is not None
            for request in guest.devices
        )
        #: Whether an instance may run worse with one allocation candidate of
        #: a host than with another, or not at all.
        self.candidates_differ = self.placement_may_choose or bool(
            guest.accelerators
        )
        self.no_providers: tuple[tuple[str, ...], ...] = ((),) * len(
            guest.devices
        )
        #: Equal for guests of the same shape.
        self.shape: Hashable = (
            tuple(shapes),
            guest.emulator_isolated,
            tuple(
                (request.count, request.policy, _hashable(request.specs))
                for request in guest.devices
            ),
        )
        #: Equal for guests whose claims have the same outcome, whichever
        #: devices and accelerators Placement chooses for them.
        self.claim_shape: Hashable = (
            self.shape,
            guest.physnets,
            guest.tunneled,
            guest.pcie_policy,
        )
        self._specs = [
            [
                {
                    key: _fold(value)
                    for key, value in spec.items()
                    if key not in _IGNORED
                }
                for spec in request.specs
            ]
            for request in guest.devices
        ]
        keys = {key for specs in self._specs for spec in specs for key in spec}
        self._keys = tuple(sorted(keys.union(_SPECIAL)))
        self._matches: dict[tuple[Value, ...], Match] = {}
        self._on_interfaces: dict[tuple[str | None, ...], FitRequest] = {}

    def on_interfaces(
        self, interfaces: tuple[str | None, ...]
    ) -> 'FitRequest':
        """The request as nova-compute claims it for ports with bandwidth.

        Also request specs that a move carries along get their interface from
        the host that is claimed.

        :param interfaces: for each device request the interface whose VFs it
            takes; None where it takes those of any
        """
        if not any(name is not None for name in interfaces):
            return self
        known = self._on_interfaces.get(interfaces)
        if known is None:
            devices = tuple(
                request
                if name is None
                else dataclasses.replace(
                    request,
                    specs=tuple(
                        {**spec, _INTERFACE: name} for spec in request.specs
                    ),
                )
                for request, name in zip(
                    self.guest.devices, interfaces, strict=True
                )
            )
            known = FitRequest(
                dataclasses.replace(self.guest, devices=devices),
                pack=self.pack,
            )
            self._on_interfaces[interfaces] = known
        return known

    def matches(self, pool: DevicePool) -> 'Match':
        """Which requests match a pool."""
        kind = tuple(map(pool.get, self._keys))
        known = self._matches.get(kind)
        if known is None:
            known = self._match(dict(zip(self._keys, kind, strict=True)))
            self._matches[kind] = known
        return known

    def first_equal_request(self, index: int) -> int:
        """The first device request that asks for the same as ``index``."""
        return self._specs.index(self._specs[index])

    def _match(self, pool: dict[str, Value]) -> 'Match':
        folded = {key: _fold(value) for key, value in pool.items()}
        eligible = usable = 0
        for index, specs in enumerate(self._specs):
            # nova.pci.utils.pci_device_prop_match: strings in any case.
            if any(spec.items() <= folded.items() for spec in specs):
                eligible |= 1 << index
                if _may_use(pool, self.guest.devices[index].specs):
                    usable |= 1 << index
        alone = eligible and not eligible & (eligible - 1)
        return Match(
            eligible,
            usable,
            pool['dev_type'] == PF,
            eligible.bit_length() - 1 if alone else None,
        )


class Match(NamedTuple):
    """Which requests match a pool, and which may really use it.

    Two bit masks over the requests: Nova excludes physical functions, VDPA
    and remotely managed devices that were not asked for, but only after it
    has counted them. ``physical`` is whether the pool is of physical
    functions, ``only`` the one request that matches if no other does.
    """

    eligible: int
    usable: int
    physical: bool
    only: int | None


class PerCellDemand(NamedTuple):
    """Pages of one size in KiB and dedicated CPUs on one cell."""

    size_kib: int
    pages: int
    cpus: int


class CellMean(NamedTuple):
    """Memory in KiB and CPUs of a guest's cells on average, rounded down.

    Where a guest has CPUs of a kind they are at least 1. ``pinned`` are the
    dedicated CPUs together with that of the emulator.
    """

    memory_kib: int
    dedicated: int
    pinned: int
    shared: int


def _mean(guest: Guest) -> CellMean:
    count = len(guest.cells)
    memory = sum(cell.memory_mib for cell in guest.cells) // count
    dedicated = sum(len(cell.dedicated) for cell in guest.cells)
    pinned = dedicated + guest.emulator_isolated
    shared = sum(len(cell.shared) for cell in guest.cells)
    return CellMean(
        memory * KIB_PER_MIB,
        dedicated and max(1, dedicated // count),
        dedicated and max(1, pinned // count),
        shared and max(1, shared // count),
    )


def _portion(guest: Guest) -> PerCellDemand | None:
    cell = guest.cells[0]
    size, memory = cell.page_size or 0, cell.memory_mib * KIB_PER_MIB
    if (
        cell.cpu_policy != 'dedicated'
        or cell.thread_policy not in (None, 'prefer')
        or not cell.dedicated
        or memory % size
    ):
        return None
    cpus = len(cell.dedicated) + int(guest.emulator_isolated)
    return PerCellDemand(size, memory // size, cpus)


def _may_use(pool: Mapping[str, Value], specs: Sequence[Spec]) -> bool:
    """Whether a request may touch special devices: PFs, VDPA, remote ones."""
    for special in (PF, VDPA):
        if pool['dev_type'] == special and not any(
            spec.get('dev_type') == special for spec in specs
        ):
            return False
    if _true(pool['remote_managed']) and not any(
        _true(spec.get('remote_managed')) for spec in specs
    ):
        return False
    wanted = {spec.get('live_migratable') for spec in specs}
    if wanted in ({'true'}, {'false'}):
        return pool['live_migratable'] in wanted
    return True


def _true(value: Value) -> bool:
    """oslo_utils.strutils.bool_from_string."""
    return str(value).strip().lower() in _TRUE


def _hashable(specs: Sequence[Spec]) -> Hashable:
    return tuple(
        tuple(
            sorted(
                (key, str(value))
                for key, value in spec.items()
                if key not in _IGNORED
            )
        )
        for spec in specs
    )


def _fold(value: Value) -> Value:
    return value.lower() if isinstance(value, str) else value
