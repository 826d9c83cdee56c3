"""The share of a simulated cloud that is in use, updated incrementally."""

from collections import Counter
from typing import Any

from nfv_sched.render.formatting import size_name
from nfv_sched.sim.boot_result import SimulatedInstance
from nfv_sched.sim.compute import Compute

CPUS = 'dedicated CPUs'
DEVICES = 'devices'


def pages(size_kib: int) -> str:
    """The name of pages of one size."""
    return f'pages of {size_name(size_kib)}'


class Utilization:
    """Capacity of the hosts of a cloud, and usage by instances."""

    def __init__(self) -> None:
        self._hosts: dict[str, Counter[str]] = {}
        self._by_instance: dict[str, Counter[str]] = {}
        self._used: Counter[str] = Counter()

    def add_host(self, name: str, compute: Compute) -> None:
        """Add a host's capacity."""
        machine = compute.machine
        capacity: Counter[str] = Counter()
        capacity[CPUS] = len(machine.dedicated)
        for cell in machine.cells:
            for size, count in cell.pages.items():
                reserved = cell.reserved_pages.get(size, 0)
                capacity[pages(size)] += count - reserved
        capacity[DEVICES] = sum(
            len(nic.assignable_addresses) for nic in machine.nics
        )
        self._hosts[name] = capacity

    def remove_host(self, name: str) -> None:
        """Remove a host's capacity."""
        del self._hosts[name]

    def add(self, instance: SimulatedInstance) -> None:
        """Add the usage of an instance."""
        self._by_instance[instance.uuid] = _usage(instance)
        self._used.update(self._by_instance[instance.uuid])

    def remove(self, instance: SimulatedInstance) -> None:
        """Remove the usage of an instance."""
        self._used.subtract(self._by_instance.pop(instance.uuid))

    def used(self) -> dict[str, float]:
        """The used share of each resource with a capacity."""
        total: Counter[str] = Counter()
        for capacity in self._hosts.values():
            total.update(capacity)
        return {
            name: self._used[name] / count
            for name, count in total.items()
            if count
        }


def _usage(simulated: SimulatedInstance) -> Counter[str]:
    instance = simulated.instance
    topology: Any = instance and instance.numa_topology
    usage: Counter[str] = Counter()
    for cell in topology.cells if topology else ():
        usage[CPUS] += len((cell.cpu_pinning or {}).values())
        usage[CPUS] += len(cell.cpuset_reserved or ())
        if cell.pagesize:
            usage[pages(cell.pagesize)] += cell.memory * 1024 // cell.pagesize
    usage[DEVICES] += len(simulated.devices)
    return usage
