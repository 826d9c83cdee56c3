"""One guest cell on one host cell.

Decides what nova.virt.hardware ``_numa_fit_instance_cell`` decides, without
its side effects on the request.
"""

from collections.abc import Iterator
import dataclasses
from typing import NamedTuple

from nfv_sched.fit import cores
from nfv_sched.fit.request import KIB_PER_MIB
from nfv_sched.model import Cell
from nfv_sched.model import GuestCell
from nfv_sched.model import PAGES_ANY
from nfv_sched.model import PAGES_LARGE
from nfv_sched.model import PAGES_SMALL
from nfv_sched.model import Resource
from nfv_sched.model.pages import base_page_kib
from nfv_sched.model.pages import USUAL_BASE_KIB


class Ratios(NamedTuple):
    """A host's allocation ratios, which limit shared CPUs and memory."""

    cpu: float = 1.0
    ram: float = 1.0


class Shortage(NamedTuple):
    """What was missing: CPUs, pages, MiB.

    ``size_kib`` is the page size that was asked for, or that memory is made of
    where none was.
    """

    resource: Resource
    asked: int
    available: int
    size_kib: int | None = None


class Attempt(NamedTuple):
    """The outcome of trying one guest cell on one host cell.

    ``shortage`` is None when it fits. ``page_size`` is the size in KiB that
    was chosen where one was asked for, and ``pins`` is whether dedicated
    CPUs were found: Nova leaves both behind in its request even when a later
    check refuses the cell.
    """

    shortage: Shortage | None
    page_size: int | None
    pins: bool = False


def attempt(
    host: Cell,
    guest: GuestCell,
    page_size: int | None,
    emulator_cpus: int,
    ratios: Ratios,
) -> Attempt:
    """Try ``guest`` on ``host``.

    :param page_size: takes the place of the guest cell's own: Nova narrows
        ``any`` and ``large`` to the first size that was chosen anywhere
    :param emulator_cpus: dedicated CPUs on top, for emulator threads
    :raises nfv_sched.fit.cores.ClaimError: Nova's own code would raise
    """
    shortage, page_size = memory_shortage(host, guest, page_size)
    if shortage is not None:
        return Attempt(shortage, page_size)
    pins = False
    if guest.pinned:
        shortage = dedicated_shortage(host, guest, emulator_cpus)
        if shortage is not None:
            # Nova checks shared CPUs first, to the same effect.
            return Attempt(shortage, page_size)
    if guest.cpu_policy != 'dedicated':
        # A guest never overcommits against itself.
        asked, available = len(guest.shared), len(host.shared_cpus)
        if asked > available:
            shortage = Shortage(Resource.SHARED_CPUS, asked, available)
            return Attempt(shortage, page_size)
    if guest.pinned:
        shortage = sibling_shortage(host, guest, emulator_cpus)
        pins = shortage is None
    if shortage is None and guest.cpu_policy != 'dedicated':
        shortage = _overcommit(host, guest, ratios)
    return Attempt(shortage, page_size, pins)


def page_sizes(host: Cell, asked: int) -> list[int]:
    """The page sizes in KiB to try on ``host``, in Nova's order.

    As in nova.virt.hardware ``_numa_cell_supports_pagesize_request``.
    """
    if asked not in (PAGES_SMALL, PAGES_LARGE, PAGES_ANY):
        return [asked]
    sizes = sorted((pool.size_kib for pool in host.pages), reverse=True)
    if asked == PAGES_SMALL:
        return sizes[-1:]
    if asked == PAGES_LARGE:
        return sizes[:-1]
    return sizes


def pages_fit(
    host: Cell, memory_mib: int, size_kib: int, *, free: bool = True
) -> bool:
    """Whether memory fits pages of one size: NUMACell.can_fit_pagesize.

    Counts free pages, or all where ``free`` is False: shared guests may
    overcommit small pages. A size that the cell lacks does not fit.
    """
    memory = memory_mib * KIB_PER_MIB
    for pool in host.pages:
        if pool.size_kib == size_kib:
            pages = pool.free if free else pool.total
            return memory <= pages * size_kib and memory % size_kib == 0
    return False


def page_shortages(
    host: Cell, guest: GuestCell, asked: int
) -> Iterator[Shortage]:
    """Each page size that was tried, with the pages asked and free there."""
    memory = guest.memory_mib * KIB_PER_MIB
    free = {pool.size_kib: pool.free for pool in host.pages}
    for size in page_sizes(host, asked):
        yield Shortage(
            Resource.PAGES,
            -(-memory // size) if size > 0 else 0,
            free.get(size, 0),
            size,
        )


def page_shortage(host: Cell, guest: GuestCell, asked: int) -> Shortage:
    """The nearest miss among the page sizes that were tried."""
    return min(
        page_shortages(host, guest, asked),
        key=lambda miss: (miss.asked - miss.available) * (miss.size_kib or 1),
        default=Shortage(
            Resource.PAGES,
            guest.memory_mib
            * KIB_PER_MIB
            // (
                base_page_kib(pool.size_kib for pool in host.pages)
                or USUAL_BASE_KIB
            ),
            0,
        ),
    )


def memory_shortage(
    host: Cell, guest: GuestCell, asked: int | None
) -> tuple[Shortage | None, int | None]:
    """What memory lacks, and the page size that was chosen if any."""
    if asked:
        for size in page_sizes(host, asked):
            if pages_fit(host, guest.memory_mib, size):
                return None, size
        return page_shortage(host, guest, asked), asked
    smallest = min(host.pages, key=lambda pool: pool.size_kib, default=None)
    if smallest is None:
        available = host.free_memory_mib if guest.pinned else host.memory_mib
        if available >= guest.memory_mib:
            return None, asked
        return Shortage(Resource.MEMORY, guest.memory_mib, available), asked
    size_kib = smallest.size_kib
    if pages_fit(host, guest.memory_mib, size_kib, free=guest.pinned):
        return None, asked
    pages = smallest.free if guest.pinned else smallest.total
    available = pages * size_kib // KIB_PER_MIB
    return (
        Shortage(Resource.MEMORY, guest.memory_mib, available, size_kib),
        asked,
    )


def memory_fits(host: Cell, guest: GuestCell, ratios: Ratios) -> bool:
    """Whether ``host`` has the memory or pages, whatever CPUs it has."""
    shortage, _ = memory_shortage(host, guest, guest.page_size)
    if shortage is not None or guest.cpu_policy == 'dedicated':
        return shortage is None
    no_cpus = dataclasses.replace(guest, shared=frozenset())
    return _overcommit(host, no_cpus, ratios) is None


def cpus_fit(
    host: Cell, guest: GuestCell, emulator_cpus: int, ratios: Ratios
) -> bool:
    """Whether ``host`` has the CPUs, whatever memory it has.

    :raises nfv_sched.fit.cores.ClaimError: Nova's own code would raise
    """
    no_memory = dataclasses.replace(guest, memory_mib=0, page_size=None)
    return attempt(host, no_memory, None, emulator_cpus, ratios)[0] is None


def dedicated_shortage(
    host: Cell, guest: GuestCell, emulator_cpus: int
) -> Shortage | None:
    """What free dedicated CPUs lack by number."""
    asked = len(guest.dedicated) + emulator_cpus
    available = len(host.free_dedicated)
    if asked > available:
        return Shortage(Resource.DEDICATED_CPUS, asked, available)
    return None


def sibling_shortage(
    host: Cell, guest: GuestCell, emulator_cpus: int
) -> Shortage | None:
    """What the thread policy lacks, where enough dedicated CPUs are free.

    :raises nfv_sched.fit.cores.ClaimError: Nova's own code would raise
    """
    wanted, policy = len(guest.dedicated), guest.thread_policy
    if cores.packs(host, wanted, policy, emulator_cpus):
        return None
    asked = wanted + emulator_cpus
    # There may be enough threads, but none left for the emulator.
    available = min(cores.usable(host, policy), asked - 1)
    return Shortage(Resource.SIBLINGS, asked, available)


def _overcommit(
    host: Cell, guest: GuestCell, ratios: Ratios
) -> Shortage | None:
    """What the allocation ratios do not allow any more on this cell."""
    limit = len(host.shared_cpus) * ratios.cpu
    if host.shared_used + len(guest.shared) > limit:
        return Shortage(
            Resource.SHARED_CPUS,
            len(guest.shared),
            max(0, int(limit - host.shared_used)),
        )
    limit = host.memory_mib * ratios.ram
    if host.memory_used_mib + guest.memory_mib > limit:
        return Shortage(
            Resource.MEMORY,
            guest.memory_mib,
            max(0, int(limit - host.memory_used_mib)),
        )
    return None
