"""Host states and requests to measure with, made by a seed."""

from collections.abc import Callable
import dataclasses
import random
from typing import Any
import uuid

from nova import objects

from nfv_sched.sim import machine
from nfv_sched.sim import numa_devices as sim_hardware
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling

# Hosts of one cloud differ; more variants than this change nothing.
_VARIANTS = 16
_GIB_IN_KIB = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Case:
    """One kind of cloud and one request.

    ``topology`` makes a host's topology, ``devices`` lists one host's
    devices; ``full`` is the share of CPUs, pages and devices in use.
    ``stock_hosts`` bounds the hosts that the stock filters are given.
    """

    name: str
    group: str
    topology: Callable[[], Any]
    cells: int
    cpus: int = 4
    memory_mib: int = 4096
    devices: Callable[[], list[Any]] = list
    physnets: tuple[str, ...] = ()
    full: float = 0.5
    stock_hosts: int | None = None
    nothing: bool = False


def scene(case: Case, rng: random.Random) -> nova_oracle.Scene:
    """One host of the case's cloud, partly in use, and the request."""
    topology = case.topology()
    for cell in topology.cells:
        cpus = sorted(cell.pcpuset)
        cell.pinned_cpus = set(rng.sample(cpus, int(len(cpus) * case.full)))
        cell.memory_usage = int(cell.memory * case.full)
        for pages in cell.mempages:
            pages.used = int(pages.total * case.full)
    devices = case.devices()
    free = rng.sample(devices, len(devices) - int(len(devices) * case.full))
    stats = nova_oracle.stats_for(
        topology,
        sorted(free, key=lambda device: device.address),
        [
            {'address': f'{bus}:*', 'physical_network': physnet}
            for bus, physnet in sorted(_physnets(devices).items())
        ],
    )
    return nova_oracle.Scene(topology, stats, _spec(case))


def states(case: Case, count: int, seed: int = 1) -> tuple[list[Any], Any]:
    """``count`` host states and the RequestSpec for them."""
    rng = random.Random(seed)  # noqa: S311 - nothing secret
    variants = [scene(case, rng) for _ in range(min(count, _VARIANTS))]
    made = [
        scheduling.host_state(variants[i % len(variants)], f'host{i}')
        for i in range(count)
    ]
    return made, scheduling.request(variants[0])


def machine_topology(
    name: str, *, labelled: bool = False
) -> Callable[[], Any]:
    """The topology of one of the simulated machines.

    :param labelled: whether its NUMA nodes have labels
    """
    found = dataclasses.replace(machine.load(name), labelled=labelled)
    return lambda: sim_hardware.numa_topology(found)


def plain_topology(cells: int, room: int | None = None) -> Callable[[], Any]:
    """Equal cells; only the last ``room`` of them have huge pages left."""

    def make() -> Any:
        made = []
        for i in range(cells):
            left = room is None or i >= cells - room
            made.append(
                builders.host_cell(
                    i,
                    cores=8,
                    threads=2,
                    memory=65536,
                    pages={2048: 4096, _GIB_IN_KIB: 32 if left else 2},
                    socket=i * 2 // cells,
                    network_metadata=objects.NetworkMetadata(
                        physnets=set(), tunneled=False
                    ),
                )
            )
        return objects.NUMATopology(cells=made)

    return make


def cards(nodes: list[int], vfs: int) -> Callable[[], list[Any]]:
    """One card per entry, on that cell, with ``vfs`` virtual functions."""

    def make() -> list[Any]:
        return [
            builders.device(
                f'0000:{16 + bus:02x}:{2 + vf // 8:02x}.{vf % 8}',
                'type-VF',
                node,
                parent=f'0000:{16 + bus:02x}:00.0',
                product='154c',
            )
            for bus, node in enumerate(nodes)
            for vf in range(vfs)
        ]

    return make


def _physnets(devices: list[Any]) -> dict[str, str]:
    """Cards take turns between two physical networks."""
    buses = sorted({device.parent_addr[:7] for device in devices})
    return {bus: f'physnet{i % 2 + 1}' for i, bus in enumerate(buses)}


def _spec(case: Case) -> Any:
    cells = [
        builders.guest_cell(
            i,
            cpus=case.cpus,
            memory=case.memory_mib,
            pagesize=_GIB_IN_KIB,
            cpu_thread_policy='prefer',
        )
        for i in range(case.cells)
    ]
    requests = [
        objects.InstancePCIRequest(
            count=1,
            spec=[{'physical_network': physnet, 'remote_managed': 'False'}],
            alias_name=None,
            request_id=str(uuid.UUID(int=i + 1)),
            numa_policy='required',
        )
        for i, physnet in enumerate(case.physnets)
    ]
    return objects.RequestSpec(
        flavor=objects.Flavor(extra_specs={}),
        numa_topology=None
        if case.nothing
        else objects.InstanceNUMATopology(cells=cells),
        pci_requests=objects.InstancePCIRequests(requests=requests),
        network_metadata=objects.NetworkMetadata(
            physnets=set(), tunneled=False
        ),
    )


_BOTH = ('physnet1', 'physnet2')
_DELL = machine_topology('dell-2x6230r-64vf')
_EPYC = machine_topology('epyc7451-4node')
_TURIN = machine_topology('turin-nps4')
_LABELLED = machine_topology('turin-nps4', labelled=True)
_DELL_CARDS = cards([0, 0, 1, 1], 16)
_FOUR_CARDS = cards([0, 0, 1, 1, 2, 2, 3, 3], 8)
# Both physical networks on cell 3 only.
_SIX_CARDS = cards([1, 2, 3, 3, 6, 7], 8)

CASES = (
    Case('2 cells, guest of 1', 'no devices', _DELL, 1),
    Case('2 cells, guest of 2', 'no devices', _DELL, 2),
    Case('4 cells, guest of 1', 'no devices', _EPYC, 1, cpus=2),
    Case('4 cells, guest of 2', 'no devices', _EPYC, 2, cpus=2),
    Case(
        '2 cells, 4 PFs, guest of 1 with 2 VFs',
        'devices',
        _DELL,
        1,
        devices=_DELL_CARDS,
        physnets=_BOTH,
    ),
    Case(
        '2 cells, 4 PFs, guest of 2 with 2 VFs',
        'devices',
        _DELL,
        2,
        devices=_DELL_CARDS,
        physnets=_BOTH,
    ),
    Case(
        '4 cells, 8 PFs, guest of 1 with 2 VFs',
        'devices',
        _EPYC,
        1,
        cpus=2,
        devices=_FOUR_CARDS,
        physnets=_BOTH,
    ),
    Case(
        '4 cells, 8 PFs, guest of 2 with 2 VFs',
        'devices',
        _EPYC,
        2,
        cpus=2,
        devices=_FOUR_CARDS,
        physnets=_BOTH,
    ),
    Case('8 cells, guest of 2', 'more cells', _TURIN, 2),
    Case(
        '8 cells, room on 3, guest of 4',
        'cannot fit',
        plain_topology(8, 3),
        4,
        stock_hosts=20,
    ),
    Case(
        '8 cells, room on 7, guest of 8',
        'cannot fit',
        plain_topology(8, 7),
        8,
        stock_hosts=2,
    ),
    Case(
        '16 cells, room on 3, guest of 4',
        'cannot fit',
        plain_topology(16, 3),
        4,
        stock_hosts=2,
    ),
    Case(
        '16 cells, room on 4, guest of 5',
        'cannot fit',
        plain_topology(16, 4),
        5,
        stock_hosts=1,
    ),
    Case('2 cells, asks for nothing', 'nothing', _DELL, 0, nothing=True),
)

#: Those in which NUMA nodes are chosen: of three with such devices, and pairs.
CHOOSING_CASES = (
    Case(
        '8 cells, 6 PFs, guest of 1 with 1 VF',
        'choosing nodes',
        _LABELLED,
        1,
        devices=_SIX_CARDS,
        physnets=('physnet1',),
    ),
    Case(
        '8 cells, 6 PFs, guest of 2',
        'choosing nodes',
        _LABELLED,
        2,
        devices=_SIX_CARDS,
    ),
)
