"""Alternative requests: one extra spec changed at a time."""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses

from nfv_sched.fit import pcie_roots
from nfv_sched.fit.request import KIB_PER_MIB
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import PAGES_ANY


@dataclasses.dataclass(frozen=True, slots=True)
class Alternative:
    """A guest, and the extra spec that turns the requested one into it.

    ``spared`` are dedicated CPUs that it does without, ``trait`` is one that
    Nova then neither requires nor forbids.
    """

    change: str
    guest: Guest
    spared: int = 0
    trait: str | None = None


def alternatives(
    guest: Guest, page_sizes: Iterable[int]
) -> Iterator[Alternative]:
    """What could be asked instead, one change at a time.

    :param page_sizes: in KiB, of the hosts that there are
    """
    yield from _other_pages(guest, sorted(page_sizes))
    yield from _other_threads(guest)
    yield from _other_affinity(guest)
    if guest.pcie_policy == pcie_roots.REQUIRED:
        yield Alternative(
            'nfv:pcie=same',
            dataclasses.replace(guest, pcie_policy='preferred'),
        )
    if guest.emulator_isolated:
        yield Alternative(
            'hw:emulator_threads_policy=share',
            dataclasses.replace(guest, emulator_isolated=False),
            spared=1,
        )
    yield from _other_cells(guest)


def _with_cells(guest: Guest, **changes: object) -> Guest:
    return dataclasses.replace(
        guest,
        cells=tuple(
            dataclasses.replace(cell, **changes)  # type: ignore[arg-type]
            for cell in guest.cells
        ),
    )


def _other_pages(guest: Guest, sizes: list[int]) -> Iterator[Alternative]:
    requested = {cell.page_size for cell in guest.cells}
    if not guest.cells or None in requested:
        return
    for size in sizes:
        if requested != {size} and all(
            cell.memory_mib * KIB_PER_MIB % size == 0 for cell in guest.cells
        ):
            yield Alternative(
                f'hw:mem_page_size={spec_size(size)}',
                _with_cells(guest, page_size=size),
            )
    if requested != {PAGES_ANY}:
        yield Alternative(
            'hw:mem_page_size=any', _with_cells(guest, page_size=PAGES_ANY)
        )


def _other_threads(guest: Guest) -> Iterator[Alternative]:
    policies = {cell.thread_policy for cell in guest.cells}
    if policies & {'require', 'isolate'}:
        yield Alternative(
            'hw:cpu_thread_policy=prefer',
            _with_cells(guest, thread_policy='prefer'),
            trait='HW_CPU_HYPERTHREADING',
        )


def _other_affinity(guest: Guest) -> Iterator[Alternative]:
    policies = {request.policy for request in guest.devices}
    if not guest.cells:
        return
    wider = []
    if 'required' in policies:
        wider.append('socket')
    if policies - {'preferred'}:
        wider.append('preferred')
    for policy in wider:
        yield Alternative(
            f'hw:pci_numa_affinity_policy={policy}',
            dataclasses.replace(
                guest,
                devices=tuple(
                    dataclasses.replace(request, policy=policy)
                    for request in guest.devices
                ),
            ),
            trait='COMPUTE_SOCKET_PCI_NUMA_AFFINITY',
        )


def _other_cells(guest: Guest) -> Iterator[Alternative]:
    """One cell instead of several, or two instead of one.

    Laid out as nova.virt.hardware ``_get_constraints_auto`` does.
    """
    if len(guest.cells) == 1:
        [cell] = guest.cells
        cpus = sorted(cell.dedicated | cell.shared)
        if len(cpus) % 2 or cell.memory_mib % 2:
            return
        half = len(cpus) // 2
        cells = tuple(
            _part(cell, index, frozenset(part), cell.memory_mib // 2)
            for index, part in enumerate((cpus[:half], cpus[half:]))
        )
        yield Alternative(
            'hw:numa_nodes=2', dataclasses.replace(guest, cells=cells)
        )
    elif len(guest.cells) > 1 and _alike(guest.cells):
        first = guest.cells[0]
        whole = GuestCell(
            0,
            sum(cell.memory_mib for cell in guest.cells),
            frozenset().union(*(cell.shared for cell in guest.cells)),
            frozenset().union(*(cell.dedicated for cell in guest.cells)),
            first.page_size,
            first.cpu_policy,
            first.thread_policy,
        )
        yield Alternative(
            'hw:numa_nodes=1', dataclasses.replace(guest, cells=(whole,))
        )


def _part(
    cell: GuestCell, index: int, cpus: frozenset[int], memory_mib: int
) -> GuestCell:
    return dataclasses.replace(
        cell,
        id=index,
        memory_mib=memory_mib,
        shared=cell.shared & cpus,
        dedicated=cell.dedicated & cpus,
    )


def _alike(cells: tuple[GuestCell, ...]) -> bool:
    return (
        len({(c.memory_mib, len(c.shared | c.dedicated)) for c in cells}) == 1
    )


def spec_size(size_kib: int) -> str:
    """A page size as a flavor has it: 4KB, 2MB, 1GB."""
    size = size_kib
    for unit in ('KB', 'MB'):
        if size % KIB_PER_MIB:
            return f'{size}{unit}'
        size //= KIB_PER_MIB
    return f'{size}GB'
