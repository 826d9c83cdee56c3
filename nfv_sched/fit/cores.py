"""Which host CPUs a guest cell's dedicated CPUs get.

Agrees with nova.virt.hardware ``_pack_instance_onto_cores``: it decides by
how many threads of each core are free.
"""

import collections
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
import dataclasses
import itertools

from nfv_sched.model import Cell


class ClaimError(Exception):
    """Nova's own claim raises on this state, so no claim can succeed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Packing:
    """Host CPUs in the order of the guest's CPUs, and the emulator's."""

    cpus: tuple[int, ...]
    reserved: frozenset[int] = frozenset()


def pack(
    host: Cell, wanted: int, thread_policy: str | None, reserved: int
) -> Packing | None:
    """Choose ``wanted`` free CPUs plus ``reserved`` for the emulator.

    None where the thread policy cannot be kept.

    :raises ClaimError: the cell reports no cores at all, of which Nova
        takes the largest without looking
    """
    if not host.siblings:
        raise ClaimError(f'NUMA node {host.id} reports no CPU siblings')
    if thread_policy == 'isolate':
        return _isolate(host, wanted, reserved)
    return _share_cores(
        host, wanted, reserved, require=thread_policy == 'require'
    )


def packs(
    host: Cell, wanted: int, thread_policy: str | None, reserved: int
) -> bool:
    """Whether :func:`pack` finds CPUs, given that enough are free.

    Without choosing them where the counts suffice.

    :raises ClaimError: as :func:`pack`
    """
    if wanted and thread_policy in (None, 'prefer') and host.regular:
        return True
    return pack(host, wanted, thread_policy, reserved) is not None


def usable(host: Cell, thread_policy: str | None) -> int:
    """How many CPUs one guest cell could get under a thread policy."""
    free = host.free_cores
    if thread_policy == 'isolate':
        if _hides_threads(host):
            return 0
        return sum(len(core) >= host.threads_per_core for core in free)
    if thread_policy == 'require':
        return max(
            (
                threads * sum(len(core) >= threads for core in free)
                for threads in range(2, host.threads_per_core + 1)
            ),
            default=0,
        )
    return sum(map(len, free))


def _hides_threads(host: Cell) -> bool:
    """Whether 'isolate' is refused: dedicated threads next to others.

    With ``[compute] cpu_dedicated_set`` Nova leaves 'isolate' to hosts
    without SMT (bug 1889633); only with the legacy ``vcpu_pin_set``, where
    both CPU sets are the same, it keeps siblings free.
    """
    return (
        host.threads_per_core != 1 and host.dedicated_cpus != host.shared_cpus
    )


def _isolate(host: Cell, wanted: int, reserved: int) -> Packing | None:
    """One thread of each wholly free core; the emulator gets another core."""
    free = host.free_cores
    whole = [core for core in free if len(core) >= host.threads_per_core]
    if not wanted or len(whole) < wanted or _hides_threads(host):
        return None
    cpus = tuple(next(iter(core)) for core in whole[:wanted])
    if not reserved:
        return Packing(cpus)
    left = [core for core in free if core.isdisjoint(cpus)]
    emulator = _first(left, reserved)
    return Packing(cpus, emulator) if emulator else None


def _share_cores(
    host: Cell, wanted: int, reserved: int, *, require: bool
) -> Packing | None:
    """Fill cores with as many threads each as possible, siblings first."""
    if require and host.threads_per_core <= 1:
        return None
    free = host.free_cores
    by_threads: dict[int, list[AbstractSet[int]]] = collections.defaultdict(
        list
    )
    for core in free:
        for threads in range(1, len(core) + 1):
            by_threads[threads].append(core)

    for threads in sorted(by_threads, reverse=True):
        if require and threads <= 1:
            continue
        packing = _take(free, by_threads[threads], threads, wanted, reserved)
        if packing is not None:
            return packing
    if require:
        return None
    singles = [{cpu} for core in free for cpu in core]
    return _take(singles, singles, 1, wanted, reserved)


def _take(
    free: Sequence[AbstractSet[int]],
    candidates: Sequence[AbstractSet[int]],
    threads: int,
    wanted: int,
    reserved: int,
) -> Packing | None:
    """Take ``threads`` CPUs of each candidate core until there are enough."""
    if threads * len(candidates) < wanted:
        return None
    cpus = tuple(
        itertools.islice(
            (
                cpu
                for core in candidates
                for cpu in itertools.islice(core, threads)
            ),
            wanted,
        )
    )
    if not reserved:
        return Packing(cpus)
    if not cpus:
        # Nova looks for the emulator's CPU beside those that it pinned.
        return None
    emulator = _first([core - set(cpus) for core in free], reserved)
    return Packing(cpus, emulator) if emulator else None


def _first(cores: Sequence[AbstractSet[int]], count: int) -> frozenset[int]:
    return frozenset(
        itertools.islice(itertools.chain.from_iterable(cores), count)
    )
