"""Which hosts were the best, and which would be without a weigher.

Computed from the weights of one request, after it, by a thread of its own.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import heapq
import operator
from typing import NamedTuple

from nfv_sched.journal.record import AppliedWeight
from nfv_sched.journal.record import Counterfactual
from nfv_sched.journal.record import RankedHost

#: The hosts of a record.
BEST = 10
#: Differences of totals that are rounding errors.
_ROUNDING = 1e-9


class WeigherColumn(NamedTuple):
    """What a weigher gave to the hosts, in their order.

    ``multipliers`` is one number where it is the same for all hosts.
    """

    weights: Sequence[float]
    multipliers: float | Sequence[float]

    def multiplier(self, place: int) -> float:
        """That of a host, by its place."""
        if isinstance(self.multipliers, float):
            return self.multipliers
        return self.multipliers[place]

    def contributions(self) -> list[float]:
        """The part of each host's total."""
        value = self.multipliers
        if isinstance(value, float):
            return [value * weight for weight in self.weights]
        return list(map(float.__mul__, map(float, value), self.weights))


class Ranking:
    """The hosts of a request by their weights.

    As Nova sorts them: hosts of the same total keep their order.

    :param nodes: the names of all hosts that were weighed
    :param totals: their weights
    :param columns: of the weighers of nfv_sched whose weights are not all 0
    """

    def __init__(
        self,
        nodes: Sequence[str],
        totals: Sequence[float],
        columns: Mapping[str, WeigherColumn],
    ) -> None:
        self._nodes = nodes
        self._totals = totals
        self._columns = columns

    def best(self) -> tuple[RankedHost, ...]:
        """The best hosts, at most BEST."""
        least = heapq.nlargest(BEST, self._totals)[-1:]
        places = [
            place
            for place, total in enumerate(self._totals)
            if total >= least[0]
        ]
        places.sort(key=lambda place: -self._totals[place])
        return tuple(map(self._ranked, places[:BEST]))

    def rank(self, node: str) -> int | None:
        """The place of a host from 1 on; None if it was not weighed.

        Hosts of the same total share a place.
        """
        if node not in self._nodes:
            return None
        total = self._totals[self._nodes.index(node)] + _ROUNDING
        return 1 + sum(map(total.__lt__, self._totals))

    def without(self) -> tuple[Counterfactual, ...]:
        """The best host without each weigher, and without all others."""
        found = []
        ours: Sequence[float] = [0.0] * len(self._totals)
        for name, column in self._columns.items():
            parts = column.contributions()
            rest = list(map(operator.sub, self._totals, parts))
            found.append(Counterfactual(name, self._first(rest)))
            ours = list(map(operator.add, ours, parts))
        others = list(map(operator.sub, self._totals, ours))
        if max(others) - min(others) > _ROUNDING:
            found.append(Counterfactual(None, self._first(ours)))
        return tuple(found)

    def _first(self, totals: Sequence[float]) -> str:
        """The host that Nova sorts first by these totals."""
        least = max(totals) - _ROUNDING
        for place, total in enumerate(totals):
            if total >= least:
                return self._nodes[place]
        raise ValueError('no host')

    def _ranked(self, place: int) -> RankedHost:
        weights = tuple(
            AppliedWeight(
                name, column.weights[place], column.multiplier(place)
            )
            for name, column in self._columns.items()
        )
        total = self._totals[place]
        others = total - sum(weight.contribution for weight in weights)
        return RankedHost(
            self._nodes[place],
            total,
            0.0 if abs(others) < _ROUNDING else others,
            weights,
        )
