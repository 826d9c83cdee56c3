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
    :param most_others: how many may arrive at one host that are not wanted
    """

    def __init__(
        self,
        classes: Sequence[RequestClass],
        most: Counts,
        wanted: frozenset[int],
        shared: frozenset[str] = frozenset(),
        most_others: float = math.inf,
    ) -> None:
        self._classes = classes
        self._most = most
        self._most_others = most_others
        self._numbers = [number for number, limit in enumerate(most) if limit]
        self._wanted = wanted
        self._shared = shared
        self._known: dict[Hashable, Options] = {}

    def options(self, projected: ProjectedHost) -> Options:
        """The options of a host that no instance leaves."""
        key = projected.key([self._classes[each] for each in self._numbers])
        if key not in self._known:
            arrivals, complete = self._find(projected, self._numbers)
            self._known[key] = Options(
                tuple(Option((), each) for each in arrivals), complete
            )
        return self._known[key]

    def leaving_options(
        self,
        projected: ProjectedHost,
        leaving: Iterable[tuple[Resident, ...]],
        enough: Counts,
        seconds: float,
    ) -> Options:
        """The options of a host that instances leave.

        :param leaving: sets of instances that may leave together, smallest
            first
        :param enough: arrivals after which no others have to leave, too
        :param seconds: after which no other set is tried
        """
        found, complete = [], True
        sufficient: list[frozenset[Resident]] = []
        deadline = time.monotonic() + seconds
        for residents in leaving:
            together = frozenset(residents)
            if any(fewer <= together for fewer in sufficient):
                continue
            if time.monotonic() > deadline:
                complete = False
                break
            state = projected.branch()
            for resident in residents:
                state.leave(resident)
            # One that leaves does not come back.
            gone = {resident.asks for resident in residents}
            arrivals, every = self._find(
                state,
                [
                    number
                    for number in self._wanted
                    if self._classes[number] not in gone
                ],
            )
            complete = complete and every
            options = [Option(residents, each) for each in arrivals]
            found += options
            if any(_at_least(each, enough) for each in options):
                sufficient.append(together)
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

    def _find(
        self, projected: ProjectedHost, numbers: Sequence[int]
    ) -> tuple[list[Arrivals], bool]:
        """The largest combinations of arrivals; whether that is all."""
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
                    if not self._may_grow(counts, number):
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
                            return _largest(found), False
            level = following
        return _largest(found), complete

    def _may_grow(self, counts: Counts, number: int) -> bool:
        """Whether one more of a class may arrive."""
        if counts[number] >= self._most[number]:
            return False
        return number in self._wanted or self._most_others > sum(
            count
            for each, count in enumerate(counts)
            if each not in self._wanted
        )

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


def _at_least(option: Option, enough: Counts) -> bool:
    """Whether as many of each class arrive."""
    counts = option.counts(len(enough))
    return all(
        count >= least for count, least in zip(counts, enough, strict=True)
    )


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
    residents: Sequence[Resident], most: int, *, by_core: bool
) -> Iterator[tuple[Resident, ...]]:
    """Sets of instances that can move, up to a size, smallest first.

    Of instances that leave the same behind the first ones.

    :param by_core: whether it matters which CPUs of a core are free
    """
    alike: dict[Hashable, list[Resident]] = {}
    for each in residents:
        if each.asks is not None:
            key = each.leaves_behind(by_core=by_core)
            alike.setdefault(key, []).append(each)
    groups = list(alike.values())
    for count in range(1, min(most, sum(map(len, groups))) + 1):
        for numbers in itertools.combinations_with_replacement(
            range(len(groups)), count
        ):
            taken = collections.Counter(numbers)
            if all(taken[each] <= len(groups[each]) for each in taken):
                yield tuple(
                    resident
                    for each, number in taken.items()
                    for resident in groups[each][:number]
                )
