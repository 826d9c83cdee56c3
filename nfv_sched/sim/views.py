"""What one host looks like at the moment: plain values for drawing."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import string
from typing import Any

from nfv_sched.sim.boots import Guest
from nfv_sched.sim.compute import Compute
from nfv_sched.sim.machine import Machine
from nfv_sched.sim.machine import MachineCell

#: Owners that are no guest.
FREE = '.'
HOST = '#'
SHARED = '~'

_MARKS = string.ascii_lowercase + string.ascii_uppercase
_MANY = '*'


@dataclasses.dataclass(frozen=True, slots=True)
class CoreView:
    """One core: its threads, and who has each (a guest's mark or above)."""

    cpus: tuple[int, ...]
    owners: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class PagesView:
    """Pages of one size in KiB, as counts."""

    size_kib: int
    total: int
    reserved: int
    used: int


@dataclasses.dataclass(frozen=True, slots=True)
class PortView:
    """One port of a card and who has each of its functions.

    ``owners`` is empty where guests may have none of them.
    """

    address: str
    label: str
    owners: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class CellView:
    """One NUMA cell. ``shared_used`` counts guest CPUs, memory is MiB."""

    id: int
    socket: int | None
    cores: tuple[CoreView, ...]
    pages: tuple[PagesView, ...]
    ports: tuple[PortView, ...]
    shared: int
    shared_used: int
    memory_mib: int


@dataclasses.dataclass(frozen=True, slots=True)
class HostView:
    """One host; ``guests`` maps marks to the guests that have them."""

    name: str
    about: str
    cells: tuple[CellView, ...]
    guests: Mapping[str, Guest]


def host_view(compute: Compute, guests: Sequence[Guest]) -> HostView:
    """Look at a host; ``guests`` may be those of the whole cloud."""
    machine = compute.machine
    here = [
        guest
        for guest in guests
        if guest.booted and guest.host == compute.host
    ]
    marks = {
        guest.uuid: _MARKS[place] if place < len(_MARKS) else _MANY
        for place, guest in enumerate(here)
    }
    pinned = {
        cpu: marks[guest.uuid] for guest in here for cpu in cpus_of(guest)
    }
    taken = {
        device.address: marks[guest.uuid]
        for guest in here
        for device in guest.devices
    }
    topology = {cell.id: cell for cell in compute.topology.cells}
    return HostView(
        name=compute.host,
        about=machine.about,
        cells=tuple(
            _cell(machine, cell, topology[cell.id], pinned, taken)
            for cell in machine.cells
        ),
        guests={marks[guest.uuid]: guest for guest in here},
    )


def cpus_of(guest: Guest) -> set[int]:
    """Return the host CPUs that a guest is pinned to."""
    cpus: set[int] = set()
    for cell in cells_of(guest):
        cpus |= set((cell.cpu_pinning or {}).values())
        cpus |= set(cell.cpuset_reserved or ())
    return cpus


def cells_of(guest: Guest) -> list[Any]:
    """Return the ``objects.InstanceNUMACell`` of a guest, claimed."""
    topology = guest.instance and guest.instance.numa_topology
    return list(topology.cells) if topology else []


def _cell(
    machine: Machine,
    cell: MachineCell,
    used: Any,
    pinned: Mapping[int, str],
    taken: Mapping[str, str],
) -> CellView:
    def owner(cpu: int) -> str:
        if cpu in machine.dedicated:
            return pinned.get(cpu, FREE)
        return SHARED if cpu in machine.shared else HOST

    return CellView(
        id=cell.id,
        socket=cell.socket,
        cores=tuple(
            CoreView(tuple(sorted(core)), tuple(map(owner, sorted(core))))
            for core in machine.cores(cell)
        ),
        pages=tuple(
            PagesView(pool.size_kb, pool.total, pool.reserved, pool.used)
            for pool in used.mempages
            if pool.size_kb > 4
        ),
        ports=_ports(machine, cell, taken),
        shared=len(used.cpuset),
        shared_used=used.cpu_usage,
        memory_mib=cell.memory_mib,
    )


def _ports(
    machine: Machine, cell: MachineCell, taken: Mapping[str, str]
) -> tuple[PortView, ...]:
    ports = []
    for nic in machine.nics:
        if nic.cell != cell.id:
            continue
        ports.append(
            PortView(
                nic.address,
                nic.physnet or f'{nic.vendor_id}:{nic.product_id}',
                tuple(
                    taken.get(address, FREE)
                    for address in nic.assignable_addresses
                ),
            )
        )
    return tuple(ports)
