"""The ways in which a host can change: who leaves it, and who arrives.

Every option is found by claims, one after another, so that what is combined
from options needs no other model of a host. Of arrivals only those are
options to which no other can be added: fewer of them do as well, except
where a claim that comes later takes other NUMA nodes without the earlier one.
That shows when the moves are put into order.
"""

import collections
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import itertools
import math
import time

from nfv_sched.dryrun.placement_ledger import allocated_amounts
from nfv_sched.dryrun.placement_ledger import Claimed
from nfv_sched.model import Host
from nfv_sched.plan.projected_host import ProjectedHost
from nfv_sched.plan.projected_host import RequestClass
from nfv_sched.plan.projected_host import Resident

#: Numbers of arrivals of each class, in the order of the classes.
Counts = tuple[int, ...]

#: The most combinations of arrivals that are looked for on one host.
MAX_COMBINATIONS = 400
#: The most states of a host that are followed with the same arrivals, which
#: came in another order.
MAX_STATES = 32


@dataclasses.dataclass(frozen=True, slots=True)
class Arrivals:
    """Classes of instances that arrive at a host, in the order of claims.

    ``takes`` is what they take of providers that hosts share.
    """

    order: tuple[int, ...] = ()
    takes: Mapping[tuple[str, str], int] = dataclasses.field(
        default_factory=dict
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One way to change a host; everyone leaves before anyone arrives."""

    leaving: tuple[Resident, ...] = ()
    arrivals: Arrivals = dataclasses.field(default_factory=Arrivals)

    def counts(self, classes: int) -> Counts:
        """How many of each class arrive."""
        number = collections.Counter(self.arrivals.order)
        return tuple(number[each] for each in range(classes))


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """The options of one host; ``all`` says whether there are no others."""

    found: tuple[Option, ...]
    all: bool

    def with_arrivals(self, arrivals: Iterable[Arrivals]) -> 'Options':
        """The options with other combinations of arrivals, too."""
        known = {
            tuple(sorted(option.arrivals.order))
            for option in self.found
            if not option.leaving
        }
        new = {
            tuple(sorted(each.order)): Option((), each) for each in arrivals
        }
        return Options(
            (
                *self.found,
                *(new[key] for key in new if key not in known),
            ),
            self.all,
        )


class OptionFinder:
    """Finds the options of hosts, and remembers those of equal hosts.

    :param classes: of the instances that may arrive
    :param most: how many of each class may arrive at one host
    :param wanted: the numbers of the classes that may arrive where others
        leave
    :param shared: providers that several hosts draw from, by uuid
    """

    def __init__(
        self,
        classes: Sequence[RequestClass],
        most: Counts,
        wanted: frozenset[int],
        shared: frozenset[str] = frozenset(),
    ) -> None:
        self._classes = classes
        self._most = most
        self._numbers = [number for number, limit in enumerate(most) if limit]
        self._wanted = wanted
        self._shared = shared
        self._known: dict[Hashable, tuple[list[Arrivals], bool]] = {}

    def options(
        self,
        projected: ProjectedHost,
        leaving: Iterable[tuple[Resident, ...]],
        seconds: float = math.inf,
    ) -> Options:
        """The options of a host.

        :param leaving: sets of instances that may leave together
        :param seconds: after which no other set is tried
        """
        found, complete = [], True
        deadline = time.monotonic() + seconds
        for residents in leaving:
            if residents and time.monotonic() > deadline:
                complete = False
                break
            state, numbers = projected, self._numbers
            if residents:
                state = projected.branch()
                for resident in residents:
                    state.leave(resident)
                # One that leaves does not come back.
                gone = {resident.asks for resident in residents}
                numbers = [
                    number
                    for number in self._wanted
                    if self._classes[number] not in gone
                ]
            arrivals, every = self._arrivals(state, tuple(numbers))
            complete = complete and every
            found += [Option(residents, each) for each in arrivals]
        return Options(tuple(found), complete)

    def fill(self, projected: ProjectedHost, order: Iterable[int]) -> Arrivals:
        """One combination of arrivals: of each class as many as fit.

        :param order: the classes by number, the first one first
        """
        state, arrivals = projected.branch(), Arrivals()
        for number in order:
            asked = self._classes[number]
            for _ in range(self._most[number]):
                claimed = state.attempt(asked)
                if isinstance(claimed, str):
                    break
                state.arrive(asked, claimed)
                arrivals = self.longer(arrivals, number, claimed)
        return arrivals

    def _arrivals(
        self, projected: ProjectedHost, numbers: Counts
    ) -> tuple[list[Arrivals], bool]:
        """The largest combinations of arrivals; whether that is all."""
        key = (
            numbers,
            projected.key([self._classes[number] for number in numbers]),
        )
        if key not in self._known:
            found, complete = self._find(projected, numbers)
            self._known[key] = _largest(found), complete
        return self._known[key]

    def _find(
        self, projected: ProjectedHost, numbers: Counts
    ) -> tuple[dict[Counts, Arrivals], bool]:
        none = tuple(0 for _ in self._classes)
        found = {none: Arrivals()}
        level: dict[Counts, list[tuple[ProjectedHost, Arrivals]]] = {
            none: [(projected, Arrivals())]
        }
        complete = True
        while level:
            following: dict[Counts, list[tuple[ProjectedHost, Arrivals]]] = {}
            seen: set[Hashable] = set()
            for counts, states in level.items():
                for number in numbers:
                    if counts[number] >= self._most[number]:
                        continue
                    asked = self._classes[number]
                    more = _one_more(counts, number)
                    for state, arrivals in states:
                        claimed = state.attempt(asked)
                        if isinstance(claimed, str):
                            continue
                        after = state.branch()
                        after.arrive(asked, claimed)
                        usage = more, _usage(after.host)
                        if usage in seen:
                            continue
                        seen.add(usage)
                        longer = self.longer(arrivals, number, claimed)
                        kept = following.setdefault(more, [])
                        if len(kept) < MAX_STATES:
                            kept.append((after, longer))
                        else:
                            complete = False
                        found.setdefault(more, longer)
                        if len(found) >= MAX_COMBINATIONS:
                            return found, False
            level = following
        return found, complete

    def longer(
        self, arrivals: Arrivals, number: int, claimed: Claimed
    ) -> Arrivals:
        """Arrivals with one more."""
        takes = collections.Counter(arrivals.takes)
        if self._shared:
            for key, amount in allocated_amounts(claimed.candidate):
                if key[0] in self._shared:
                    takes[key] += amount
        return Arrivals((*arrivals.order, number), takes)


def _largest(found: Mapping[Counts, Arrivals]) -> list[Arrivals]:
    """The combinations to which none can be added."""
    return [
        arrivals
        for counts, arrivals in found.items()
        if not any(
            _one_more(counts, number) in found for number in range(len(counts))
        )
    ]


def _one_more(counts: Counts, number: int) -> Counts:
    return (*counts[:number], counts[number] + 1, *counts[number + 1 :])


def _usage(host: Host) -> Hashable:
    """Equal for states of one host that are the same."""
    return (
        tuple(
            (
                frozenset(cell.pinned_cpus),
                cell.memory_used_mib,
                cell.shared_used,
                tuple(pool.used for pool in cell.pages),
            )
            for cell in host.cells
        ),
        tuple(
            (pool.address, pool.numa_node, pool.count) for pool in host.pools
        ),
    )


def subsets(
    residents: Sequence[Resident], most: int
) -> Iterator[tuple[Resident, ...]]:
    """All sets of instances that can move, up to a size, smallest first."""
    movable = [each for each in residents if each.asks is not None]
    for count in range(min(most, len(movable)) + 1):
        yield from itertools.combinations(movable, count)
