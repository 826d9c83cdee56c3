"""Plans on the public mappings of VMR2L, by its objective and move limits.

``python -m benchmarks.vmr2l --data FOLDER`` reads mappings of VMs to PMs as
"Towards VM Rescheduling Optimization Through Deep Reinforcement Learning"
(EuroSys '25) publishes them, and plans moves by ``nfv_sched.plan``. The
objective is the fragment rate: the free CPUs of NUMA nodes that are left over
when each node is filled with instances of 16 CPUs, as a part of all free ones.

Beside it stand a greedy rule, as their ``baselines/heuristics.py`` describes
it, and with ``--exact SECONDS`` an integer program over all plans, moves
within a PM included, whose dual bound no plan can pass.
"""

import argparse
import collections
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import functools
import json
import math
import pathlib
import time
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy import optimize
from scipy import sparse

from nfv_sched import fit
from nfv_sched.dryrun.placement_ledger import HostUnderTest
from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.model import Cell
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import PagePool
from nfv_sched.plan.defragment import defragment
from nfv_sched.plan.defragment import ExpectedShape
from nfv_sched.plan.planner import PlannedCloud
from nfv_sched.plan.projected_host import HeldResources
from nfv_sched.plan.projected_host import ProjectedHost
from nfv_sched.plan.projected_host import RequestClass
from nfv_sched.plan.projected_host import Resident
from nfv_sched.plan.values import Plan
from nfv_sched.survey.values import InstanceCell

#: The CPUs of the instances that fragments have no room for.
FRAGMENT = 16
_PAGE_MIB = 2
_KIB = 1024
#: Nova's own state is only for rules that are not among the mappings.
_NO_STATE: Any = None


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """A NUMA node of a PM, or what a VM has of one; memory is MiB."""

    number: int
    cpus: int
    memory_mib: int


@dataclasses.dataclass(frozen=True, slots=True)
class PlacedVM:
    """A VM on its PM; it has as much of each of its nodes."""

    uuid: str
    flavor: str
    machine: str
    nodes: tuple[Node, ...]
    movable: bool

    @property
    def size(self) -> tuple[int, int, int]:
        """The number of nodes, and the CPUs and the memory on each."""
        return len(self.nodes), self.nodes[0].cpus, self.nodes[0].memory_mib


@dataclasses.dataclass(frozen=True, slots=True)
class Placements:
    """A mapping of VMs to PMs, of which it has the NUMA nodes by name."""

    machines: Mapping[str, tuple[Node, ...]]
    vms: tuple[PlacedVM, ...]

    def free(self) -> 'Free':
        """What the VMs leave."""
        free = Free(
            {
                (name, node.number): node
                for name, nodes in self.machines.items()
                for node in nodes
            }
        )
        for vm in self.vms:
            for node in vm.nodes:
                free.take(vm.machine, node)
        return free


class Free:
    """The free CPUs and memory of NUMA nodes, by PM and node."""

    def __init__(self, nodes: dict[tuple[str, int], Node]) -> None:
        self._nodes = nodes

    def take(self, machine: str, taken: Node) -> None:
        """Take CPUs and memory.

        :raises ValueError: there are not as many
        """
        key = machine, taken.number
        node = self._nodes[key]
        left = Node(
            node.number,
            node.cpus - taken.cpus,
            node.memory_mib - taken.memory_mib,
        )
        if left.cpus < 0 or left.memory_mib < 0:
            raise ValueError(f'{machine} is overcommitted on node {key[1]}')
        self._nodes[key] = left

    def give_back(self, machine: str, given: Node) -> None:
        """Free CPUs and memory."""
        self.take(machine, Node(given.number, -given.cpus, -given.memory_mib))

    def takes(self, machine: str, wanted: Node) -> bool:
        """Whether a node has as many free."""
        node = self._nodes[machine, wanted.number]
        return (
            node.cpus >= wanted.cpus and node.memory_mib >= wanted.memory_mib
        )

    def fewer(self, machine: str, cpus: Mapping[int, int]) -> int:
        """How many fragments go if CPUs of nodes of a PM become free.

        :param cpus: by node, negative where they are taken
        """
        return sum(
            self._nodes[machine, number].cpus % FRAGMENT
            - (self._nodes[machine, number].cpus + count) % FRAGMENT
            for number, count in cpus.items()
        )

    def units(self) -> int:
        """How many instances of 16 CPUs the free CPUs of nodes take."""
        return sum(node.cpus // FRAGMENT for node in self._nodes.values())

    def fragment_rate(self) -> float:
        """The part of all free CPUs that no such instance can use."""
        cpus = self.cpus()
        return 1 - FRAGMENT * self.units() / cpus if cpus else 0.0

    def cpus(self) -> int:
        """All free CPUs."""
        return sum(node.cpus for node in self._nodes.values())


def read(path: pathlib.Path) -> Placements:
    """Read a file of the data set; all of its clusters are one.

    :raises ValueError: a VM is not on one NUMA node, or in halves on two
    """
    document = json.loads(path.read_text())
    machines: dict[str, tuple[Node, ...]] = {}
    vms: list[PlacedVM] = []
    for cluster in document['cluster_list']:
        for each in cluster['host_info']:
            machines[each['node_id']] = tuple(
                _node(node, 'total_cpu', 'memory_huge_total_mb')
                for node in each['numa']
            )
        vms += map(_vm, cluster['vm_instance'])
    return Placements(machines, tuple(vms))


def _vm(value: Mapping[str, Any]) -> PlacedVM:
    nodes = tuple(_node(each, 'cpu', 'mem_mb') for each in value['numa'])
    if len({(node.cpus, node.memory_mib) for node in nodes}) != 1:
        raise ValueError(f'{value["instance_id"]} has unequal NUMA nodes')
    return PlacedVM(
        value['instance_id'],
        value['instance_type'],
        value['host_id'],
        nodes,
        bool(value['allow_migration']),
    )


def _node(value: Mapping[str, Any], cpus: str, memory: str) -> Node:
    return Node(value['node'], int(value[cpus]), int(value[memory]))


def cloud_of(placements: Placements) -> PlannedCloud:
    """The PMs as hosts without SMT, the VMs with dedicated CPUs and pages."""
    classes: dict[tuple[int, int, int], RequestClass] = {}
    for vm in placements.vms:
        if vm.size not in classes:
            classes[vm.size] = _request_class(vm, placements.machines)
    on: dict[str, list[PlacedVM]] = collections.defaultdict(list)
    for vm in placements.vms:
        on[vm.machine].append(vm)
    ledger = PlacementLedger()
    hosts, residents = {}, {}
    for name, nodes in placements.machines.items():
        cells = {node.number: _cell(node, len(nodes)) for node in nodes}
        residents[name] = [
            _resident(vm, cells, classes[vm.size]) for vm in on[name]
        ]
        host = Host(name, tuple(cells.values()))
        for resource, amount in (
            ('PCPU', sum(len(c.free_dedicated) for c in host.cells)),
            ('MEMORY_MB', sum(c.free_memory_mib for c in host.cells)),
        ):
            ledger.add((name, resource), amount)
        hosts[name] = ProjectedHost(
            HostUnderTest(name, host, _NO_STATE, {}, lambda uuid: None), ledger
        )
    return PlannedCloud(hosts, residents, ledger)


def _cell(node: Node, nodes: int) -> Cell:
    """An empty NUMA node; the CPUs of a PM are numbered node by node."""
    cpus = range(node.number, node.cpus * nodes, nodes)
    return Cell(
        node.number,
        node.memory_mib,
        dedicated_cpus=frozenset(cpus),
        siblings=tuple(frozenset([cpu]) for cpu in cpus),
        pages=(PagePool(_PAGE_MIB * _KIB, node.memory_mib // _PAGE_MIB),),
        socket=node.number,
    )


def _resident(
    vm: PlacedVM, cells: dict[int, Cell], asks: RequestClass
) -> Resident:
    """A VM with the first free CPUs, which it takes of the cells."""
    held = []
    for guest_cell, node in enumerate(vm.nodes):
        cell = cells[node.number]
        cpus = sorted(cell.free_dedicated)[: node.cpus]
        if len(cpus) < node.cpus:
            raise ValueError(f'{vm.machine} has too few CPUs for {vm.uuid}')
        first = guest_cell * node.cpus
        held.append(
            InstanceCell(
                guest_cell,
                node.number,
                node.memory_mib,
                tuple(zip(range(first, first + node.cpus), cpus, strict=True)),
                page_size_kib=_PAGE_MIB * _KIB,
            )
        )
        [pool] = cell.pages
        used = pool.used + node.memory_mib // _PAGE_MIB
        cells[node.number] = cell.evolve(
            memory_used_mib=cell.memory_used_mib + node.memory_mib,
            pinned_cpus=cell.pinned_cpus | frozenset(cpus),
            pages=(pool.evolve(used=used),),
        )
    return Resident(
        vm.uuid,
        vm.uuid,
        vm.flavor,
        len(vm.nodes) * vm.nodes[0].memory_mib,
        HeldResources(
            tuple(held),
            amounts={
                (vm.machine, resource): amount
                for resource, amount in _amounts(*vm.size).items()
            },
        ),
        asks if vm.movable else None,
        stays='' if vm.movable else 'it is not to be migrated',
    )


def _request(nodes: int, cpus: int, memory_mib: int) -> fit.FitRequest:
    return fit.FitRequest(
        Guest(
            tuple(
                GuestCell(
                    number,
                    memory_mib,
                    dedicated=frozenset(
                        range(number * cpus, (number + 1) * cpus)
                    ),
                    page_size=_PAGE_MIB * _KIB,
                    cpu_policy='dedicated',
                )
                for number in range(nodes)
            )
        )
    )


def _request_class(
    vm: PlacedVM, machines: Mapping[str, tuple[Node, ...]]
) -> RequestClass:
    nodes, cpus, memory_mib = vm.size
    return RequestClass(
        vm.flavor,
        nodes * memory_mib,
        _request(nodes, cpus, memory_mib),
        {
            name: [
                {
                    'allocations': {name: {'resources': _amounts(*vm.size)}},
                    'mappings': {'': [name]},
                }
            ]
            for name in machines
        },
    )


def _amounts(nodes: int, cpus: int, memory_mib: int) -> dict[str, int]:
    return {'PCPU': nodes * cpus, 'MEMORY_MB': nodes * memory_mib}


@functools.cache
def _expected() -> tuple[ExpectedShape, ...]:
    """An instance of 16 CPUs; of memory the objective knows nothing."""
    return (ExpectedShape('16 CPUs', _request(1, FRAGMENT, _PAGE_MIB), 1.0),)


def plan(
    cloud: PlannedCloud, moves: int, *, most: int, seconds: float
) -> Plan:
    """The plan that leaves the fewest fragments.

    :param most: how many instances leave, or arrive at, each PM at most
    """
    return defragment(cloud, _expected(), moves, most=most, seconds=seconds)


def after(placements: Placements, steps: Plan) -> Free:
    """What is free after the steps of a plan.

    By additions alone, without the planner's model of a host.

    :raises ValueError: a step has no room
    """
    free = placements.free()
    held = {vm.uuid: (vm.machine, vm.nodes) for vm in placements.vms}
    for step in steps.steps:
        assert step.instance is not None
        machine, nodes = held[step.instance]
        assert machine == step.source != step.destination
        taken = tuple(
            Node(each.node, len(each.cpus), each.memory_mib)
            for each in step.predicted.nodes
        )
        assert sorted((n.cpus, n.memory_mib) for n in taken) == sorted(
            (n.cpus, n.memory_mib) for n in nodes
        )
        for node in taken:
            free.take(step.destination, node)
        for node in nodes:
            free.give_back(machine, node)
        held[step.instance] = step.destination, taken
    return free


def greedy(placements: Placements, moves: int) -> tuple[int, Free]:
    """Move the VM that leaves fewest fragments to where it makes fewest.

    VMs of 16 CPUs at most; until a move brings nothing.

    :returns: the moves, and what is free after them
    """
    free = placements.free()
    vms = [
        vm
        for vm in placements.vms
        if vm.movable and vm.size[0] * vm.size[1] <= FRAGMENT
    ]
    for move in range(moves):
        if not vms:
            return move, free
        number, vm = max(
            enumerate(vms),
            key=lambda item: free.fewer(
                item[1].machine,
                {node.number: node.cpus for node in item[1].nodes},
            ),
        )
        given = free.fewer(
            vm.machine, {node.number: node.cpus for node in vm.nodes}
        )
        targets = [
            (
                free.fewer(name, {node.number: -node.cpus for node in nodes}),
                name,
                nodes,
            )
            for name in placements.machines
            if name != vm.machine
            for nodes in _on_nodes(vm)
            if all(free.takes(name, node) for node in nodes)
        ]
        if not targets:
            return move, free
        taken, name, nodes = max(targets, key=lambda target: target[0])
        if given + taken <= 0:
            return move, free
        for node in nodes:
            free.take(name, node)
        for node in vm.nodes:
            free.give_back(vm.machine, node)
        vms[number] = dataclasses.replace(vm, machine=name, nodes=nodes)
    return moves, free


def _on_nodes(vm: PlacedVM) -> list[tuple[Node, ...]]:
    """The nodes of a PM that a VM can be on."""
    if len(vm.nodes) > 1:
        return [vm.nodes]
    return [(dataclasses.replace(vm.nodes[0], number=n),) for n in range(2)]


class AllPlans:
    """All plans as one integer program, without the order of their moves.

    Columns are how many VMs of each size are in each place in the end, how
    many of them leave it, and the instances of 16 CPUs that each node takes.
    A place is a node, or a PM for VMs on two nodes.
    """

    def __init__(self, placements: Placements) -> None:
        self._free = placements.free()
        self._nodes = {
            (name, node.number): node
            for name, nodes in placements.machines.items()
            for node in nodes
        }
        self._before = collections.Counter(
            (vm.size, self._place(vm)) for vm in placements.vms
        )
        self._fixed = collections.Counter(
            (vm.size, self._place(vm))
            for vm in placements.vms
            if not vm.movable
        )
        self._sizes = collections.Counter(vm.size for vm in placements.vms)
        self._columns: list[_Column] = [
            (size, place)
            for size in self._sizes
            for place in (
                dict.fromkeys(name for name, _ in self._nodes)
                if size[0] > 1
                else self._nodes
            )
        ]

    @staticmethod
    def _place(vm: PlacedVM) -> '_Place':
        if len(vm.nodes) > 1:
            return vm.machine
        return vm.machine, vm.nodes[0].number

    def least(self, moves: int, seconds: float) -> tuple[float | None, float]:
        """The least fragment rate that was found, and a bound on it."""
        count = len(self._columns)
        cost = np.zeros(2 * count + len(self._nodes))
        cost[2 * count :] = -1
        lowest = np.zeros(len(cost))
        lowest[:count] = [self._fixed[each] for each in self._columns]
        highest = np.full(len(cost), np.inf)
        highest[count : 2 * count] = [self._before[c] for c in self._columns]
        result = optimize.milp(
            cost,
            integrality=np.ones(len(cost)),
            bounds=optimize.Bounds(lowest, highest),
            constraints=self._constraints(moves),
            options={'time_limit': seconds},
        )
        found = None if result.x is None else self._rate(-result.fun)
        return found, self._rate(-result.mip_dual_bound)

    def _rate(self, units: float) -> float:
        more = math.floor(units + 1e-6) - self._free.units()
        return self._free.fragment_rate() - FRAGMENT * more / self._free.cpus()

    def _constraints(self, moves: int) -> Any:
        count = len(self._columns)
        rows: list[dict[int, float]] = []
        low: list[float] = []
        high: list[float] = []

        def add(row: dict[int, float], least: float, most: float) -> None:
            rows.append(row)
            low.append(least)
            high.append(most)

        for number, ((machine, node), capacity) in enumerate(
            self._nodes.items()
        ):
            there = {
                column: size
                for column, (size, place) in enumerate(self._columns)
                if place in (machine, (machine, node))
            }
            cpus = {column: float(size[1]) for column, size in there.items()}
            cpus[2 * count + number] = FRAGMENT
            add(cpus, -math.inf, capacity.cpus)
            gib = {column: size[2] / _KIB for column, size in there.items()}
            add(gib, -math.inf, capacity.memory_mib / _KIB)
        for wanted, total in self._sizes.items():
            all_places = {
                column: 1.0
                for column, (size, _) in enumerate(self._columns)
                if size == wanted
            }
            add(all_places, total, total)
        for column, key in enumerate(self._columns):
            if self._before[key]:
                leaving = {column: 1.0, count + column: 1.0}
                add(leaving, self._before[key], math.inf)
        add(dict.fromkeys(range(count, 2 * count), 1.0), 0, moves)
        places = [
            (row, column) for row, each in enumerate(rows) for column in each
        ]
        matrix = sparse.csr_matrix(
            (
                [value for each in rows for value in each.values()],
                tuple(zip(*places, strict=True)),
            ),
            shape=(len(rows), 2 * count + len(self._nodes)),
        )
        return optimize.LinearConstraint(matrix, low, high)


_Place = str | tuple[str, int]
_Column = tuple[tuple[int, int, int], _Place]


def main() -> None:
    """Plan and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', type=pathlib.Path, required=True)
    parser.add_argument(
        '--moves', type=int, nargs='+', default=list(range(10, 51, 10))
    )
    parser.add_argument(
        '--most',
        type=int,
        default=2,
        help='how many instances leave, or arrive at, each PM at most',
    )
    parser.add_argument('--seconds', type=float, default=5.0)
    parser.add_argument('--exact', type=float, metavar='SECONDS')
    args = parser.parse_args()
    for path in sorted(args.data.glob('**/*.json')):
        placements = read(path)
        table = Table(
            *('limit', 'moves', 's', 'rate', 'bound'),
            *('greedy', 'all plans', 'bound of all'),
            title=f'{path.stem}: {len(placements.machines):,} PMs, '
            f'{len(placements.vms):,} VMs',
        )
        for row in _rows(placements, args):
            table.add_row(*row)
        Console().print(table)


def _rows(
    placements: Placements, args: argparse.Namespace
) -> Iterator[tuple[str, ...]]:
    free = placements.free()
    yield '0', '0', '', f'{free.fragment_rate():.4f}'
    for limit in args.moves:
        start = time.perf_counter()
        found = plan(
            cloud_of(placements), limit, most=args.most, seconds=args.seconds
        )
        taken = time.perf_counter() - start
        yield (
            str(limit),
            str(len(found.steps)),
            f'{taken:.1f}',
            f'{after(placements, found).fragment_rate():.4f}',
            _bound(free, found),
            f'{greedy(placements, limit)[1].fragment_rate():.4f}',
            *_exact(placements, limit, args.exact),
        )


def _exact(
    placements: Placements, limit: int, seconds: float | None
) -> tuple[str, ...]:
    if seconds is None:
        return ()
    found, bound = AllPlans(placements).least(limit, seconds)
    return 'none' if found is None else f'{found:.4f}', f'{bound:.4f}'


def _bound(free: Free, found: Plan) -> str:
    """The least fragment rate of plans of this kind, as far as proved."""
    assert found.regained is not None
    most = found.regained.at_most
    if most is None:
        return 'unknown'
    units = most * max(1, free.units())
    rate = free.fragment_rate() - FRAGMENT * units / free.cpus()
    return f'{rate:.4f}'


if __name__ == '__main__':
    main()
