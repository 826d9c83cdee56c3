"""Hardware of simulated compute hosts, described in YAML.

The descriptions are in ``machines/``. :class:`Machine` says what one holds,
``machines/README.rst`` how it is written, ``machine_schema.json`` what is
allowed.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import enum
import functools
from importlib import resources
import pathlib
import re
from typing import Any

from nfv_sched.model.pages import USUAL_BASE_KIB
from nfv_sched.model.similar_names import did_you_mean
from nfv_sched.sim import documents
from nfv_sched.sim.problems import InputError
from nfv_sched.sim.problems import Path
from nfv_sched.sim.problems import Problem
from nfv_sched.sim.yaml_source import read_text
from nfv_sched.sim.yaml_source import YAMLSource

_NIC_FUNCTIONS = 8
_UNITS_KIB = {'K': 1, 'M': 1024, 'G': 1024 * 1024}
_CPU_RANGE = re.compile(r'^(\d+)(?:-(\d+)(?::(\d+)/(\d+))?)?$')
_MOST_CPUS = 8
_SCHEMA = 'machine_schema.json'

Data = Mapping[str, Any]


class MachineError(InputError):
    """Descriptions of machines that are invalid, or missing."""


class Assign(enum.StrEnum):
    """The functions of a network card that are for instances."""

    NONE = 'none'
    PORTS = 'ports'
    VFS = 'vfs'
    BOTH = 'both'


@dataclasses.dataclass(frozen=True, slots=True)
class Nic:
    """One port of a network card: a physical function and its VFs.

    The bandwidth, in kbit/s, is what ports may have a minimum of.
    """

    address: str
    vendor_id: str
    product_id: str
    cell: int | None = None
    vfs: int = 0
    vf_product_id: str | None = None
    physnet: str | None = None
    assign: Assign = Assign.NONE
    egress_kbps: int = 0
    ingress_kbps: int = 0

    @property
    def vf_addresses(self) -> tuple[str, ...]:
        """PCI addresses of the virtual functions.

        Numbered as by Intel's 700 series: those of port n begin at slot
        2 + 8n, eight in a slot.
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
        """PCI addresses of the functions that are for instances."""
        port = self.assign in (Assign.PORTS, Assign.BOTH)
        vfs = self.assign in (Assign.VFS, Assign.BOTH)
        return (
            *((self.address,) if port else ()),
            *(self.vf_addresses if vfs else ()),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class MachineCell:
    """One NUMA node.

    ``pages`` and ``reserved_pages`` map huge-page sizes in KiB to numbers of
    pages. ``distances`` has one ACPI SLIT value per NUMA node of the machine,
    in the machine's order. ``physnets`` and ``tunneled`` are the networks
    whose vSwitch port is on this NUMA node.
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

    def base_pages(self, size_kib: int) -> int:
        """The base pages in the memory without huge pages."""
        huge = sum(size * count for size, count in self.pages.items())
        return (self.memory_mib * 1024 - huge) // size_kib


@dataclasses.dataclass(frozen=True, slots=True)
class Machine:
    """One kind of compute host.

    ``dedicated`` and ``shared`` are the CPUs for pinned and for floating
    instances, as ``[compute] cpu_dedicated_set`` and ``cpu_shared_set``. The
    other CPUs are reserved for the host. The threads of a core are
    ``sibling_stride`` CPUs apart. ``labelled`` is whether nova.conf declares
    the labels of the NUMA nodes, see :mod:`nfv_sched.nova.node_labels`.
    ``base_page_kib`` is the size of the pages of its kernel.
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
    labelled: bool = False
    base_page_kib: int = USUAL_BASE_KIB

    @property
    def memory_mib(self) -> int:
        """Memory of all NUMA nodes, in MiB."""
        return sum(cell.memory_mib for cell in self.cells)

    @property
    def cpus(self) -> frozenset[int]:
        """CPUs of all NUMA nodes, including those reserved for the host."""
        return frozenset().union(*(cell.cpus for cell in self.cells))

    def siblings_of(self, cpu: int) -> frozenset[int]:
        """All threads of the core of a CPU."""
        if self.threads == 1:
            return frozenset({cpu})
        core = cpu % self.sibling_stride
        return frozenset(
            core + n * self.sibling_stride for n in range(self.threads)
        )

    def cores(self, cell: MachineCell) -> tuple[frozenset[int], ...]:
        """The cores of a NUMA node as sets of threads, sorted by CPU."""
        return tuple(
            sorted({self.siblings_of(cpu) for cpu in cell.cpus}, key=min)
        )


def parse_cpus(text: str) -> frozenset[int]:
    """CPUs of a list as the kernel writes it: ``0-3,8``, ``0-103:1/2``.

    ``a-b:used/size`` takes the first ``used`` of every ``size`` CPUs.

    :raises ValueError: it is not such a list
    """
    cpus: set[int] = set()
    for part in filter(None, text.replace(' ', '').split(',')):
        match = _CPU_RANGE.match(part)
        if match is None:
            raise ValueError(f'{part!r} is not a range of CPUs')
        first, last, used, size = match.groups()
        run = range(int(first), int(last or first) + 1)
        cpus.update(
            cpu
            for place, cpu in enumerate(run)
            if size is None or place % int(size) < int(used)
        )
    return frozenset(cpus)


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
    if name not in names():
        text = f'there is no such machine{did_you_mean(name, names())}'
        raise MachineError([Problem(f'machine {name}', None, '', text)])
    folder = resources.files(__package__).joinpath('machines')
    return parse(name, folder.joinpath(f'{name}.yaml').read_text('utf-8'))


def load_file(path: pathlib.Path) -> Machine:
    """Load a machine description from any file.

    :raises MachineError: the file does not describe a machine
    :raises OSError: it cannot be read
    """
    try:
        text = read_text(path)
    except InputError as error:
        raise MachineError(error.problems) from error
    return parse(path.stem, text, source=str(path))


def parse(name: str, text: str, source: str | None = None) -> Machine:
    """Make a machine of its description.

    :param source: of the text, in problems
    :raises MachineError: has everything that is wrong
    """
    source = source or f'machine {name}'
    try:
        yaml_source = YAMLSource(source, text)
    except InputError as error:
        raise MachineError(error.problems) from error
    document = documents.Document(
        source, yaml_source.data, _validator(), yaml_source.line_of
    )
    machine = _machine(name, document)
    if document.problems:
        raise MachineError(document.sorted_problems())
    return machine


@functools.cache
def _validator() -> Any:
    return documents.Validator(documents.schema('nfv_sched.sim', _SCHEMA))


def _machine(name: str, document: documents.Document) -> Machine:
    """The machine of what is valid; reports what does not fit together."""
    smt = document.valid_value('smt', {})
    cells = {
        path: _cell(data) for path, data in document.valid_entries('cells')
    }
    nics = {path: _nic(data) for path, data in document.valid_entries('nics')}
    sets = {
        key: parse_cpus(str(document.valid_value(key, '')))
        for key in ('dedicated', 'shared')
    }
    machine = Machine(
        name=name,
        about=document.valid_value('about', ''),
        cells=tuple(cells.values()),
        threads=int(smt.get('threads', 1)),
        sibling_stride=int(smt.get('stride', 0)),
        nics=tuple(nics.values()),
        disk_gib=int(document.valid_value('disk_gib', 2000)),
        labelled=document.valid_value('labelled', False),
        base_page_kib=int(
            document.valid_value('base_page_kib', USUAL_BASE_KIB)
        ),
        **sets,
    )
    complete = document.is_valid(('cells',))
    for path, text in _complaints(machine, cells, nics, complete=complete):
        document.report(path, text)
    return machine


def _cpus(data: Data, key: str) -> frozenset[int]:
    return parse_cpus(str(data.get(key, '')))


def _pages(data: Data, key: str) -> dict[int, int]:
    """Counts by page size in KiB from ``{2M: 128, 1G: 4}``."""
    return {
        int(size[:-1]) * _UNITS_KIB[size[-1]]: int(count)
        for size, count in data.get(key, {}).items()
    }


def _optional_int(data: Data, key: str) -> int | None:
    return int(data[key]) if key in data else None


def _cell(data: Data) -> MachineCell:
    networks = data.get('networks', {})
    return MachineCell(
        id=int(data['id']),
        cpus=_cpus(data, 'cpus'),
        memory_mib=int(data['memory_mib']),
        socket=_optional_int(data, 'socket'),
        distances=tuple(map(int, data.get('distances', ()))),
        pages=_pages(data, 'pages'),
        reserved_pages=_pages(data, 'reserved_pages'),
        physnets=frozenset(map(str, networks.get('physnets', ()))),
        tunneled=networks.get('tunneled', False),
    )


def _nic(data: Data) -> Nic:
    vendor, _, product = data['ids'].partition(':')
    vfs = int(data.get('vfs', 0))
    default = Assign.VFS if vfs else Assign.PORTS
    return Nic(
        address=data['address'],
        vendor_id=vendor,
        product_id=product,
        cell=_optional_int(data, 'cell'),
        vfs=vfs,
        vf_product_id=data['vf_ids'].partition(':')[2] if vfs else None,
        physnet=data.get('physnet'),
        assign=Assign(data.get('assign', default)),
        egress_kbps=int(data.get('egress_kbps', 0)),
        ingress_kbps=int(data.get('ingress_kbps', 0)),
    )


def _complaints(
    machine: Machine,
    cells: Mapping[Path, MachineCell],
    nics: Mapping[Path, Nic],
    *,
    complete: bool,
) -> Iterator[tuple[Path, str]]:
    """Paths of entries that do not fit the others, and why.

    :param complete: whether all cells are valid
    """
    owners: dict[int, int] = {}
    ids: set[int] = set()
    for path, cell in cells.items():
        if cell.id in ids:
            text = f'there is a NUMA node {cell.id} already'
            yield (*path, 'id'), text
        ids.add(cell.id)
        if both := [cpu for cpu in cell.cpus if cpu in owners]:
            text = f'NUMA node {owners[both[0]]} has {_listed(both)} already'
            yield (*path, 'cpus'), text
        owners.update(dict.fromkeys(cell.cpus, cell.id))
        yield from _cell_complaints(machine, cell, path)
        count = len(machine.cells)
        if complete and len(cell.distances) not in (0, count):
            yield (*path, 'distances'), f'needs {count} distances'
    if machine.threads > 1 and not machine.sibling_stride:
        yield ('smt', 'stride'), 'several threads need a stride'
    for name in ('dedicated', 'shared'):
        stray = getattr(machine, name) - machine.cpus
        if complete and stray:
            yield (name,), f'no NUMA node has {_listed(stray)}'
    if common := machine.dedicated & machine.shared:
        yield ('shared',), f'{_listed(common)} both dedicated and shared'
    addresses: set[str] = set()
    for path, nic in nics.items():
        if complete and nic.cell is not None and nic.cell not in ids:
            yield (*path, 'cell'), f'there is no NUMA node {nic.cell}'
        if nic.address in addresses:
            text = f'there is a card at {nic.address} already'
            yield (*path, 'address'), text
        addresses.add(nic.address)


def _listed(cpus: Iterable[int]) -> str:
    """CPUs in a text about them, the first few of many."""
    numbers = sorted(cpus)
    shown = ', '.join(map(str, numbers[:_MOST_CPUS]))
    more = ', ...' if len(numbers) > _MOST_CPUS else ''
    return f'CPU{"s" * (len(numbers) > 1)} {shown}{more}'


def _cell_complaints(
    machine: Machine, cell: MachineCell, path: Path
) -> Iterator[tuple[Path, str]]:
    if machine.threads == 1 or machine.sibling_stride:
        for core in machine.cores(cell):
            if not core <= cell.cpus:
                text = f'has only part of the core of {_listed(core)}'
                yield (*path, 'cpus'), text
    if cell.base_pages(machine.base_page_kib) < 0:
        yield (*path, 'pages'), 'more huge pages than memory'
    for size, count in cell.reserved_pages.items():
        if count > cell.pages.get(size, 0):
            text = f'more pages of {size} KiB are reserved than there are'
            yield (*path, 'reserved_pages'), text
