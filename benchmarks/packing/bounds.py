"""Upper bounds on what any scheduler could place.

Like hosts are not told apart: what one host may hold is a pattern, a number
of guests of each flavor, and a cloud is as many patterns as it has hosts.
Patterns are made as they are needed (column generation): the dual values of
the linear program over those in hand tell which guests are hard to place,
and a small integer program per kind of host finds the pattern that is worth
most by them. That value also bounds what all patterns together could do.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import random
import time
from typing import Any

import numpy as np
from scipy import optimize
from scipy import sparse

from benchmarks.packing import model
from benchmarks.packing.clouds import Cloud
from benchmarks.packing.computes import Shape
from benchmarks.packing.computes import shape
from benchmarks.packing.loads import Load

# What the solver's tolerances may make of nothing, and a margin above it.
_ZERO = 1e-6
_SMALL = 1e-4
_BONUS = 1e-3
_ROUNDS = 400
_DIVES = 12
# scipy.optimize.milp's status.
_INFEASIBLE = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Prefix:
    """The longest start of a sequence that can be placed at all.

    ``at_most`` is proved, ``at_least`` has been found; where they are equal
    the bound is exact.
    """

    at_most: int
    at_least: int

    @property
    def exact(self) -> bool:
        """Whether the bound is reached by a placement."""
        return self.at_most == self.at_least


def shapes_of(load: Load) -> tuple[Shape, ...]:
    """The shapes of a load's flavors."""
    return tuple(shape(flavor) for flavor in load.flavors)


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """``weights @ counts <= room`` for all counts that fit the cloud."""

    weights: Any
    room: float


class Packer:
    """Patterns of one cloud's hosts for some shapes.

    :param seconds: how long one integer program may take
    """

    def __init__(
        self, cloud: Cloud, shapes: Sequence[Shape], seconds: float = 20.0
    ) -> None:
        self._hosts = np.array([count for _, count in cloud.kinds])
        self._models = [
            model.host_model(machine, shapes) for machine, _ in cloud.kinds
        ]
        self._shapes = len(shapes)
        self._seconds = seconds
        # Patterns as a kind of host and the guests it holds.
        self._patterns: dict[tuple[int, tuple[int, ...]], None] = {}
        self._cut: Cut | None = None

    def lacking(self, wanted: Any) -> float:
        """At least how many of the wanted guests find no place.

        A lower bound, 0 where fractions of patterns hold them all.
        """
        return self._solve(np.asarray(wanted, float), self._hosts)[0]

    def cut(self, wanted: Any) -> Cut | None:
        """An inequality that the wanted guests violate; None if none does."""
        return self._cut if self.lacking(wanted) else None

    def place(self, wanted: Any, seconds: float) -> bool:
        """Whether whole patterns that hold all the guests are found.

        By fixing what the linear program holds whole, in several ways, and
        by an integer program over all patterns that were made on the way.
        """
        # Not for secrets: for the same answer again.
        dice = random.Random(0)  # noqa: S311
        end = time.monotonic() + seconds
        for attempt in range(_DIVES):
            if self._dive(np.array(wanted, float), dice if attempt else None):
                return True
            if time.monotonic() > end:
                return False
        return self._cover(wanted, max(1.0, end - time.monotonic()))

    def settle(self, wanted: Any, seconds: float) -> bool | None:
        """Whether the guests can be placed; None if time is too short.

        By one integer program that tells all hosts apart.
        """
        models = [
            host_model
            for host_model, hosts in zip(
                self._models, self._hosts, strict=True
            )
            for _ in range(hosts)
        ]
        total = sparse.hstack(
            [
                sparse.csr_matrix(
                    (
                        np.ones(self._shapes),
                        (range(self._shapes), host_model.counts),
                    ),
                    shape=(self._shapes, host_model.size),
                )
                for host_model in models
            ]
        )
        solution = optimize.milp(
            np.zeros(total.shape[1]),
            integrality=np.concatenate(
                [host_model.whole for host_model in models]
            ),
            constraints=[
                optimize.LinearConstraint(
                    sparse.block_diag(
                        [host_model.below for host_model in models]
                    ),
                    ub=np.concatenate(
                        [host_model.limits for host_model in models]
                    ),
                ),
                optimize.LinearConstraint(
                    sparse.block_diag(
                        [host_model.equal for host_model in models]
                    ),
                    0,
                    0,
                ),
                optimize.LinearConstraint(total, lb=wanted),
            ],
            options={'time_limit': seconds},
        )
        if solution.status == _INFEASIBLE:
            return False
        return True if solution.x is not None else None

    def _solve(self, wanted: Any, hosts: Any) -> tuple[float, Any]:
        """The bound, and how often each pattern is used."""
        for _ in range(_ROUNDS):
            missing, duals, used = self._master(wanted, hosts)
            if missing < _ZERO:
                return 0.0, used
            # A little worth for what is easy to place fills the patterns.
            bound, fresh = self._price_all(
                np.where(wanted > 0, np.maximum(duals, _BONUS), 0.0),
                wanted,
                hosts,
            )
            if bound <= _SMALL and not fresh:
                bound, fresh = self._price_all(duals, wanted, hosts)
            if bound > _SMALL:
                return bound, used
            if not fresh:
                break
        return 0.0, used

    def _dive(self, left: Any, dice: random.Random | None) -> bool:
        hosts = self._hosts.copy()
        while left.any() and hosts.any():
            _, used = self._solve(left, hosts)
            whole = np.floor(used + _ZERO)
            if dice and dice.random() < 0.5:
                whole = np.zeros(len(used))
            if not whole.any():
                [index] = (
                    dice.choices(range(len(used)), list(used))
                    if dice
                    else [int(np.argmax(used))]
                )
                whole[index] = 1
            for (kind, counts), times in zip(
                self._patterns, whole, strict=False
            ):
                taken = min(int(times), hosts[kind])
                hosts[kind] -= taken
                left = np.maximum(left - taken * np.array(counts), 0)
        return not left.any()

    def _tables(self) -> tuple[Any, Any]:
        """What patterns hold, by shape, and of which kind they are."""
        held = np.array([counts for _, counts in self._patterns], float)
        kinds = np.array([kind for kind, _ in self._patterns])
        of_kind = np.array([kinds == kind for kind in range(len(self._hosts))])
        size = len(self._patterns)
        return (
            held.reshape(size, self._shapes).T,
            of_kind.reshape(len(self._hosts), size).astype(float),
        )

    def _cover(self, wanted: Any, seconds: float) -> bool:
        held, of_kind = self._tables()
        solution = optimize.milp(
            np.concatenate([np.zeros(held.shape[1]), np.ones(self._shapes)]),
            integrality=1,
            constraints=[
                optimize.LinearConstraint(
                    np.hstack([held, np.eye(self._shapes)]), lb=wanted
                ),
                optimize.LinearConstraint(
                    np.hstack(
                        [of_kind, np.zeros((len(of_kind), self._shapes))]
                    ),
                    ub=self._hosts,
                ),
            ],
            options={'time_limit': seconds},
        )
        return solution.x is not None and solution.fun < 0.5

    def _master(self, wanted: Any, hosts: Any) -> tuple[float, Any, Any]:
        """The fewest guests without a place, by fractions of patterns.

        With the dual values, and how often each pattern is used.
        """
        held, of_kind = self._tables()
        size = held.shape[1]
        solution = optimize.linprog(
            np.concatenate([np.zeros(size), np.ones(self._shapes)]),
            A_ub=np.vstack(
                [
                    np.hstack([-held, -np.eye(self._shapes)]),
                    np.hstack(
                        [of_kind, np.zeros((len(of_kind), self._shapes))]
                    ),
                ]
            ),
            b_ub=np.concatenate([-wanted, hosts]),
        )
        duals = np.maximum(-solution.ineqlin.marginals[: self._shapes], 0.0)
        return float(solution.fun), duals, solution.x[:size]

    def _price_all(
        self, duals: Any, wanted: Any, hosts: Any
    ) -> tuple[float, bool]:
        """The bound by these dual values; whether there are new patterns."""
        room = 0.0
        fresh = False
        for kind, count in enumerate(hosts):
            if count:
                value, new = self._price(kind, duals, wanted)
                room += count * value
                fresh |= new
        bound = float(duals @ wanted) - room
        if bound > _SMALL:
            self._cut = Cut(duals, room)
        return bound, fresh

    def _price(self, kind: int, duals: Any, wanted: Any) -> tuple[float, bool]:
        """What the best pattern is worth at most; whether it is new.

        More guests of a shape than are wanted are worth nothing.
        """
        host_model = self._models[kind]
        worth = np.zeros(host_model.size)
        upper = np.full(host_model.size, np.inf)
        worth[list(host_model.counts)] = -duals
        upper[list(host_model.counts)] = np.ceil(wanted)
        solution = optimize.milp(
            worth,
            integrality=host_model.whole,
            bounds=optimize.Bounds(0, upper),
            constraints=[
                optimize.LinearConstraint(
                    host_model.below, ub=host_model.limits
                ),
                optimize.LinearConstraint(host_model.equal, lb=0, ub=0),
            ],
            options={'time_limit': self._seconds},
        )
        if solution.x is None:
            return np.inf, False
        counts = tuple(round(solution.x[place]) for place in host_model.counts)
        new = (kind, counts) not in self._patterns
        self._patterns[kind, counts] = None
        return -float(solution.mip_dual_bound), new


def prefix(
    packer: Packer,
    shapes: Sequence[Shape],
    names: Sequence[str],
    seconds: float = 30.0,
) -> Prefix:
    """The longest start of ``names`` that can be placed.

    :param seconds: how long placements are looked for
    """
    counts = _counts(shapes, names)
    low, high = 0, len(names)
    while low < high:
        middle = (low + high + 1) // 2
        if packer.lacking(counts[middle]):
            high = middle - 1
        else:
            low = middle
    end = time.monotonic() + seconds
    placed = high
    while placed and not packer.place(counts[placed], seconds / 4):
        fits = packer.settle(counts[placed], seconds / 4)
        if fits:
            break
        if fits is False and placed == high:
            high -= 1
        placed -= 1 if time.monotonic() < end else max(1, placed // 20)
    return Prefix(high, placed)


def _counts(shapes: Sequence[Shape], names: Sequence[str]) -> Any:
    """How many guests of each shape there are after each of the names."""
    place = {shape_.name: number for number, shape_ in enumerate(shapes)}
    steps = np.zeros((len(names) + 1, len(shapes)), dtype=int)
    for number, name in enumerate(names):
        steps[number + 1, place[name]] = 1
    return steps.cumsum(axis=0)


def capacity(
    packer: Packer, shapes: Sequence[Shape], weights: Mapping[str, float]
) -> float:
    """How many guests of a mix fit, by fractions of whole patterns."""
    share = np.array([weights[shape_.name] for shape_ in shapes], dtype=float)
    share /= share.sum()
    low, high = 0.0, 1.0
    while not packer.lacking(high * share):
        low, high = high, high * 2
    while high - low > 0.05:
        middle = (low + high) / 2
        if packer.lacking(middle * share):
            high = middle
        else:
            low = middle
    return low


#: What :func:`expected` has found, by the names of cloud and load.
KNOWN: dict[tuple[str, str], float] = {}


def expected(cloud: Cloud, load: Load) -> float:
    """How many guests of a load fit into a cloud, by :func:`capacity`."""
    key = cloud.name, load.name
    if key not in KNOWN:
        shapes = shapes_of(load)
        KNOWN[key] = capacity(Packer(cloud, shapes), shapes, load.weights)
    return KNOWN[key]
