"""The content of a host's NUMA map, as values without a drawing.

Made from a :class:`nfv_sched.survey.HostSurvey`. A survey of Placement alone
has counts, but neither CPU numbers nor instances.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched.model import Cell
from nfv_sched.model import CellTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PagePool
from nfv_sched.render.device_view import pools_of
from nfv_sched.render.device_view import PoolView
from nfv_sched.render.formatting import printable
from nfv_sched.render.marks import BLOCKED
from nfv_sched.render.marks import CONFLICT
from nfv_sched.render.marks import FREE
from nfv_sched.render.marks import MARKS
from nfv_sched.render.marks import OUTSIDE
from nfv_sched.render.marks import OVERFLOW_MARK
from nfv_sched.render.marks import SHARED
from nfv_sched.render.marks import UNKNOWN_OWNER
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import InstanceCell
from nfv_sched.survey import SurveyedInstance


@dataclasses.dataclass(frozen=True, slots=True)
class CoreView:
    """One core: its threads, and the mark of each thread's owner."""

    cpus: tuple[int, ...]
    owners: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class PagesView:
    """Counts of pages of one size in KiB; ``total`` includes reserved."""

    size_kib: int
    total: int
    reserved: int
    used: int

    @property
    def usable(self) -> int:
        """Pages available to instances, whether free or in use."""
        return self.total - self.reserved

    @property
    def free(self) -> int:
        """Pages not in use; negative when overcommitted."""
        return self.usable - self.used


@dataclasses.dataclass(frozen=True, slots=True)
class CellView:
    """One NUMA node.

    ``cores`` is None where only counts are known. ``dedicated`` counts CPUs
    for pinned instances, ``free`` those that are not in use. ``shared_used``
    counts guest CPUs. Memory is in MiB. ``l3`` are numbers of L3 caches.
    """

    id: int
    socket: int | None
    cores: tuple[CoreView, ...] | None
    dedicated: int
    free: int
    shared: int
    shared_used: int
    memory_mib: int
    memory_used_mib: int
    pages: tuple[PagesView, ...]
    pools: tuple[PoolView, ...]
    distances: Mapping[int, int]
    networks: tuple[str, ...] = ()
    l3: tuple[int, ...] = ()
    offline: int = 0

    @property
    def broken_cores(self) -> int | None:
        """Cores of which some threads are free and some are not."""
        if self.cores is None:
            return None
        return sum(
            0 < core.owners.count(FREE) < len(core.owners)
            for core in self.cores
        )


@dataclasses.dataclass(frozen=True, slots=True)
class GuestView:
    """An instance; ``mark`` is empty without pinned CPUs and devices.

    ``cells`` are as :class:`nfv_sched.survey.SurveyedInstance` has them,
    ``devices`` are PCI addresses.
    """

    mark: str
    uuid: str
    name: str
    flavor: str
    cells: tuple[InstanceCell, ...]
    devices: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class HostView:
    """One host.

    ``remarks`` are facts about the whole host. ``pools`` are devices on no
    NUMA node. ``guests`` is None where instances are not known.
    """

    name: str
    remarks: tuple[str, ...]
    cells: tuple[CellView, ...]
    pools: tuple[PoolView, ...]
    guests: tuple[GuestView, ...] | None

    @property
    def all_pools(self) -> tuple[PoolView, ...]:
        """All devices, on a NUMA node or on none."""
        of_cells = (pool for cell in self.cells for pool in cell.pools)
        return (*of_cells, *self.pools)

    @property
    def marks(self) -> frozenset[str]:
        """The marks of all owners on the map."""
        shown: set[str] = set()
        for cell in self.cells:
            for core in cell.cores or ():
                shown.update(core.owners)
        for pool in self.all_pools:
            shown.update(pool.owners or ())
        return frozenset(shown)


def host_view(host: HostSurvey) -> HostView:
    """The content of a host's NUMA map."""
    guests = _guests(host)
    marks = {guest.uuid: guest.mark for guest in guests or ()}
    pools = pools_of(host, marks)
    owners = _owners(guests or ())
    held = _held_cpus(guests or ())
    states = {cell.id: cell for cell in host.state.cells} if host.state else {}
    known = {cell.id: cell for cell in host.topology.cells}
    cells = [
        _cell_of_state(
            states[number],
            known.get(number) or CellTopology(number),
            owners,
            held.get(number, frozenset()),
            pools.get(number, ()),
        )
        if number in states
        else _cell_of_counts(
            known[number], host.topology.usage, pools.get(number, ())
        )
        for number in sorted(states or known)
    ]
    shown = {cell.id for cell in cells}
    return HostView(
        name=printable(host.host),
        remarks=_remarks(host),
        cells=tuple(cells),
        pools=tuple(
            pool
            for number, views in pools.items()
            if number not in shown
            for pool in views
        ),
        guests=guests,
    )


def _owners(guests: Sequence[GuestView]) -> Mapping[int, str]:
    """The mark of the owner of each CPU that an instance uses."""
    uuids: dict[int, str] = {}
    owners: dict[int, str] = {}
    for guest in guests:
        for cell in guest.cells:
            for cpu in cell.host_cpus:
                other = uuids.setdefault(cpu, guest.uuid)
                owners[cpu] = guest.mark if other == guest.uuid else CONFLICT
    return owners


def _held_cpus(guests: Sequence[GuestView]) -> Mapping[int, frozenset[int]]:
    """The CPUs that instances use exclusively, by NUMA node."""
    held: dict[int, frozenset[int]] = {}
    for guest in guests:
        for cell in guest.cells:
            known = held.get(cell.host_cell, frozenset())
            held[cell.host_cell] = known | cell.host_cpus
    return held


def _remarks(host: HostSurvey) -> tuple[str, ...]:
    remarks = [
        f'{printable(kind)} {printable(name)}'
        for kind, name in sorted(host.topology.domains.items())
    ]
    if host.availability_zone:
        remarks.append(f'zone {printable(host.availability_zone)}')
    if host.enabled is False:
        remarks.append('disabled or down')
    if host.state is None:
        remarks.append('counts only: CPU numbers are not known')
    if host.residents is None:
        remarks.append('instances are not known')
    return tuple(remarks)


def _guests(host: HostSurvey) -> tuple[GuestView, ...] | None:
    if host.residents is None:
        return None
    devices: dict[str, list[str]] = {}
    for device in host.devices or ():
        if device.guest:
            devices.setdefault(device.guest, []).append(device.address)
    views = []
    number = 0
    held = [
        *host.residents,
        *(
            dataclasses.replace(instance, name=f'{instance.name} (migration)')
            for instance in (host.migrating or {}).values()
        ),
    ]
    for guest in sorted(
        held, key=lambda instance: (instance.name, instance.uuid)
    ):
        own = tuple(sorted(devices.get(guest.uuid, ())))
        mark = ''
        if own or any(cell.host_cpus for cell in guest.cells):
            mark = MARKS[number] if number < len(MARKS) else OVERFLOW_MARK
            number += 1
        views.append(_guest(guest, mark, own))
    return tuple(views)


def _guest(
    guest: SurveyedInstance, mark: str, devices: tuple[str, ...]
) -> GuestView:
    return GuestView(
        mark,
        guest.uuid,
        printable(guest.name),
        printable(guest.flavor),
        guest.cells,
        devices,
    )


def _cell_of_state(
    cell: Cell,
    known: CellTopology,
    owners: Mapping[int, str],
    held: frozenset[int],
    pools: Sequence[PoolView],
) -> CellView:
    return CellView(
        id=cell.id,
        socket=cell.socket,
        cores=tuple(
            _core(cell, core, owners)
            for core in sorted(_cores(cell, held), key=min)
        ),
        dedicated=len(cell.dedicated_cpus),
        free=len(cell.free_dedicated),
        shared=len(cell.shared_cpus),
        shared_used=cell.shared_used,
        memory_mib=cell.memory_mib,
        memory_used_mib=cell.memory_used_mib,
        pages=tuple(map(_pages, sorted(cell.pages, key=lambda p: p.size_kib))),
        pools=tuple(pools),
        distances=dict(known.distances),
        networks=_networks(cell.physnets, cell.tunneled),
        l3=tuple(sorted(known.l3)),
        offline=known.offline_cpus,
    )


def _pages(pool: PagePool) -> PagesView:
    return PagesView(pool.size_kib, pool.total, pool.reserved, pool.used)


def _networks(physnets: Iterable[str], tunneled: bool) -> tuple[str, ...]:
    return (*map(printable, sorted(physnets)), *(('tunnels',) * tunneled))


def _cores(cell: Cell, held: frozenset[int]) -> list[frozenset[int]]:
    """The threads of each core that Nova may use, or instances do use."""
    usable = held | cell.dedicated_cpus | cell.shared_cpus
    cores = [frozenset(core & usable) for core in cell.siblings]
    alone = usable.difference(*cores)
    return [
        *(core for core in cores if core),
        *(frozenset((cpu,)) for cpu in alone),
    ]


def _core(
    cell: Cell, core: frozenset[int], owners: Mapping[int, str]
) -> CoreView:
    def owner(cpu: int) -> str:
        if cpu in owners:
            if cpu in cell.dedicated_cpus or owners[cpu] == CONFLICT:
                return owners[cpu]
            return OUTSIDE
        if cpu in cell.pinned_cpus:
            # With thread policy "isolate" the core's other threads are
            # pinned as well.
            return BLOCKED if core & owners.keys() else UNKNOWN_OWNER
        return FREE if cpu in cell.dedicated_cpus else SHARED

    cpus = tuple(sorted(core))
    return CoreView(cpus, tuple(map(owner, cpus)))


def _cell_of_counts(
    cell: CellTopology, usage: HostUsage, pools: Sequence[PoolView]
) -> CellView:
    return CellView(
        id=cell.id,
        socket=cell.socket,
        cores=None,
        dedicated=cell.dedicated_cpus,
        free=cell.dedicated_cpus - usage.dedicated_cpus.get(cell.id, 0),
        shared=cell.shared_cpus,
        shared_used=usage.shared_cpus.get(cell.id, 0),
        memory_mib=cell.memory_mib,
        memory_used_mib=usage.memory_mib.get(cell.id, 0),
        pages=tuple(
            PagesView(
                pages.size_kib,
                pages.usable + pages.reserved,
                pages.reserved,
                usage.pages.get((cell.id, pages.size_kib), 0),
            )
            for pages in cell.pages
        ),
        pools=tuple(pools),
        distances=dict(cell.distances),
        networks=_networks(cell.physnets, cell.tunneled),
        l3=tuple(sorted(cell.l3)),
        offline=cell.offline_cpus,
    )
