"""The demand to expect, estimated from recent requests."""

from collections.abc import Hashable
from collections.abc import Iterable
import threading
from typing import NamedTuple

from nfv_sched.fit.request import FitRequest

#: Requests after which the weight of a request halves.
HALF_LIFE = 256
#: Shapes that are counted separately; the rarest others are dropped.
MOST_SHAPES = 16
#: How much more often than the rarest of them another shape must be requested
#: to replace it: a change of shapes invalidates all cached forecasts.
_INCUMBENT_BONUS = 1.5
#: Requests between two updates of the shares, once there were as many.
_REFRESH = 64


class Demand(NamedTuple):
    """Expected shapes, and the share of the requests for each, in sum 1."""

    shapes: tuple[FitRequest, ...] = ()
    shares: tuple[float, ...] = ()


class DemandHistogram:
    """A decaying histogram of requested shapes.

    ``expected`` is replaced from time to time; what was computed from its
    shapes holds as long as they are the same tuple. Memory is bounded by
    MOST_SHAPES.

    :param fixed: shapes with a weight for how often each is requested;
        nothing is recorded then
    """

    def __init__(self, fixed: Iterable[tuple[FitRequest, float]] = ()) -> None:
        weighted = tuple(fixed)
        total = sum(weight for _, weight in weighted)
        self.expected = Demand(
            tuple(fit_request for fit_request, _ in weighted),
            tuple(weight / total for _, weight in weighted),
        )
        self._fixed = bool(weighted)
        self._requests_by_shape: dict[Hashable, FitRequest] = {}
        self._weights: dict[Hashable, float] = {}
        self._weight = 1.0
        self._recorded = 0
        self._due = 1
        self._lock = threading.Lock()

    def record(self, fit_request: FitRequest, count: int = 1) -> None:
        """Count ``count`` requests for such an instance."""
        if self._fixed or fit_request.guest.asks_nothing:
            return
        with self._lock:
            self._add(fit_request, count)
            self._weight *= 2 ** (1 / HALF_LIFE)
            self._recorded += 1
            if self._recorded >= self._due:
                self._refresh()

    def prime(self, requests: Iterable[tuple[FitRequest, float]]) -> None:
        """Count earlier requests, with a weight each; a new one weighs 1."""
        if self._fixed:
            return
        with self._lock:
            for fit_request, weight in requests:
                if not fit_request.guest.asks_nothing:
                    self._add(fit_request, weight)
            if self._weights:
                self._refresh()

    def _add(self, fit_request: FitRequest, weight: float) -> None:
        shape = fit_request.shape
        self._requests_by_shape.setdefault(shape, fit_request)
        self._weights[shape] = (
            self._weights.get(shape, 0) + self._weight * weight
        )

    def _refresh(self) -> None:
        self._recorded = 0
        self._due = min(self._due * 2, _REFRESH)
        shapes = self.expected.shapes
        expected = {fit_request.shape for fit_request in shapes}
        ranked = sorted(
            self._weights,
            key=lambda shape: (
                self._weights[shape]
                * (_INCUMBENT_BONUS if shape in expected else 1)
            ),
        )
        # Relative to the next request, whose weight would grow without end.
        self._weights = {
            shape: self._weights[shape] / self._weight
            for shape in ranked[-2 * MOST_SHAPES :]
        }
        self._weight = 1.0
        self._requests_by_shape = {
            shape: self._requests_by_shape[shape] for shape in self._weights
        }
        top = ranked[-MOST_SHAPES:]
        if expected != set(top):
            shapes = tuple(self._requests_by_shape[shape] for shape in top)
        total = sum(self._weights[fit_request.shape] for fit_request in shapes)
        self.expected = Demand(
            shapes,
            tuple(self._weights[shape.shape] / total for shape in shapes),
        )
