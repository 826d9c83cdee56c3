"""What share of a simulated cloud is in use, counted as guests come and go."""

from collections import Counter
from typing import Any

from nfv_sched.render.formatting import size_name
from nfv_sched.sim.boot_result import SimulatedInstance
from nfv_sched.sim.compute import Compute

CPUS = 'dedicated CPUs'
DEVICES = 'devices'


def pages(size_kib: int) -> str:
    """Return the name of pages of one size."""
    return f'pages of {size_name(size_kib)}'


class Utilization:
    """Capacity of the hosts that are there, and what guests hold of it."""

    def __init__(self) -> None:
        self._hosts: dict[str, Counter[str]] = {}
        self._guests: dict[str, Counter[str]] = {}
        self._held: Counter[str] = Counter()

    def add_host(self, name: str, compute: Compute) -> None:
        """Count a host's capacity."""
        machine = compute.machine
        found: Counter[str] = Counter()
        found[CPUS] = len(machine.dedicated)
        for cell in machine.cells:
            for size, count in cell.pages.items():
                reserved = cell.reserved_pages.get(size, 0)
                found[pages(size)] += count - reserved
        found[DEVICES] = sum(
            len(nic.assignable_addresses) for nic in machine.nics
        )
        self._hosts[name] = found

    def remove_host(self, name: str) -> None:
        """Count a host's capacity no longer."""
        del self._hosts[name]

    def add(self, guest: SimulatedInstance) -> None:
        """Count what a guest holds."""
        self._guests[guest.uuid] = _holds(guest)
        self._held.update(self._guests[guest.uuid])

    def remove(self, guest: SimulatedInstance) -> None:
        """Count no longer what a guest held."""
        self._held.subtract(self._guests.pop(guest.uuid))

    def used(self) -> dict[str, float]:
        """Return the used share of each resource that there is."""
        total: Counter[str] = Counter()
        for capacity in self._hosts.values():
            total.update(capacity)
        return {
            name: self._held[name] / count
            for name, count in total.items()
            if count
        }


def _holds(guest: SimulatedInstance) -> Counter[str]:
    topology: Any = guest.instance and guest.instance.numa_topology
    held: Counter[str] = Counter()
    for cell in topology.cells if topology else ():
        held[CPUS] += len((cell.cpu_pinning or {}).values())
        held[CPUS] += len(cell.cpuset_reserved or ())
        if cell.pagesize and cell.pagesize > 4:
            held[pages(cell.pagesize)] += cell.memory * 1024 // cell.pagesize
    held[DEVICES] += len(guest.devices)
    return held
