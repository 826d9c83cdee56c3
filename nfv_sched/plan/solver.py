"""The best choice of one option for each host, by integer programming."""

import collections
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import math
from typing import Any

from nfv_sched.plan.limits import HostLimits
from nfv_sched.plan.options import Option
from nfv_sched.plan.projected_host import RequestClass

#: What a move has to regain, as a part of an average host's room.
MOVE_WORTH = 1e-4
#: How near to its bound what is regained has to be.
GAP = 0.005


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class HostChoices:
    """Hosts with the same options, by name; one option is chosen for each.

    ``leaving`` and ``arriving`` are, option by option, how many instances of
    each class leave, and how many at most arrive.
    """

    hosts: tuple[str, ...]
    options: tuple[Option, ...]
    leaving: tuple[tuple[int, ...], ...]
    arriving: tuple[tuple[int, ...], ...]


def host_choices(
    hosts: Sequence[str],
    options: Sequence[Option],
    classes: Sequence[RequestClass],
) -> HostChoices:
    """The choices of hosts with the same options."""
    leaving = []
    for option in options:
        count = collections.Counter(each.asks for each in option.leaving)
        leaving.append(tuple(count[each] for each in classes))
    return HostChoices(
        tuple(hosts),
        tuple(options),
        tuple(leaving),
        tuple(option.counts(len(classes)) for option in options),
    )


@dataclasses.dataclass(frozen=True, slots=True)
class ChoiceProblem:
    """What is to be solved.

    ``demand`` is how many instances of each class need a host, beside those
    that leave one. ``shared`` is what is free of providers that hosts share.
    ``forbidden`` are options of hosts that do not go together.
    """

    choices: tuple[HostChoices, ...]
    demand: tuple[int, ...]
    shared: Mapping[tuple[str, str], int] = dataclasses.field(
        default_factory=dict
    )
    forbidden: tuple[Mapping[str, Option], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Solution:
    """An option for each host, and how many instances find none."""

    options: Mapping[str, Option]
    unplaced: int


@dataclasses.dataclass(frozen=True, slots=True)
class Relaxation:
    """A problem in which some hosts take whatever their limits allow.

    ``limits`` are of hosts that are not among the choices of the problem.
    """

    problem: ChoiceProblem
    limits: tuple[HostLimits, ...]


class NoSolverError(Exception):
    """There is no solver; the text says what to install."""


def solve(problem: ChoiceProblem, *, seconds: float = 10.0) -> Solution | None:
    """Place as many as possible, then move fewest, then the least memory.

    :param seconds: for each of the two programs; what was found by then is
        used
    :returns: None where nothing was found in time
    :raises NoSolverError: scipy is not installed
    """
    return _Program(problem).solve(seconds)


def at_least_unplaced(relaxation: Relaxation, *, seconds: float = 10.0) -> int:
    """A bound on how many instances find no host.

    :raises NoSolverError: scipy is not installed
    """
    return _Program(relaxation.problem, relaxation.limits).bound(seconds)


def prices(problem: ChoiceProblem) -> tuple[float, ...]:
    """What room for one more of each class is worth: 0 if there is enough.

    The dual values of the linear program.

    :raises NoSolverError: scipy is not installed
    """
    return _Program(problem).prices()


def regain(
    problem: ChoiceProblem,
    worth: Sequence[Sequence[float]],
    moves: int,
    *,
    seconds: float = 10.0,
) -> tuple[Mapping[str, Option], float | None]:
    """The options that are worth most together, and a bound on that.

    :param worth: of each option of each choice
    :param moves: the most instances that leave hosts
    :param seconds: what was found by then is used
    :raises NoSolverError: scipy is not installed
    """
    return _Program(problem).regain(worth, moves, seconds)


def _least(bound: float) -> int:
    """The least whole number; for the solver 2.9999999 is 3."""
    return max(0, math.ceil(bound - 1e-6))


#: A matrix, and the least and the most of each of its rows.
_Constraints = tuple[Any, list[float], list[float]]


class _Program:
    """An integer program.

    Columns are all options, then the demand that is not met, by class, then
    the arrivals at the hosts of which only limits are known, by class.
    """

    def __init__(
        self, problem: ChoiceProblem, limits: Sequence[HostLimits] = ()
    ) -> None:
        try:
            import numpy as np  # noqa: PLC0415 - an extra
            from scipy import optimize  # noqa: PLC0415
            from scipy import sparse  # noqa: PLC0415
        except ImportError as error:
            raise NoSolverError(
                "scipy is not installed (pip install 'nfv-sched[plan]')"
            ) from error
        self._limits = limits
        self._np, self._optimize, self._sparse = np, optimize, sparse
        self._problem = problem
        self._columns: list[tuple[HostChoices, int]] = []
        self._places: list[range] = []
        for choice in problem.choices:
            begin = len(self._columns)
            self._columns += [
                (choice, number) for number in range(len(choice.options))
            ]
            self._places.append(range(begin, len(self._columns)))
        classes = len(problem.demand)
        self._first_limit = len(self._columns) + classes
        self._width = self._first_limit + classes * len(limits)

    def bound(self, seconds: float) -> int:
        """The least demand that is not met."""
        found = self._milp(self._unplaced(), self._constraints(), seconds)
        return 0 if found is None else _least(found[1])

    def prices(self) -> tuple[float, ...]:
        """The dual values of the demand, by class."""
        rows, low, high = self._constraints()
        np, optimize = self._np, self._optimize
        low_, high_ = np.array(low), np.array(high)
        equal = low_ == high_
        above = ~equal & np.isfinite(low_)
        below = ~equal & np.isfinite(high_)
        result = optimize.linprog(
            self._unplaced(),
            A_ub=self._sparse.vstack([-rows[above], rows[below]]),
            b_ub=np.concatenate([-low_[above], high_[below]]),
            A_eq=rows[equal],
            b_eq=high_[equal],
            bounds=np.column_stack([np.zeros(self._width), self._upper()]),
        )
        # Demand comes first, and is bounded from below.
        count = len(self._problem.demand)
        if result.x is None:
            return (1.0,) * count
        return tuple(-float(each) for each in result.ineqlin.marginals[:count])

    def _unplaced(self) -> Any:
        cost = self._np.zeros(self._width)
        cost[len(self._columns) : self._first_limit] = 1
        return cost

    def _upper(self) -> Any:
        """The most of each column."""
        return self._np.array(
            [
                *(len(choice.hosts) for choice, _ in self._columns),
                *self._problem.demand,
                *(count for limits in self._limits for count in limits.alone),
            ],
            float,
        )

    def regain(
        self,
        worth: Sequence[Sequence[float]],
        most_moves: int,
        seconds: float,
    ) -> tuple[Mapping[str, Option], float | None]:
        np = self._np
        moves, memory = self._moves()
        cost = MOVE_WORTH * (moves + memory / (1 + memory.sum()))
        cost[: len(self._columns)] -= np.concatenate([[], *worth])
        rows, low, high = self._constraints()
        found = self._milp(
            cost,
            (
                self._sparse.vstack(
                    [rows, self._sparse.csr_matrix(moves.reshape(1, -1))]
                ),
                [*low, 0],
                [*high, most_moves],
            ),
            seconds,
            GAP,
        )
        if found is None:
            return {}, None
        values, bound = found
        # Without what the moves cost.
        return self._options(values), 2 * MOVE_WORTH * most_moves - bound

    def _moves(self) -> tuple[Any, Any]:
        """How many instances each option moves, and their memory in MiB."""
        np = self._np
        moves, memory = np.zeros(self._width), np.zeros(self._width)
        for place, (choice, number) in enumerate(self._columns):
            leaving = choice.options[number].leaving
            moves[place] = len(leaving)
            memory[place] = sum(each.memory_mib for each in leaving)
        return moves, memory

    def solve(self, seconds: float) -> Solution | None:
        unplaced = self._unplaced()
        moves, memory = self._moves()
        rows, low, high = self._constraints()
        first = self._milp(unplaced, (rows, low, high), seconds)
        if first is None:
            return None
        values = first[0]
        lost = round(float(unplaced @ values))
        if moves.any():
            row = self._sparse.csr_matrix(unplaced.reshape(1, -1))
            second = self._milp(
                # All memory together weighs less than one more move.
                moves + memory / (1 + memory.sum()),
                (
                    self._sparse.vstack([rows, row]),
                    [*low, 0],
                    [*high, lost],
                ),
                seconds,
            )
            if second is not None:
                values = second[0]
        return Solution(self._options(values), lost)

    def _milp(
        self,
        cost: Any,
        constraints: _Constraints,
        seconds: float,
        gap: float = 0.0,
    ) -> tuple[Any, float] | None:
        """The values that cost least, and a bound on the cost.

        :param gap: the relative difference of both that is small enough
        """
        np, optimize = self._np, self._optimize
        result = optimize.milp(
            cost,
            integrality=np.ones(self._width),
            bounds=optimize.Bounds(np.zeros(self._width), self._upper()),
            constraints=optimize.LinearConstraint(*constraints),
            options={'time_limit': seconds, 'mip_rel_gap': gap},
        )
        if result.x is None:
            return None
        bound = result.mip_dual_bound
        return result.x, float(result.fun if bound is None else bound)

    def _constraints(self) -> _Constraints:
        problem, columns = self._problem, self._columns
        rows: list[dict[int, float]] = []
        low: list[float] = []
        high: list[float] = []

        def add(row: dict[int, float], least: float, most: float) -> None:
            rows.append(row)
            low.append(least)
            high.append(most)

        for number, demand in enumerate(problem.demand):
            # Each instance that leaves a host needs another one.
            balance = {
                place: float(surplus)
                for place, (choice, option) in enumerate(columns)
                if (
                    surplus := choice.arriving[option][number]
                    - choice.leaving[option][number]
                )
            }
            balance[len(columns) + number] = 1
            for place in range(
                self._first_limit + number, self._width, len(problem.demand)
            ):
                balance[place] = 1
            add(balance, demand, math.inf)
        for choice, places in zip(problem.choices, self._places, strict=True):
            count = len(choice.hosts)
            add(dict.fromkeys(places, 1), count, count)
        for key, free in problem.shared.items():
            takes = {
                place: float(amount)
                for place, (choice, option) in enumerate(columns)
                if (amount := choice.options[option].arrivals.takes.get(key))
            }
            add(takes, -math.inf, free)
        for options in problem.forbidden:
            together = {
                place: 1.0
                for place, (choice, option) in enumerate(columns)
                if any(
                    options.get(host) is choice.options[option]
                    for host in choice.hosts
                )
            }
            add(together, -math.inf, len(options) - 1)
        for number, limits in enumerate(self._limits):
            first = self._first_limit + number * len(problem.demand)
            for needs, free in limits.sums:
                row = {first + each: float(n) for each, n in needs.items()}
                add(row, -math.inf, free)
        matrix = self._sparse.lil_matrix((len(rows), self._width))
        for number, row in enumerate(rows):
            for place, value in row.items():
                matrix[number, place] = value
        return matrix.tocsr(), low, high

    def _options(self, values: Any) -> dict[str, Option]:
        chosen: dict[str, Option] = {}
        for choice, places in zip(
            self._problem.choices, self._places, strict=True
        ):
            hosts = iter(choice.hosts)
            for place in places:
                for _ in range(round(float(values[place]))):
                    option = choice.options[self._columns[place][1]]
                    chosen[next(hosts)] = option
        return chosen
