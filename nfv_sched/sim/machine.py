"""A compute host described in a few lines of YAML: facts, no behaviour.

The descriptions lie in ``machines/``. See :class:`Machine` for what one says
and ``machines/README.rst`` for how it is written.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import enum
import functools
from importlib import resources
import pathlib

import yaml  # type: ignore[import-untyped]

from nfv_sched.sim import fields
from nfv_sched.sim.fields import MachineError

_NIC_FUNCTIONS = 8


class Assign(enum.StrEnum):
    """Which functions of a network card guests may have."""

    NONE = 'none'
    PORTS = 'ports'
    VFS = 'vfs'
    BOTH = 'both'


@dataclasses.dataclass(frozen=True, slots=True)
class Nic:
    """One port of a network card: a physical function and its VFs."""

    address: str
    vendor_id: str
    product_id: str
    cell: int | None = None
    vfs: int = 0
    vf_product_id: str | None = None
    physnet: str | None = None
    assign: Assign = Assign.NONE

    @property
    def vf_addresses(self) -> tuple[str, ...]:
        """PCI addresses of the virtual functions.

        Placed as Intel's 700 series does: those of port n begin at slot
        2 + 8n, eight to a slot.
        """
        bus, _, port = self.address.rpartition(':')
        function = int(port.partition('.')[2])
        first = (2 + 8 * function) * _NIC_FUNCTIONS
        return tuple(
            f'{bus}:{number // 8:02x}.{number % 8}'
            for number in range(first, first + self.vfs)
        )

    @property
    def assignable_addresses(self) -> tuple[str, ...]:
        """PCI addresses of the functions that guests may have."""
        port = self.assign in (Assign.PORTS, Assign.BOTH)
        vfs = self.assign in (Assign.VFS, Assign.BOTH)
        return (
            *((self.address,) if port else ()),
            *(self.vf_addresses if vfs else ()),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class MachineCell:
    """One NUMA cell.

    ``pages`` and ``reserved_pages`` map huge-page sizes in KiB to numbers of
    pages. ``distances`` has one ACPI SLIT value per cell of the machine, in
    the machine's order. ``physnets`` and ``tunneled`` are the networks whose
    vSwitch port is on this cell.
    """

    id: int
    cpus: frozenset[int]
    memory_mib: int
    socket: int | None = None
    distances: tuple[int, ...] = ()
    pages: Mapping[int, int] = dataclasses.field(default_factory=dict)
    reserved_pages: Mapping[int, int] = dataclasses.field(default_factory=dict)
    physnets: frozenset[str] = frozenset()
    tunneled: bool = False

    @property
    def small_pages(self) -> int:
        """4 KiB pages: the memory that no huge page takes."""
        huge = sum(size * count for size, count in self.pages.items())
        return (self.memory_mib * 1024 - huge) // 4


@dataclasses.dataclass(frozen=True, slots=True)
class Machine:
    """One kind of compute host.

    ``dedicated`` and ``shared`` are the CPUs for pinned and for floating
    guests, as ``[compute] cpu_dedicated_set`` and ``cpu_shared_set``; the
    rest is the host's own. The threads of a core are ``sibling_stride``
    CPUs apart.
    """

    name: str
    about: str
    cells: tuple[MachineCell, ...]
    dedicated: frozenset[int]
    shared: frozenset[int] = frozenset()
    threads: int = 1
    sibling_stride: int = 0
    nics: tuple[Nic, ...] = ()
    disk_gib: int = 2000

    @property
    def memory_mib(self) -> int:
        """Memory of all cells."""
        return sum(cell.memory_mib for cell in self.cells)

    @property
    def cpus(self) -> frozenset[int]:
        """CPUs of all cells, the host's own among them."""
        return frozenset().union(*(cell.cpus for cell in self.cells))

    def siblings_of(self, cpu: int) -> frozenset[int]:
        """Every thread of the core that ``cpu`` belongs to."""
        if self.threads == 1:
            return frozenset({cpu})
        core = cpu % self.sibling_stride
        return frozenset(
            core + n * self.sibling_stride for n in range(self.threads)
        )

    def cores(self, cell: MachineCell) -> tuple[frozenset[int], ...]:
        """The cores of a cell as sets of threads, lowest CPU first."""
        return tuple(
            sorted({self.siblings_of(cpu) for cpu in cell.cpus}, key=min)
        )


def names() -> tuple[str, ...]:
    """Names of the machines in the package, sorted."""
    return tuple(
        sorted(
            entry.name.removesuffix('.yaml')
            for entry in resources.files(__package__)
            .joinpath('machines')
            .iterdir()
            if entry.name.endswith('.yaml')
        )
    )


def load(name: str) -> Machine:
    """Load the machine ``name`` of the package.

    :raises MachineError: there is no such machine
    """
    source = resources.files(__package__).joinpath('machines', f'{name}.yaml')
    if not source.is_file():
        raise MachineError(name, f'no such machine; there are {names()}')
    return parse(name, source.read_text())


def load_file(path: pathlib.Path) -> Machine:
    """Load a machine description from anywhere.

    :raises MachineError: the file does not describe a machine
    """
    return parse(path.stem, path.read_text())


def parse(name: str, text: str) -> Machine:
    """Make a machine of its description.

    :raises MachineError: says which entry is wrong, and why
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MachineError(name, f'not YAML: {error}') from error
    top = fields.Fields('', data, functools.partial(MachineError.at, name))
    smt = top.section('smt', {'threads': 1, 'stride': 0})
    machine = Machine(
        name=name,
        about=top.text('about'),
        cells=tuple(_cell(entry) for entry in top.entries('cells')),
        dedicated=top.cpus('dedicated', ''),
        shared=top.cpus('shared', ''),
        threads=smt.number('threads'),
        sibling_stride=smt.number('stride'),
        nics=tuple(_nic(entry) for entry in top.entries('nics', [])),
        disk_gib=top.number('disk_gib', 2000),
    )
    smt.finish()
    top.finish()
    for complaint in _complaints(machine):
        raise MachineError(name, complaint)
    return machine


def _cell(entry: fields.Fields) -> MachineCell:
    networks = entry.section('networks', {})
    cell = MachineCell(
        id=entry.number('id'),
        cpus=entry.cpus('cpus'),
        memory_mib=entry.number('memory_mib'),
        socket=entry.optional_number('socket'),
        distances=tuple(entry.numbers('distances', [])),
        pages=entry.pages('pages'),
        reserved_pages=entry.pages('reserved_pages'),
        physnets=frozenset(networks.words('physnets', [])),
        tunneled=networks.flag('tunneled'),
    )
    networks.finish()
    entry.finish()
    return cell


def _nic(entry: fields.Fields) -> Nic:
    vendor, product = entry.pci_ids('ids')
    vfs = entry.number('vfs', 0)
    vf_product = entry.pci_ids('vf_ids')[1] if vfs else None
    default = Assign.VFS if vfs else Assign.PORTS
    nic = Nic(
        address=entry.pci_address('address'),
        vendor_id=vendor,
        product_id=product,
        cell=entry.optional_number('cell'),
        vfs=vfs,
        vf_product_id=vf_product,
        physnet=entry.optional_text('physnet'),
        assign=Assign(entry.choice('assign', default, tuple(Assign))),
    )
    entry.finish()
    return nic


def _complaints(machine: Machine) -> Iterator[str]:
    """What is wrong with a machine as a whole, worst first."""
    ids = [cell.id for cell in machine.cells]
    if not ids or len(set(ids)) != len(ids):
        yield f'cells need ids of their own, not {ids}'
    owners: dict[int, int] = {}
    for cell in machine.cells:
        for cpu in cell.cpus:
            if owners.setdefault(cpu, cell.id) != cell.id:
                yield f'CPU {cpu} is on cells {owners[cpu]} and {cell.id}'
    for cell in machine.cells:
        yield from _cell_complaints(machine, cell)
    for name in ('dedicated', 'shared'):
        if stray := getattr(machine, name) - machine.cpus:
            yield f'{name}: no cell has CPUs {sorted(stray)}'
    if both := machine.dedicated & machine.shared:
        yield f'CPUs {sorted(both)} are both dedicated and shared'
    for nic in machine.nics:
        if nic.cell is not None and nic.cell not in ids:
            yield f'nics: {nic.address} is on cell {nic.cell}: no such cell'
    addresses = [nic.address for nic in machine.nics]
    if len(set(addresses)) != len(addresses):
        yield 'nics: two of them have one address'


def _cell_complaints(machine: Machine, cell: MachineCell) -> Iterator[str]:
    if machine.threads > 1 and machine.sibling_stride <= 0:
        yield 'smt: threads need a stride'
        return
    for core in machine.cores(cell):
        if not core <= cell.cpus:
            yield f'cell {cell.id} has only part of core {sorted(core)}'
    if cell.small_pages < 0:
        yield f'cell {cell.id}: more huge pages than memory'
    for size, count in cell.reserved_pages.items():
        if count > cell.pages.get(size, 0):
            yield f'cell {cell.id}: more {size} KiB pages reserved than there'
    if cell.distances and len(cell.distances) != len(machine.cells):
        yield f'cell {cell.id}: needs {len(machine.cells)} distances'
