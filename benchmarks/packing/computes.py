"""A compute host: its own record, Nova's claim, the scheduler's view."""

from collections.abc import Iterable
import copy
import dataclasses
from typing import Any
import uuid

from nova import context as nova_context
from nova import exception
from nova import objects
from nova.pci import stats as pci_stats
from nova.pci import whitelist
from nova.scheduler import host_manager
from nova.virt import hardware

from nfv_sched.nova import releases
from nfv_sched.sim import boot_request
from nfv_sched.sim import numa_devices as sim_hardware
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.machine import Machine

#: Nova's defaults ([DEFAULT] initial_cpu_allocation_ratio and
#: reserved_host_memory_mb).
CPU_RATIO = 4.0
RESERVED_MIB = 512

#: Placement leaves the devices to nova-compute.
CANDIDATE = {'allocations': {}, 'mappings': {'': ['root']}}

_CONTEXT = nova_context.RequestContext(
    user_id='sim', project_id='sim', is_admin=True
)


class Refused(Exception):
    """The claim fails."""


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """A flavor, and the request that Nova makes of it.

    ``pcpus`` and ``vcpus`` are what Placement counts.
    """

    flavor: SimulatedFlavor
    spec: Any
    pcpus: int
    vcpus: int

    @property
    def name(self) -> str:
        """The flavor's name."""
        return self.flavor.name

    @property
    def requests(self) -> list[Any]:
        """The ``objects.InstancePCIRequest`` of the guest."""
        found: list[Any] = self.spec.pci_requests.requests
        return found

    @property
    def devices(self) -> int:
        """How many devices the guest asks for."""
        return sum(request.count for request in self.requests)


def shape(flavor: SimulatedFlavor) -> Shape:
    """The shape of a flavor."""
    dedicated = flavor.extra_specs.get('hw:cpu_policy') == 'dedicated'
    return Shape(
        flavor,
        boot_request.request_spec(_CONTEXT, flavor),
        pcpus=flavor.vcpus if dedicated else 0,
        vcpus=0 if dedicated else flavor.vcpus,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """What one guest has taken of a host."""

    shape: Shape
    topology: Any
    devices: tuple[Any, ...]

    @property
    def cells(self) -> frozenset[int]:
        """The host cells that it is on."""
        return frozenset(cell.id for cell in self.topology.cells)

    @property
    def near(self) -> int:
        """How many of its devices are on its cells."""
        return sum(device.numa_node in self.cells for device in self.devices)


class Compute:
    """A nova-compute and the scheduler's HostState of it.

    ``version`` counts the changes. ``state`` is brought up to date with
    each: its topology is the record's, its pools are a copy.
    """

    def __init__(self, name: str, machine: Machine) -> None:
        self.name = name
        self.machine = machine
        self.version = 0
        self._memory_mib = machine.memory_mib - RESERVED_MIB
        self.topology = sim_hardware.numa_topology(machine)
        self.stats = _stats(machine, self.topology)
        self.pcpus = self.vcpus = self.memory_mib = self.guests = 0
        self.state = host_manager.HostState(name, name, name)
        self.state.update(
            compute=self.record(), service={}, aggregates=[], inst_dict={}
        )
        self._refresh()

    def record(self) -> Any:
        """The ``objects.ComputeNode`` that nova-compute would store."""
        machine = self.machine
        total = len(machine.dedicated | machine.shared)
        return objects.ComputeNode(
            uuid=str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name)),
            host=self.name,
            hypervisor_hostname=self.name,
            hypervisor_type='QEMU',
            hypervisor_version=9000000,
            host_ip='127.0.0.1',
            cpu_info='{}',
            supported_hv_specs=[],
            disk_available_least=None,
            local_gb=machine.disk_gib,
            local_gb_used=0,
            free_disk_gb=machine.disk_gib,
            memory_mb=machine.memory_mib,
            memory_mb_used=RESERVED_MIB + self.memory_mib,
            free_ram_mb=self.free_mib,
            vcpus=total,
            vcpus_used=self.pcpus + self.vcpus,
            updated_at=None,
            metrics='[]',
            stats={'num_instances': self.guests},
            cpu_allocation_ratio=CPU_RATIO,
            ram_allocation_ratio=1.0,
            disk_allocation_ratio=1.0,
            numa_topology=self.topology._to_json(),  # noqa: SLF001
            pci_device_pools=self.stats.to_device_pools_obj(),
        )

    @property
    def free_mib(self) -> int:
        """Memory that Placement has left for guests."""
        return self._memory_mib - self.memory_mib

    def offered(self, wanted: Shape, coming: Iterable[Shape] = ()) -> bool:
        """Whether Placement has an allocation candidate on the host.

        :param coming: guests that are allocated, but not claimed yet
        """
        machine = self.machine
        pcpus, vcpus, mib = wanted.pcpus, wanted.vcpus, wanted.flavor.ram_mib
        for shape in coming:
            pcpus += shape.pcpus
            vcpus += shape.vcpus
            mib += shape.flavor.ram_mib
        return (
            pcpus <= len(machine.dedicated) - self.pcpus
            and wanted.vcpus <= len(machine.shared)
            and vcpus <= len(machine.shared) * CPU_RATIO - self.vcpus
            and mib <= self.free_mib
        )

    def claim(self, wanted: Shape, limits: Any) -> Held:
        """Take what a guest needs, as Claim and ResourceTracker do.

        The pools that the fit looks at are the scheduler's copy, which
        equals the record but has no devices to be copied along.

        :param limits: what the filters put into the HostState
        :raises Refused: it does not fit after all; nothing is taken
        """
        requests = wanted.requests
        sees_devices = requests or releases.claims_sort_by_devices(None)
        given = hardware.numa_fit_instance_to_host(
            self.topology,
            wanted.spec.numa_topology.obj_clone(),
            provider_mapping=None,
            limits=limits,
            pci_requests=requests,
            pci_stats=self.state.pci_stats if sees_devices else None,
        )
        if given is None:
            raise Refused('fit')
        try:
            devices = self.stats.consume_requests(requests, given.cells)
        except exception.PciDeviceRequestFailed as error:
            raise Refused('devices') from error
        held = Held(wanted, given, tuple(devices))
        try:
            self._count(held, 1)
        except (
            exception.CPUPinningInvalid,
            exception.CPUPinningUnknown,
        ) as error:
            for device in devices:
                self.stats.add_device(device)
            raise Refused('CPUs') from error
        return held

    def release(self, held: Held) -> None:
        """Give back what a guest had."""
        for device in held.devices:
            self.stats.add_device(device)
        self._count(held, -1)

    def _count(self, held: Held, sign: int) -> None:
        self.topology = _used(self.topology, held.topology, free=sign < 0)
        self.pcpus += sign * held.shape.pcpus
        self.vcpus += sign * held.shape.vcpus
        self.memory_mib += sign * held.shape.flavor.ram_mib
        self.guests += sign
        self._refresh()

    def _refresh(self) -> None:
        """Bring the HostState to what its ``update`` would make of it."""
        self.version += 1
        state = self.state
        state.numa_topology = self.topology
        state.pci_stats = light_stats(self.topology, self.stats)
        state.free_ram_mb = self.free_mib
        state.vcpus_used = self.pcpus + self.vcpus
        state.num_instances = self.guests
        state.stats = {'num_instances': f'{self.guests}'}


def _used(topology: Any, guest: Any, *, free: bool) -> Any:
    """A host's topology with what a guest takes or gives back.

    Nova makes every cell again; it is handed those that the guest is on.
    """
    touched = {cell.id for cell in guest.cells}
    part = objects.NUMATopology(
        cells=[cell for cell in topology.cells if cell.id in touched]
    )
    used = hardware.numa_usage_from_instance_numa(part, guest, free=free)
    changed = {cell.id: cell for cell in used.cells}
    return objects.NUMATopology(
        cells=[changed.get(cell.id, cell) for cell in topology.cells]
    )


class LightStats(pci_stats.PciDeviceStats):
    """The pools as the scheduler has them: counts without devices.

    Nova copies them deeply to try a request on the copy. Only the counts
    change there, so only the pools are copied: copying the host's topology,
    too, takes four fifths of a run's time.
    """

    def __deepcopy__(self, memo: Any) -> 'LightStats':
        copied = copy.copy(self)
        copied.pools = [dict(pool) for pool in self.pools]
        return copied


def light_stats(topology: Any, stats: Any) -> LightStats:
    """The pools of a compute's stats without their devices."""
    light = LightStats(topology, dev_filter=stats.dev_filter)
    light.pools = [
        {key: value for key, value in pool.items() if key != 'devices'}
        for pool in stats.pools
    ]
    return light


def _stats(machine: Machine, topology: Any) -> Any:
    """The machine's devices that guests may have, in their pools."""
    light = pci_stats.PciDeviceStats(
        topology,
        dev_filter=whitelist.Whitelist(sim_hardware.device_spec(machine)),
    )
    for found in sim_hardware.pci_devices(machine):
        device = objects.PciDevice.create(None, found)
        device.compute_node_id = 1
        device.parent_device = None
        light.add_device(device)
    return light
