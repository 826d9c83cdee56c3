"""What is known of the state after the claim, host by host.

A claim's outcome depends on the host's state, its published topology and the
guest alone, and from one request to the next few hosts change: of each host
the forecasts for its present state are kept, and replaced when it changes.
"""

from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
import logging
import random
import threading
from typing import Any
from typing import NamedTuple

from nfv_sched import fit
from nfv_sched.model import HostTopology
from nfv_sched.nova import host_states
from nfv_sched.scheduler import cycle
from nfv_sched.scheduler import demand
from nfv_sched.scheduler import published_topology

#: Forecasts that one request may work out. Those for the other hosts are
#: left for the next ones: only a scheduler that has just started, or a shape
#: that it has never seen, meets more hosts than that.
NEW_PER_REQUEST = 128
#: Forecasts kept per host, one for each shape of guests.
_MOST_PER_HOST = 32
#: Requests after which a host that was not weighed in any is forgotten.
_FORGET_AFTER = 4096

LOG = logging.getLogger(__name__)


#: A host's state, and what is published of its hardware.
_HostVersion = tuple[tuple[object, ...], HostTopology | None]


class _HostForecasts:
    """What was worked out for one host in one state.

    ``rooms`` are for each expected shape the guests there is room for.
    """

    __slots__ = ('forecasts', 'reading', 'rooms', 'seen')

    def __init__(self, reading: _HostVersion, rooms: tuple[int, ...]) -> None:
        self.reading = reading
        self.rooms = rooms
        self.forecasts: dict[Hashable, fit.Forecast] = {}
        self.seen = 0


class _ForecastKey(NamedTuple):
    """A host's state and what is asked of it: what a forecast follows from."""

    reading: _HostVersion
    asked: Hashable


class ForecastCache:
    """Forecasts for the hosts of one scheduler.

    ``rooms`` are for each of the expected shapes the guests that all hosts
    seen so far have room for. Memory grows with the hosts and with the
    shapes that are asked for on each, not with requests.
    """

    def __init__(self, mix: fit.DemandHistogram) -> None:
        self.mix = mix
        self.expected = fit.Demand()
        self.rooms: list[int] = []
        self.hosts: dict[str, _HostForecasts] = {}
        self._published: Mapping[str, HostTopology] = {}
        self._requests = 0
        self._random = random.Random()  # noqa: S311 - spreads work
        self._lock = threading.Lock()

    def look(
        self, fit_request: fit.FitRequest, states: Sequence[Any]
    ) -> tuple[list[fit.Forecast | None], list[float]]:
        """The forecasts for hosts that fit, and the prices of room.

        No forecast where there was no time to work one out, and for states
        that make no sense. A price per expected shape: its share of the
        requests, divided by the guests for which an average host has room.
        Scarce shapes are dear.
        """
        with self._lock:
            self._begin()
            found: list[fit.Forecast | None] = []
            missing = []
            for place, state in enumerate(states):
                decision = cycle.decide(fit_request, state)
                made = self._held(decision, state)
                if made is None and (look := self._look(decision, state)):
                    made = self._recall(decision, state, look)
                    if made is None:
                        missing.append((place, decision, state, look))
                found.append(made)
            if len(missing) > NEW_PER_REQUEST:
                missing = self._random.sample(missing, NEW_PER_REQUEST)
            for place, decision, state, look in missing:
                found[place] = self._work_out(decision, state, look)
            return found, self._prices()

    def _held(
        self, decision: cycle.Decision, state: Any
    ) -> fit.Forecast | None:
        """The forecast of an earlier weigher, if it is of what is known now.

        Another request may have changed the guests that are expected since
        then, and Placement the host's topology.
        """
        made = decision.forecast
        if (
            made is None
            or made.shapes is not self.expected.shapes
            or decision.published is not self._published.get(state.uuid)
        ):
            return None
        return made

    def _prices(self) -> list[float]:
        known = len(self.hosts)
        return [
            share * known / rooms if rooms else 0.0
            for share, rooms in zip(
                self.expected.shares, self.rooms, strict=True
            )
        ]

    def _begin(self) -> None:
        """Start anew for other shapes, and forget hosts that are gone."""
        self._requests += 1
        self._published = published_topology.published().hosts()
        before, self.expected = self.expected, self.mix.expected
        if self.expected.shapes is not before.shapes:
            self.rooms = [0] * len(self.expected.shapes)
            self.hosts = {}
        elif self._requests % _FORGET_AFTER == 0:
            for uuid, known in list(self.hosts.items()):
                if known.seen < self._requests - _FORGET_AFTER:
                    self._count(known.rooms, (0,) * len(self.rooms))
                    del self.hosts[uuid]

    def _look(
        self, decision: cycle.Decision, state: Any
    ) -> _ForecastKey | None:
        fit_request = decision.fit_request
        guest = fit_request.guest
        try:
            providers = decision.providers(cycle.candidate_to_claim(state))
            chosen = (
                None if providers is fit_request.no_providers else providers
            )
            return _ForecastKey(
                (
                    host_states.state_fingerprint(state),
                    self._published.get(state.uuid),
                ),
                (fit_request.shape, guest.physnets, guest.tunneled, chosen),
            )
        except Exception:
            # The filters complain about such states.
            return None

    def _recall(
        self, decision: cycle.Decision, state: Any, look: _ForecastKey
    ) -> fit.Forecast | None:
        """The forecast of an earlier request, if it still holds."""
        known = self.hosts.get(state.uuid)
        if known is None or known.reading != look.reading:
            return None
        known.seen = self._requests
        made = known.forecasts.get(look.asked)
        if made is not None:
            decision.forecast, decision.published = made, look.reading[1]
        return made

    def _work_out(
        self, decision: cycle.Decision, state: Any, look: _ForecastKey
    ) -> fit.Forecast | None:
        try:
            made = self._forecast(decision, state)
        except Exception as error:
            LOG.warning(
                'Host %s is not weighed, its state makes no sense: %s: %s',
                getattr(state, 'nodename', state),
                type(error).__name__,
                error,
            )
            return None
        if made is None:
            return None
        decision.forecast, decision.published = made, look.reading[1]
        known = self.hosts.get(state.uuid)
        if known is None or known.reading != look.reading:
            before = known.rooms if known else (0,) * len(self.rooms)
            self._count(before, made.before)
            known = self.hosts[state.uuid] = _HostForecasts(
                look.reading, made.before
            )
        if len(known.forecasts) >= _MOST_PER_HOST:
            known.forecasts.clear()
        known.seen = self._requests
        known.forecasts[look.asked] = made
        return made

    def _forecast(
        self, decision: cycle.Decision, state: Any
    ) -> fit.Forecast | None:
        # Not the decision's evaluation, which may be of an older topology.
        view = published_topology.published()
        host = view.complete(state, host_states.host_of(state))
        providers = decision.providers(cycle.candidate_to_claim(state))
        evaluation = fit.Evaluation(decision.fit_request, host)
        placement = evaluation.verdict(providers).placement
        if placement is None:
            return None
        made = fit.forecast(
            decision.fit_request.guest,
            host,
            placement,
            self.expected.shapes,
            view.distances(state, host),
        )
        # Placement may have answered meanwhile.
        now = view.hosts().get(state.uuid)
        return made if now is self._published.get(state.uuid) else None

    def _count(self, old: Sequence[int], new: Sequence[int]) -> None:
        self.rooms = [
            total - before + now
            for total, before, now in zip(self.rooms, old, new, strict=True)
        ]


_cache: ForecastCache | None = None
_making = threading.Lock()


def forecast_cache() -> ForecastCache:
    """This process's forecasts."""
    global _cache  # noqa: PLW0603 - shared by the weighers of a scheduler
    with _making:
        if _cache is None:
            _cache = ForecastCache(demand.histogram())
        return _cache


def reset(mix: fit.DemandHistogram | None = None) -> None:
    """Forget all hosts and all guests that were asked for.

    For another cloud in the same process.

    :param mix: what to expect there; None for what is going to be asked
    """
    global _cache  # noqa: PLW0603
    with _making:
        demand.forget()
        _cache = ForecastCache(mix) if mix else None
