"""What guests have left of surveyed hosts, as machines to simulate.

Made of the data of ``nfv-sched topology -f json``. What guests hold there is
not part of the machine, as if it were the host's own; of shared CPUs those
are left out that floating guests fill. CPUs are numbered anew, and so are
devices.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import fnmatch
import json
import math
import pathlib
from typing import Any

from nfv_sched.render.metrics import SMALL_PAGE_KIB
from nfv_sched.scenario.values import PlannedHost
from nfv_sched.sim.machine import Assign
from nfv_sched.sim.machine import Machine
from nfv_sched.sim.machine import MachineCell
from nfv_sched.sim.machine import Nic
from nfv_sched.survey.export import VERSION

HostDocument = Mapping[str, Any]

_KIB = 1024
_UNKNOWN_PORT = '0000'


class SurveyDataError(Exception):
    """The survey cannot be simulated; the text says why."""


def hosts_of(
    file: pathlib.Path, patterns: Sequence[str], cpu_ratio: float
) -> Iterator[PlannedHost]:
    """Return what is left of the hosts of a survey that can be used.

    Hosts that are disabled or down are left out.

    :param patterns: of names, as in a shell
    :param cpu_ratio: as many floating guest CPUs fill a shared CPU
    :raises LeftoverError: it is no such survey, or one without CPU numbers
    """
    try:
        survey = json.loads(file.read_text('utf-8'))
    except OSError as error:
        raise SurveyDataError(f'{file}: {error.strerror}') from error
    except ValueError as error:
        raise SurveyDataError(f'{file} is not JSON: {error}') from error
    if not isinstance(survey, dict) or survey.get('version') != VERSION:
        raise SurveyDataError(
            f'{file} is not of "nfv-sched topology -f json", version {VERSION}'
        )
    for host in survey['hosts']:
        name = host['host']
        if host['enabled'] is False:
            continue
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            machine = machine_of(host, cpu_ratio)
            yield PlannedHost(name, machine, host['failure_domains'])


def machine_of(host: HostDocument, cpu_ratio: float) -> Machine:
    """Return what guests may still take of a host.

    :param cpu_ratio: as many floating guest CPUs fill a shared CPU
    :raises LeftoverError: its CPUs are not known one by one
    """
    cells = host['cells']
    if any(cell['cpus'] is None for cell in cells):
        raise SurveyDataError(
            f'{host["host"]}: CPUs are not known one by one; survey it where '
            "Nova's databases are"
        )
    cores = {cell['id']: list(_cores(cell['cpus'])) for cell in cells}
    every = [core for found in cores.values() for core in found]
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
    made = []
    first = 0
    for cell in cells:
        own = range(first, first + len(cores[cell['id']]))
        first = own.stop
        cpus = frozenset(
            core + thread * len(every)
            for core in own
            for thread in range(threads)
        )
        made.append(_cell(cell, cells, cpus))
    return Machine(
        name=host['host'],
        about=f'what is left of {host["host"]}',
        cells=tuple(made),
        dedicated=frozenset(dedicated),
        shared=frozenset(shared),
        threads=threads,
        sibling_stride=len(every),
        nics=tuple(_nics(host['devices'] or (), {c['id'] for c in cells})),
    )


def _cores(cpus: HostDocument) -> Iterator[Sequence[int]]:
    """The threads of each core, CPUs of no core one by one."""
    usable = {*cpus['dedicated'], *cpus['shared']}
    grouped = [core for core in cpus['siblings'] if core]
    yield from grouped
    for cpu in sorted(usable.difference(*grouped)):
        yield (cpu,)


def _numbers(cores: Sequence[Sequence[int]]) -> dict[int, int]:
    """A new number for each CPU: threads of a core a stride apart."""
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
    """Huge pages that guests have left and the host's own, then the latter.

    Floating guests may hold more memory than there is in small pages: huge
    ones that no memory is left for are left out, the host's own and small
    sizes first.
    """
    pages, reserved = {}, {}
    room = memory_mib * _KIB
    for pool in sorted(pools, key=lambda one: -one['size_kib']):
        size = pool['size_kib']
        if size > SMALL_PAGE_KIB:
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
    found = [known.get(other['id']) for other in cells]
    return tuple(n for n in found if n is not None) if all(found) else ()


def _nics(devices: Sequence[HostDocument], cells: set[int]) -> Iterator[Nic]:
    """Cards with what is free of them, each on a bus of its own."""
    cards: dict[str, list[HostDocument]] = {}
    for device in devices:
        if device['free']:
            parent = device['parent'] or device['address']
            cards.setdefault(parent, []).append(device)
    for number, members in enumerate(cards.values(), 1):
        functions = [one for one in members if one['type'] == 'type-VF']
        ports = [one for one in members if one['type'] != 'type-VF']
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
    """What of a card is offered, and as which type of device."""
    if not ports:
        return Assign.VFS
    if not functions and ports[0]['type'] == 'type-PF':
        return Assign.PORTS
    # A port with functions, or a device that is no network card.
    return Assign.BOTH
