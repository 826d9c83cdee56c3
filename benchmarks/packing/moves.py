"""Room for a refused guest, made by a few moves.

The plan is that of ``nfv-sched plan room``, made from the computes' records;
each of its steps is a claim of Nova's.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import MutableMapping
from collections.abc import Sequence
import functools
import math

from nova import objects

from benchmarks.packing.computes import Compute
from benchmarks.packing.computes import CPU_RATIO
from benchmarks.packing.computes import Held
from benchmarks.packing.computes import Shape
from nfv_sched import fit
from nfv_sched.dryrun.placement_ledger import HostUnderTest
from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.nova import host_states
from nfv_sched.nova import request_spec
from nfv_sched.plan import planner
from nfv_sched.plan.planner import PlannedCloud
from nfv_sched.plan.planner import SearchLimits
from nfv_sched.plan.projected_host import HeldResources
from nfv_sched.plan.projected_host import ProjectedHost
from nfv_sched.plan.projected_host import RequestClass
from nfv_sched.plan.projected_host import Resident
from nfv_sched.plan.values import Method
from nfv_sched.plan.values import Plan
from nfv_sched.survey.values import InstanceCell
from nfv_sched.survey.values import SurveyedDevice

#: Guests by number: where they run, and what they have.
Running = MutableMapping[int, tuple[Compute, Held]]

_SECONDS = 10.0


class RoomMaker:
    """Makes room on the computes.

    ``moves`` counts those that were made, ``booted`` the guests that they
    made room for.

    :param most: the most moves for one guest
    """

    def __init__(self, computes: Sequence[Compute], most: int) -> None:
        self._computes = {compute.name: compute for compute in computes}
        self._most = most
        self._classes: dict[str, RequestClass] = {}
        self.moves = self.booted = 0

    def boot(
        self, wanted: Shape, running: Running
    ) -> tuple[Compute, Held] | None:
        """Boot a guest that found no host; None if moves do not help.

        :param running: all others, which is changed
        :raises benchmarks.packing.computes.Refused: a claim fails that the
            plan says succeeds
        """
        plan = self._plan(wanted, running)
        moved = [step for step in plan.steps if step.method is not Method.BOOT]
        if not plan.is_complete or len(moved) > self._most:
            return None
        booted = None
        for step in plan.steps:
            target = self._computes[step.destination]
            if step.instance is None:
                booted = target, target.claim(wanted, limits())
                continue
            number = int(step.instance)
            source, held = running[number]
            running[number] = target, target.claim(held.shape, limits())
            source.release(held)
            self.moves += 1
        self.booted += 1
        return booted

    def _plan(self, wanted: Shape, running: Running) -> Plan:
        cloud = self.cloud(running)
        return planner.make_room(
            cloud,
            self.asked(wanted),
            1,
            search_limits=SearchLimits(self._most, _SECONDS),
        )

    def cloud(self, running: Running) -> PlannedCloud:
        """The cloud as plans see it, with the guests that run."""
        ledger = PlacementLedger()
        residents: dict[str, list[Resident]] = {
            name: [] for name in self._computes
        }
        for number, (compute, held) in running.items():
            residents[compute.name].append(
                self._resident(number, compute, held)
            )
        projected_hosts = {}
        for name, compute in self._computes.items():
            for resource, amount in _free(compute).items():
                ledger.add((name, resource), amount)
            projected_hosts[name] = ProjectedHost(
                HostUnderTest(
                    name,
                    host_states.host_of(compute.state).plain(),
                    compute.state,
                    {},
                    lambda uuid: None,
                ),
                ledger,
                devices=[
                    *_free_devices(compute),
                    *(
                        device
                        for resident in residents[name]
                        for device in resident.held.devices
                    ),
                ],
            )
        return PlannedCloud(projected_hosts, residents, ledger)

    def asked(self, shape: Shape) -> RequestClass:
        """What a flavor asks for, made once."""
        if shape.name not in self._classes:
            resources = _amounts(shape)
            self._classes[shape.name] = RequestClass(
                shape.name,
                shape.flavor.ram_mib,
                fit.FitRequest(request_spec.read_guest(shape.spec)),
                {
                    name: [
                        {
                            'allocations': {name: {'resources': resources}},
                            'mappings': {'': [name]},
                        }
                    ]
                    for name, compute in self._computes.items()
                    if shape.vcpus <= len(compute.machine.shared)
                },
            )
        return self._classes[shape.name]

    def _resident(self, number: int, compute: Compute, held: Held) -> Resident:
        return Resident(
            str(number),
            f'guest {number}',
            held.shape.name,
            held.shape.flavor.ram_mib,
            HeldResources(
                tuple(_cells(held)),
                tuple(
                    _device(compute, each, str(number))
                    for each in held.devices
                ),
                {
                    (compute.name, resource): amount
                    for resource, amount in _amounts(held.shape).items()
                },
            ),
            self.asked(held.shape),
        )


def _amounts(shape: Shape) -> Mapping[str, int]:
    """What Placement counts."""
    amounts = {
        'PCPU': shape.pcpus,
        'VCPU': shape.vcpus,
        'MEMORY_MB': shape.flavor.ram_mib,
    }
    return {name: amount for name, amount in amounts.items() if amount}


def _free(compute: Compute) -> Mapping[str, int]:
    machine = compute.machine
    vcpus = len(machine.shared) * CPU_RATIO - compute.vcpus
    return {
        'PCPU': len(machine.dedicated) - compute.pcpus,
        'VCPU': math.floor(vcpus),
        'MEMORY_MB': compute.free_mib,
    }


def _cells(held: Held) -> Iterator[InstanceCell]:
    for number, cell in enumerate(held.topology.cells):
        yield InstanceCell(
            number,
            cell.id,
            cell.memory,
            tuple((cell.cpu_pinning or {}).items()),
            frozenset(cell.cpuset_reserved or ()),
            len(cell.cpuset),
            cell.pagesize,
            cell.cpu_thread_policy == 'isolate',
        )


def _free_devices(compute: Compute) -> Iterator[SurveyedDevice]:
    for pool in compute.stats.pools:
        for device in pool['devices']:
            yield _device(compute, device, None)


def _device(
    compute: Compute, device: objects.PciDevice, guest: str | None
) -> SurveyedDevice:
    parent = device.parent_addr
    return SurveyedDevice(
        device.address,
        device.vendor_id.lower(),
        device.product_id.lower(),
        device.dev_type,
        device.numa_node,
        parent,
        next(
            (
                nic.physnet
                for nic in compute.machine.nics
                if nic.address == (parent or device.address)
            ),
            None,
        ),
        guest,
        guest is None,
    )


@functools.cache
def limits() -> objects.NUMATopologyLimits:
    """The limits that the filters put into a HostState."""
    return objects.NUMATopologyLimits(
        cpu_allocation_ratio=CPU_RATIO, ram_allocation_ratio=1.0
    )
