"""References at steady churn that no real scheduler is.

``repacked`` takes every guest that fits if all others may be moved at will
on its arrival. ``foresight`` bounds what any scheduler could take, even one
that knows the future and refuses guests in favour of others.
"""

from collections.abc import Sequence
import heapq
from typing import Any

import numpy as np
from scipy import optimize
from scipy import sparse

from benchmarks.packing.bounds import Cut
from benchmarks.packing.bounds import Packer
from benchmarks.packing.computes import Shape
from benchmarks.packing.loads import Arrival

_MOMENTS = 250
_ROUNDS = 6


class Region:
    """What fits a cloud, by inequalities that are learned as needed."""

    def __init__(self, packer: Packer) -> None:
        self.cuts: list[Cut] = []
        self._packer = packer
        self._inside: list[Any] = []

    def holds(self, counts: Any) -> bool:
        """Whether fractions of patterns hold the guests.

        Nothing is asked of the packer for counts beyond a known cut, or
        within what was found to fit.
        """
        if any(
            known.weights @ counts > known.room + 1e-6 for known in self.cuts
        ):
            return False
        if any((counts <= known).all() for known in self._inside):
            return True
        cut = self._packer.cut(counts)
        if cut is None:
            self._inside = [
                known for known in self._inside if not (known <= counts).all()
            ][-200:]
            self._inside.append(counts.copy())
            return True
        self.cuts.append(cut)
        return False


def repacked(
    region: Region,
    shapes: Sequence[Shape],
    arrivals: Sequence[Arrival],
    steady: float,
) -> float:
    """The share of guests rejected from ``steady`` on."""
    place = {shape.name: number for number, shape in enumerate(shapes)}
    counts = np.zeros(len(shapes))
    leaving: list[tuple[float, int]] = []
    offered = rejected = 0
    for arrival in arrivals:
        while leaving and leaving[0][0] <= arrival.time:
            counts[heapq.heappop(leaving)[1]] -= 1
        which = place[arrival.flavor]
        counts[which] += 1
        fits = region.holds(counts)
        if fits:
            end = arrival.time + arrival.lifetime
            heapq.heappush(leaving, (end, which))
        else:
            counts[which] -= 1
        if arrival.time >= steady:
            offered += 1
            rejected += not fits
    return rejected / offered


def foresight(
    region: Region,
    shapes: Sequence[Shape],
    arrivals: Sequence[Arrival],
    steady: float,
) -> float:
    """At least this share of guests is rejected from ``steady`` on.

    A linear program over the guests' acceptance, which is looked at in some
    moments only, and by inequalities that are added where it breaks them.
    """
    place = {shape.name: number for number, shape in enumerate(shapes)}
    counted = [arrival for arrival in arrivals if arrival.time >= steady]
    which = np.array([place[arrival.flavor] for arrival in counted])
    begin = np.array([arrival.time for arrival in counted])
    end = begin + np.array([arrival.lifetime for arrival in counted])
    moments = begin[:: max(1, len(begin) // _MOMENTS)]
    present = sparse.csr_matrix(
        (begin[None, :] <= moments[:, None])
        & (end[None, :] > moments[:, None]),
        dtype=float,
    )
    kinds = sparse.csr_matrix(
        (np.ones(len(which)), (range(len(which)), which)),
        shape=(len(which), len(shapes)),
    )
    taken = np.ones(len(counted))
    rows: list[Any] = []
    rooms: list[Any] = []
    known = 0
    for _ in range(_ROUNDS):
        for counts in present.multiply(taken[None, :]) @ kinds.toarray():
            region.holds(np.asarray(counts).ravel())
        if len(region.cuts) == known:
            break
        for cut in region.cuts[known:]:
            rows.append(present.multiply(cut.weights[which][None, :]))
            rooms.append(np.full(len(moments), cut.room))
        known = len(region.cuts)
        solution = optimize.linprog(
            -np.ones(len(counted)),
            A_ub=sparse.vstack(rows).tocsr(),
            b_ub=np.concatenate(rooms),
            bounds=(0, 1),
        )
        taken = solution.x
    return 1.0 - float(taken.sum()) / len(counted)
