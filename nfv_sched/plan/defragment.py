"""Plans that regain room for expected instances by few moves.

A host either gives instances or takes some: every move can be made by itself,
and what each host gains or loses is known claim by claim.
"""

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import time

from nfv_sched import fit
from nfv_sched.fit.headroom import FRACTIONS
from nfv_sched.fit.headroom import Shapes
from nfv_sched.fit.headroom import SharedHeadrooms
from nfv_sched.model import Cell
from nfv_sched.model import Host
from nfv_sched.plan import solver
from nfv_sched.plan.options import Option
from nfv_sched.plan.options import OptionFinder
from nfv_sched.plan.ordering import moving_of
from nfv_sched.plan.ordering import order
from nfv_sched.plan.planner import PlannedCloud
from nfv_sched.plan.projected_host import ProjectedHost
from nfv_sched.plan.projected_host import Resident
from nfv_sched.plan.projected_host import tell_cores_apart
from nfv_sched.plan.solver import ChoiceProblem
from nfv_sched.plan.solver import host_choices
from nfv_sched.plan.values import Plan
from nfv_sched.plan.values import Regained
from nfv_sched.plan.values import ShapeRoom
from nfv_sched.scheduler import forecasts
from nfv_sched.survey.departures import cell_without
from nfv_sched.survey.values import InstanceCell

#: A smaller gain is an error of rounding.
_EPSILON = 1e-9


@dataclasses.dataclass(frozen=True, slots=True)
class ExpectedShape:
    """Instances that are expected, as a share of all.

    ``hosts`` are the compute nodes that may take them, None for all.
    """

    name: str
    fit_request: fit.FitRequest
    share: float
    hosts: frozenset[str] | None = None


def defragment(
    cloud: PlannedCloud,
    expected: Sequence[ExpectedShape],
    moves: int,
    *,
    most: int = 2,
    seconds: float = 10.0,
) -> Plan:
    """Make few moves that regain the most room.

    :param expected: the shapes that room is for
    :param moves: the most moves
    :param most: how many instances leave, or arrive at, each host at most
    :param seconds: for the search of options, and for the solver
    """
    return _Defragmentation(cloud, expected, most, seconds).plan(moves)


class _Rooms:
    """The room of hosts, at the prices of the weighers.

    Whole instances by counts, see :mod:`nfv_sched.fit.headroom`. A value of
    1 is the room of an average host. Where there is no room for a shape in
    all hosts, it has the price that it would have with room for one.
    """

    def __init__(
        self,
        expected: Sequence[ExpectedShape],
        hosts: Mapping[str, ProjectedHost],
    ) -> None:
        self._expected = expected
        shapes = Shapes(tuple(each.fit_request for each in expected))
        known: dict[Hashable, int] = {}
        self._counts = {
            name: SharedHeadrooms(shapes, projected.host, known)
            for name, projected in hosts.items()
        }
        self.before = self.total(
            {name: counts.now for name, counts in self._counts.items()}
        )
        self._prices = forecasts.prices(
            [each.share for each in expected],
            [max(FRACTIONS, total * FRACTIONS) for total in self.before],
            len(hosts),
        )

    def of(self, name: str, host: Host) -> tuple[int, ...]:
        """The room in a state of a host, for each shape."""
        return self._counts[name].after(host)

    def value(self, name: str, host: Host) -> float:
        """The value of the room in a state of a host."""
        return sum(
            price * room
            for price, room, shape in zip(
                self._prices, self.of(name, host), self._expected, strict=True
            )
            if _may_take(shape, name)
        )

    def total(self, rooms: Mapping[str, Sequence[int]]) -> list[int]:
        """How many instances of each shape fit on all hosts."""
        return [
            sum(
                room[number] // FRACTIONS
                for name, room in rooms.items()
                if _may_take(shape, name)
            )
            for number, shape in enumerate(self._expected)
        ]


def _may_take(shape: ExpectedShape, host: str) -> bool:
    return shape.hosts is None or host in shape.hosts


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class _State:
    """A host after some have left, or after some have arrived."""

    projected: ProjectedHost
    gain: float
    option: Option


class _Departures:
    """The sets of instances that may leave one host together.

    Instances that leave the same behind are not told apart.

    :param gain: what a state of the host is worth more
    :param by_core: whether it matters which CPUs of a core are free
    """

    def __init__(
        self,
        projected: ProjectedHost,
        residents: Sequence[Resident],
        gain: Callable[[ProjectedHost], float],
        *,
        by_core: bool,
    ) -> None:
        self._gain = gain
        alike: dict[object, list[Resident]] = {}
        for resident in residents:
            if resident.asks is not None:
                key = resident.leaves_behind(by_core=by_core)
                alike.setdefault(key, []).append(resident)
        self._alike = list(alike.values())
        # By the numbers of those that leave, in order.
        self._known: dict[tuple[int, ...], _State] = {
            (): _State(projected, 0.0, Option())
        }
        self._last: list[tuple[int, ...]] = [()]
        self._best: dict[object, _State] = {}
        # By identity, with the cell so that it lives as long.
        self._cells: dict[object, tuple[Cell, Cell]] = {}

    def extend(self) -> None:
        """Find the sets that have one more instance."""
        self._last = [
            left
            for before in self._last
            for number in range(before[-1] if before else 0, len(self._alike))
            if (left := self._one_more(before, number))
        ]

    def best(self) -> list[_State]:
        """The set that gains most of those of the same classes."""
        return list(self._best.values())

    def _one_more(
        self, before: tuple[int, ...], number: int
    ) -> tuple[int, ...] | None:
        """The set with one more; None where there is none more like it."""
        alike = self._alike[number]
        if before.count(number) == len(alike):
            return None
        resident = alike[before.count(number)]
        state = self._known[before]
        after = state.projected.branch()
        after.leave(resident, self._cell_after)
        left = (*before, number)
        option = Option((*state.option.leaving, resident))
        found = _State(after, self._gain(after), option)
        self._known[left] = found
        # Otherwise one of them need not leave.
        if found.gain > _EPSILON + max(
            self._known[left[:place] + left[place + 1 :]].gain
            for place in range(len(left))
        ):
            key = tuple(sorted(id(each.asks) for each in option.leaving))
            known = self._best.get(key)
            if known is None or _rank(found) > _rank(known):
                self._best[key] = found
        return left

    def _cell_after(self, cell: Cell, parts: Sequence[InstanceCell]) -> Cell:
        """A cell without what an instance had of it, made once.

        What is known of the same object is not counted again.
        """
        key = id(cell), tuple(parts)
        known = self._cells.get(key)
        if known is None:
            known = self._cells[key] = cell, cell_without(cell, parts)
        return known[1]


class _Defragmentation:
    def __init__(
        self,
        cloud: PlannedCloud,
        expected: Sequence[ExpectedShape],
        most: int,
        seconds: float,
    ) -> None:
        self._cloud = cloud
        self._expected = expected
        self._most = most
        self._seconds = seconds
        self._classes = cloud.classes()
        self._number = {each: n for n, each in enumerate(self._classes)}
        self._rooms = _Rooms(expected, cloud.projected_hosts)
        self._values = {
            name: self._rooms.value(name, projected.host)
            for name, projected in cloud.projected_hosts.items()
        }
        self._by_core = tell_cores_apart(each.fit_request for each in expected)
        self._deadline = time.monotonic() + seconds
        self._complete = True

    def plan(self, moves: int) -> Plan:
        leaving = self._leaving()
        wanted = {
            self._number[each.asks]
            for states in leaving.values()
            for state in states
            for each in state.option.leaving
            if each.asks is not None
        }
        if not wanted:
            return self._ordered({}, 0.0)
        arriving = self._arriving(sorted(wanted))
        choices, worth = [], []
        for host in self._cloud.projected_hosts:
            options = [*leaving[host], *arriving[host]]
            if options:
                choices.append(
                    host_choices(
                        [host],
                        # The first of which changes nothing.
                        [Option(), *(each.option for each in options)],
                        self._classes,
                    )
                )
                worth.append((0.0, *(each.gain for each in options)))
        problem = ChoiceProblem(
            tuple(choices), (0,) * len(self._classes), self._cloud.shared
        )
        try:
            chosen, bound = solver.regain(
                problem, worth, moves, seconds=self._seconds
            )
        except solver.NoSolverError as error:
            return Plan(
                regained=self._regained(self._cloud.projected_hosts, None),
                notes=(f'{error}. Without it no moves are found.',),
            )
        return self._ordered(chosen, bound)

    # Options

    def _leaving(self) -> dict[str, list[_State]]:
        """The best sets that may leave each host together, by classes."""
        departures = {
            host: _Departures(
                projected,
                self._cloud.residents.get(host, ()),
                functools.partial(self._gain, host),
                by_core=self._by_core,
            )
            for host, projected in self._cloud.projected_hosts.items()
        }
        for size in range(1, self._most + 1):
            for each in departures.values():
                if self._is_late(size):
                    break
                each.extend()
        return {host: each.best() for host, each in departures.items()}

    def _arriving(self, numbers: Sequence[int]) -> dict[str, list[_State]]:
        """What may arrive at each host together, as it loses least."""
        finder = OptionFinder(
            self._classes,
            (self._most,) * len(self._classes),
            frozenset(),
            frozenset(provider for provider, _ in self._cloud.shared),
        )
        best: dict[str, dict[object, _State]] = {
            host: {} for host in self._cloud.projected_hosts
        }
        last = {
            host: [_State(projected, 0.0, Option())]
            for host, projected in self._cloud.projected_hosts.items()
        }
        for size in range(1, self._most + 1):
            for host, states in last.items():
                if self._is_late(size):
                    break
                last[host] = [
                    more
                    for state in states
                    for more in self._with_one_more(
                        host, state, numbers, finder
                    )
                ]
                for state in last[host]:
                    key = tuple(sorted(state.option.arrivals.order))
                    known = best[host].get(key)
                    if known is None or state.gain > known.gain:
                        best[host][key] = state
        return {host: list(states.values()) for host, states in best.items()}

    def _with_one_more(
        self,
        host: str,
        state: _State,
        numbers: Sequence[int],
        finder: OptionFinder,
    ) -> Iterator[_State]:
        for number in numbers:
            asked = self._classes[number]
            claimed = state.projected.attempt(asked)
            if isinstance(claimed, str):
                continue
            after = state.projected.branch()
            after.arrive(asked, claimed)
            arrivals = finder.longer(state.option.arrivals, number, claimed)
            yield _State(after, self._gain(host, after), Option((), arrivals))

    def _is_late(self, size: int) -> bool:
        """Whether no time is left for sets of some size; one always is."""
        late = size > 1 and time.monotonic() > self._deadline
        self._complete = self._complete and not late
        return late

    def _gain(self, host: str, after: ProjectedHost) -> float:
        return self._rooms.value(host, after.host) - self._values[host]

    # Steps

    def _ordered(
        self, options: Mapping[str, Option], bound: float | None
    ) -> Plan:
        ledger = self._cloud.ledger.branch()
        projected_hosts = {
            host: projected.branch(ledger)
            for host, projected in self._cloud.projected_hosts.items()
        }
        ordered = order(
            projected_hosts, self._classes, options, moving_of(options)
        )
        return Plan(
            ordered.steps, regained=self._regained(projected_hosts, bound)
        )

    def _regained(
        self,
        projected_hosts: Mapping[str, ProjectedHost],
        bound: float | None,
    ) -> Regained:
        """What is regained by the state of the hosts after the steps.

        :param bound: as far as all options were found
        """
        hosts = max(1, len(projected_hosts))
        after = self._rooms.total(
            {
                host: self._rooms.of(host, projected.host)
                for host, projected in projected_hosts.items()
            }
        )
        return Regained(
            sum(
                self._gain(host, projected)
                for host, projected in projected_hosts.items()
            )
            / hosts,
            bound / hosts if bound is not None and self._complete else None,
            tuple(
                ShapeRoom(shape.name, shape.share, before, left)
                for shape, before, left in zip(
                    self._expected, self._rooms.before, after, strict=True
                )
            ),
        )


def _rank(state: _State) -> tuple[float, int]:
    """More for what gains more, then moves less memory."""
    leaving = state.option.leaving
    return state.gain, -sum(each.memory_mib for each in leaving)
