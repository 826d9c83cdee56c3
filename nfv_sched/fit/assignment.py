"""Whether guest cells can be assigned to host cells at all, exactly.

Bipartite matching decides pairs; devices and networks, which bind the set of
chosen cells, are decided for each set that makes a difference, up to
symmetry.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import itertools

from nfv_sched.fit import network
from nfv_sched.fit.devices import Devices
from nfv_sched.model import Guest
from nfv_sched.model import Host

#: The most sets of cells that are tried before the answer stays open.
MAX_SETS = 4096


@dataclasses.dataclass(frozen=True, slots=True)
class Matching:
    """Guest cells matched to host cells, by index.

    ``complete`` is whether each guest cell got one. If not, ``starved``
    are guest cells that have no more than ``contested`` host cells among
    them, which are too few (Hall's condition).
    """

    host_of: tuple[int | None, ...]
    starved: frozenset[int] = frozenset()
    contested: frozenset[int] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether every guest cell has a host cell of its own."""
        return None not in self.host_of


def match(fits: Sequence[int]) -> Matching:
    """Match each guest cell to a host cell of its own.

    :param fits: per guest cell a bit mask of the host cells that fit it
    """
    guest_at: dict[int, int] = {}
    for guest in range(len(fits)):
        seen: set[int] = set()
        if not _augment(guest, fits, guest_at, seen):
            starved = {guest} | {guest_at[cell] for cell in seen}
            return Matching(
                _hosts(len(fits), guest_at),
                frozenset(starved),
                frozenset(seen),
            )
    return Matching(_hosts(len(fits), guest_at))


def _augment(
    guest: int, fits: Sequence[int], guest_at: dict[int, int], seen: set[int]
) -> bool:
    """Kuhn's augmenting path from ``guest``; ``seen`` gathers its cells.

    A cell without a guest ends the path, so these are tried first.
    """
    taken = []
    for cell in _bits(fits[guest]):
        if cell not in guest_at:
            guest_at[cell] = guest
            return True
        taken.append(cell)
    for cell in taken:
        if cell in seen:
            continue
        seen.add(cell)
        if _augment(guest_at[cell], fits, guest_at, seen):
            guest_at[cell] = guest
            return True
    return False


def _hosts(count: int, guest_at: dict[int, int]) -> tuple[int | None, ...]:
    cell_of = {guest: cell for cell, guest in guest_at.items()}
    return tuple(cell_of.get(guest) for guest in range(count))


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def _covers(fits: Sequence[int], must: Sequence[int], may: int) -> bool:
    """Whether some matching within the cells ``may`` uses all of ``must``.

    Matchings that cover either side separately combine into one that covers
    both (Mendelsohn and Dulmage).
    """
    within = [mask & may for mask in fits]
    if not match(within).complete:
        return False
    wanted_by = [
        sum(1 << guest for guest, mask in enumerate(within) if mask >> c & 1)
        for c in must
    ]
    return match(wanted_by).complete


def possible(
    guest: Guest,
    host: Host,
    fits: Sequence[int],
    devices: Devices | None,
) -> bool | None:
    """Whether any assignment satisfies pairs, devices and networks together.

    None where more than MAX_SETS different sets of cells would have to be
    tried.

    :param fits: per guest cell a bit mask over ``host.cells`` by index
    """
    if not match(fits).complete:
        return False
    ids = devices.relevant_cells() if devices else frozenset()
    ids |= network.declaring_cells(guest, host)
    relevant = [i for i, cell in enumerate(host.cells) if cell.id in ids]
    others = [i for i in range(len(host.cells)) if i not in relevant]
    groups = _groups(guest, host, fits, devices, relevant)
    others_mask = sum(1 << i for i in others)
    other_ids = [host.cells[i].id for i in others]
    for tried, chosen in enumerate(_choices(groups, len(guest.cells))):
        if tried >= MAX_SETS:
            return None
        chosen_ids = [host.cells[i].id for i in chosen] + other_ids
        if not network.near(guest, host, chosen_ids):
            continue
        if devices and not devices.enough(chosen_ids):
            continue
        if _covers(fits, chosen, others_mask | sum(1 << i for i in chosen)):
            return True
    return False


def _groups(
    guest: Guest,
    host: Host,
    fits: Sequence[int],
    devices: Devices | None,
    relevant: Sequence[int],
) -> list[list[int]]:
    """The relevant cells, those together that can stand in for each other."""
    groups: dict[object, list[int]] = {}
    for i in relevant:
        cell = host.cells[i]
        key = (
            tuple(mask >> i & 1 for mask in fits),
            frozenset(cell.physnets & guest.physnets),
            cell.tunneled and guest.tunneled,
            devices.signature(cell) if devices else None,
        )
        groups.setdefault(key, []).append(i)
    return list(groups.values())


def _choices(
    groups: Sequence[Sequence[int]], most: int
) -> Iterator[tuple[int, ...]]:
    """Every choice of at most ``most`` cells that differs between groups."""
    ranges = [range(min(len(group), most), -1, -1) for group in groups]
    for counts in itertools.product(*ranges):
        if sum(counts) <= most:
            yield tuple(
                cell
                for group, count in zip(groups, counts, strict=True)
                for cell in group[:count]
            )
