"""What fits one host, as linear inequalities over how many guests it holds.

Guests of one flavor on one host are counted, not told apart: how many there
are, how many of them have their n-th cell on which host cell with which page
size, and how many of their devices come from which cell. That guest cells of
one guest are on different host cells is kept exactly for two cells (a
pairing without equals exists if no cell has more than half of all), and
that devices are near is kept per flavor and cell. Which thread of which core
is not modelled: every thread policy in use takes any free CPUs.
"""

from collections.abc import Sequence
import dataclasses
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.packing.computes import CPU_RATIO
from benchmarks.packing.computes import RESERVED_MIB
from benchmarks.packing.computes import Shape
from nfv_sched.sim.machine import Assign
from nfv_sched.sim.machine import Machine
from nfv_sched.sim.machine import MachineCell

_ANY_SIZE_ABOVE_SMALLEST = -2


@dataclasses.dataclass(frozen=True)
class HostModel:
    """``below @ x <= limits`` and ``equal @ x == 0`` for one host.

    ``counts[i]`` is the variable that counts guests of shape ``i``. All
    variables are from 0, those marked by ``whole`` whole numbers; the others
    say where devices come from, and are whole by themselves wherever the
    rest is. ``n`` like hosts together fulfil the same with ``n * limits``.
    """

    counts: tuple[int, ...]
    whole: Any
    size: int
    below: Any
    limits: Any
    equal: Any


class _Rows:
    """Rows of a sparse matrix in the making."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, float]] = []
        self.limits: list[float] = []

    def add(self, terms: Sequence[tuple[int, float]], limit: float) -> None:
        row = len(self.limits)
        self.entries += [(row, column, value) for column, value in terms]
        self.limits.append(limit)

    def matrix(self, size: int) -> Any:
        rows, columns, values = (
            zip(*self.entries, strict=True) if self.entries else ((), (), ())
        )
        return sparse.csr_matrix(
            (values, (rows, columns)), shape=(len(self.limits), size)
        )


class _Builder:
    """Makes the model of one machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.size = 0
        self.below = _Rows()
        self.equal = _Rows()
        # What each resource of the host gives to which variables.
        self.used: dict[Any, list[tuple[int, float]]] = {}
        self.counts: list[int] = []
        self.whole: list[bool] = []

    def variable(self, *, whole: bool = True) -> int:
        self.size += 1
        self.whole.append(whole)
        return self.size - 1

    def add(self, shape: Shape) -> None:
        """Add the variables and rules of one shape."""
        count = self.variable()
        self.counts.append(count)
        self._use('memory', count, shape.flavor.ram_mib)
        self._use('vcpus', count, shape.vcpus)
        on_cell: dict[int, list[tuple[int, int]]] = {
            cell.id: [] for cell in self.machine.cells
        }
        wanted = shape.spec.numa_topology.cells
        for place, guest_cell in enumerate(wanted):
            terms = [(count, -1.0)]
            for cell in self.machine.cells:
                for size in _page_sizes(cell, guest_cell):
                    here = self.variable()
                    terms.append((here, 1.0))
                    on_cell[cell.id].append((place, here))
                    self._use(('cpus', cell.id), here, len(guest_cell.pcpuset))
                    self._use(
                        ('shared', cell.id), here, len(guest_cell.cpuset)
                    )
                    self._use(
                        ('pages', cell.id, size),
                        here,
                        guest_cell.memory * 1024 // size,
                    )
            self.equal.add(terms, 0)
        if len(wanted) > 1:
            for found in on_cell.values():
                self.below.add(
                    [(count, -1.0)] + [(here, 1.0) for _, here in found], 0
                )
        for request in shape.requests:
            self._add_devices(count, request, on_cell)

    def _add_devices(self, count: int, request: Any, on_cell: Any) -> None:
        network = request.spec[0]['physical_network']
        policy = request.numa_policy if 'numa_policy' in request else None
        terms = [(count, -float(request.count))]
        for cell in self.machine.cells:
            taken = self.variable(whole=False)
            terms.append((taken, 1.0))
            self._use(('devices', cell.id, network), taken, 1)
            if policy != 'preferred':
                self.below.add(
                    [(taken, 1.0)]
                    + [
                        (here, -float(request.count))
                        for _, here in on_cell[cell.id]
                    ],
                    0,
                )
        self.equal.add(terms, 0)

    def _use(self, resource: Any, variable: int, amount: float) -> None:
        if amount:
            self.used.setdefault(resource, []).append(
                (variable, float(amount))
            )

    def finish(self) -> HostModel:
        """The model, with what the machine has."""
        for resource, terms in self.used.items():
            self.below.add(terms, _capacity(self.machine, resource))
        return HostModel(
            counts=tuple(self.counts),
            whole=np.array(self.whole, dtype=int),
            size=self.size,
            below=self.below.matrix(self.size),
            limits=np.array(self.below.limits),
            equal=self.equal.matrix(self.size),
        )


def host_model(machine: Machine, shapes: Sequence[Shape]) -> HostModel:
    """What of the shapes fits one host of a kind."""
    builder = _Builder(machine)
    for shape in shapes:
        builder.add(shape)
    return builder.finish()


def _page_sizes(cell: MachineCell, guest_cell: Any) -> list[int]:
    """The page sizes, in KiB, that a guest cell may get on a cell."""
    if guest_cell.pagesize == _ANY_SIZE_ABOVE_SMALLEST:
        sizes = list(cell.pages)
    else:
        sizes = [size for size in cell.pages if size == guest_cell.pagesize]
    return [size for size in sizes if guest_cell.memory * 1024 % size == 0]


def _capacity(machine: Machine, resource: Any) -> float:
    """How much of a resource a host has for guests."""
    if resource == 'memory':
        return machine.memory_mib - RESERVED_MIB
    if resource == 'vcpus':
        return len(machine.shared) * CPU_RATIO
    kind, cell_id, *rest = resource
    cell = next(cell for cell in machine.cells if cell.id == cell_id)
    if kind == 'cpus':
        return len(cell.cpus & machine.dedicated)
    if kind == 'shared':
        return len(cell.cpus & machine.shared) * CPU_RATIO
    if kind == 'pages':
        [size] = rest
        return cell.pages[size] - cell.reserved_pages.get(size, 0)
    return sum(
        len(nic.assignable_addresses)
        for nic in machine.nics
        if nic.assign is not Assign.NONE
        and nic.cell == cell_id
        and [nic.physnet] == rest
    )
