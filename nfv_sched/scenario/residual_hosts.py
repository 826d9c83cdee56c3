"""Turn a survey into simulated machines that hold the free capacity only.

The survey is the output of ``nfv-sched topology -f json``. Shared CPUs filled
by floating instances are left out. CPU and device numbers are reassigned.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import fnmatch
import json
import math
import pathlib
from typing import Any

from nfv_sched.dryrun.tables import SCHEMA_VERSION
from nfv_sched.model.pages import base_page_kib
from nfv_sched.model.pages import USUAL_BASE_KIB
from nfv_sched.scenario.values import PlannedHost
from nfv_sched.sim.machine import Assign
from nfv_sched.sim.machine import Machine
from nfv_sched.sim.machine import MachineCell
from nfv_sched.sim.machine import Nic

HostDocument = Mapping[str, Any]

_KIB = 1024
_UNKNOWN_PORT = '0000'


class SurveyDataError(Exception):
    """The survey cannot be simulated; the text says why."""


def hosts_of(
    file: pathlib.Path, patterns: Sequence[str], cpu_ratio: float
) -> Iterator[PlannedHost]:
    """The free capacity of hosts of a survey that are enabled and up.

    :param patterns: shell patterns of host names
    :param cpu_ratio: floating guest CPUs that fill one shared CPU
    :raises SurveyDataError: the file is not such a survey, or has no CPU
        numbers
    """
    try:
        survey = json.loads(file.read_text('utf-8'))
    except OSError as error:
        raise SurveyDataError(f'{file}: {error.strerror}') from error
    except ValueError as error:
        raise SurveyDataError(f'{file} is not JSON: {error}') from error
    if (
        not isinstance(survey, dict)
        or survey.get('command') != 'topology'
        or survey.get('schema_version') != SCHEMA_VERSION
        or 'hosts' not in survey
    ):
        raise SurveyDataError(
            f'{file} is not output of "nfv-sched topology -f json" with '
            f'schema_version {SCHEMA_VERSION}'
        )
    for host in survey['hosts']:
        name = host['host']
        if host['enabled'] is False:
            continue
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            machine = machine_of(host, cpu_ratio)
            yield PlannedHost(name, machine, host['failure_domains'])


def machine_of(host: HostDocument, cpu_ratio: float) -> Machine:
    """A machine with the free capacity of a host.

    :param cpu_ratio: floating guest CPUs that fill one shared CPU
    :raises SurveyDataError: its CPU numbers are not known
    """
    cells = host['numa_nodes']
    if any(cell['cpus'] is None for cell in cells):
        raise SurveyDataError(
            f'{host["host"]}: CPU numbers are not known; run "nfv-sched '
            'topology" where nova.conf names Nova\'s databases'
        )
    cores = {cell['id']: list(_cores(cell['cpus'])) for cell in cells}
    every = [core for of_cell in cores.values() for core in of_cell]
    numbers = _numbers(every)
    dedicated: set[int] = set()
    shared: set[int] = set()
    for cell in cells:
        cpus = cell['cpus']
        free = set(cpus['dedicated']) - set(cpus['pinned'])
        dedicated.update(numbers[cpu] for cpu in free)
        floating = sorted(set(cpus['shared']) - free)
        full = math.ceil(cell['shared_used'] / cpu_ratio)
        left = floating[: max(0, len(floating) - full)]
        shared.update(numbers[cpu] for cpu in left)
    threads = max(map(len, every), default=1)
    machine_cells = []
    first = 0
    for cell in cells:
        own = range(first, first + len(cores[cell['id']]))
        first = own.stop
        cpus = frozenset(
            core + thread * len(every)
            for core in own
            for thread in range(threads)
        )
        machine_cells.append(_cell(cell, cells, cpus))
    return Machine(
        name=host['host'],
        about=f'free capacity of {host["host"]}',
        cells=tuple(machine_cells),
        dedicated=frozenset(dedicated),
        shared=frozenset(shared),
        threads=threads,
        sibling_stride=len(every),
        base_page_kib=max(
            (
                base_page_kib(pool['size_kib'] for pool in cell['pages'])
                for cell in cells
            ),
            default=0,
        )
        or USUAL_BASE_KIB,
        nics=tuple(_nics(host['devices'] or (), {c['id'] for c in cells})),
    )


def _cores(cpus: HostDocument) -> Iterator[Sequence[int]]:
    """The threads of each core; a CPU of no core is one by itself."""
    usable = {*cpus['dedicated'], *cpus['shared']}
    grouped = [core for core in cpus['siblings'] if core]
    yield from grouped
    for cpu in sorted(usable.difference(*grouped)):
        yield (cpu,)


def _numbers(cores: Sequence[Sequence[int]]) -> dict[int, int]:
    """A new number for each CPU: the threads of a core are a stride apart."""
    return {
        cpu: place + thread * len(cores)
        for place, core in enumerate(cores)
        for thread, cpu in enumerate(core)
    }


def _cell(
    cell: HostDocument, cells: Sequence[HostDocument], cpus: frozenset[int]
) -> MachineCell:
    memory_mib = max(0, cell['memory_mib'] - cell['memory_used_mib'])
    pages, reserved = _huge_pages(cell['pages'], memory_mib)
    return MachineCell(
        id=cell['id'],
        cpus=cpus,
        memory_mib=memory_mib,
        socket=cell['socket'],
        distances=_distances(cell, cells),
        pages=pages,
        reserved_pages=reserved,
        physnets=frozenset(cell['physnets']),
        tunneled=cell['tunneled'],
    )


def _huge_pages(
    pools: Sequence[HostDocument], memory_mib: int
) -> tuple[dict[int, int], dict[int, int]]:
    """Counts by size: free and reserved huge pages, and reserved ones.

    Floating instances may use more memory than the small pages have. Huge
    pages without memory left for them are removed: reserved ones first, and
    small sizes first.
    """
    pages, reserved = {}, {}
    room = memory_mib * _KIB
    base = base_page_kib(pool['size_kib'] for pool in pools)
    for pool in sorted(pools, key=lambda pool: -pool['size_kib']):
        size = pool['size_kib']
        if size > base:
            free = max(0, pool['usable'] - pool['used'])
            pages[size] = min(free + pool['reserved'], room // size)
            reserved[size] = max(0, pages[size] - free)
            room -= size * pages[size]
    return pages, reserved


def _distances(
    cell: HostDocument, cells: Sequence[HostDocument]
) -> tuple[int, ...]:
    known = {int(far): n for far, n in cell['distances'].items()}
    known.setdefault(cell['id'], 10)
    row = [known.get(other['id']) for other in cells]
    return tuple(n for n in row if n is not None) if all(row) else ()


def _nics(devices: Sequence[HostDocument], cells: set[int]) -> Iterator[Nic]:
    """Cards with their free functions, each card on a bus of its own."""
    cards: dict[str, list[HostDocument]] = {}
    for device in devices:
        if device['free']:
            parent = device['parent'] or device['address']
            cards.setdefault(parent, []).append(device)
    for number, members in enumerate(cards.values(), 1):
        functions = [dev for dev in members if dev['type'] == 'type-VF']
        ports = [dev for dev in members if dev['type'] != 'type-VF']
        first = (ports or functions)[0]
        yield Nic(
            address=f'{number // 256:04x}:{number % 256:02x}:00.0',
            vendor_id=first['vendor_id'],
            product_id=ports[0]['product_id'] if ports else _UNKNOWN_PORT,
            cell=first['numa_node'] if first['numa_node'] in cells else None,
            vfs=len(functions),
            vf_product_id=functions[0]['product_id'] if functions else None,
            physnet=first['physnet'],
            assign=_assign(functions, ports),
        )


def _assign(
    functions: Sequence[HostDocument], ports: Sequence[HostDocument]
) -> Assign:
    """Which functions of a card are free, for their type of device."""
    if not ports:
        return Assign.VFS
    if not functions and ports[0]['type'] == 'type-PF':
        return Assign.PORTS
    # A port with VFs, or a device that is not a network card.
    return Assign.BOTH
