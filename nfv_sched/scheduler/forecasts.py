"""Forecasts of the state after a claim, cached host by host.

The outcome of a claim depends on the host's state, its published topology
and the guest alone, and few hosts change between two requests: the forecasts
for each host's present state are kept, and replaced when it changes.
"""

from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import Sequence
import logging
import random
import threading

from nfv_sched import fit
from nfv_sched.fit import node_options
from nfv_sched.fit.headroom import Shapes
from nfv_sched.model import HostTopology
from nfv_sched.nova import host_states
from nfv_sched.nova import node_labels
from nfv_sched.nova.types import HostState
from nfv_sched.scheduler.host_cycle import candidate_to_claim
from nfv_sched.scheduler.host_cycle import Decision
from nfv_sched.scheduler.published_topology import PublishedTopology

#: Forecasts that one request may compute. Those for the other hosts are left
#: for the next requests: only a scheduler that has just started, or a shape
#: that it has never seen, meets more hosts without a forecast.
NEW_PER_REQUEST = 128
#: Forecasts by sets of NUMA nodes that count as one.
_SETS_PER_FORECAST = 4
#: Forecasts kept per host, one for each shape.
_MOST_PER_HOST = 32
#: Requests after which a host that was not weighed in any is forgotten.
_FORGET_AFTER = 4096

LOG = logging.getLogger(__name__)


#: A host's state, and its published topology.
_HostVersion = tuple[tuple[object, ...], HostTopology | None]
#: What a forecast follows from: a host's version, and what is asked.
_ForecastKey = tuple[_HostVersion, Hashable]


class _HostForecasts:
    """The forecasts for one host in one state.

    ``headrooms`` are those before any claim, one per expected shape, as of
    :class:`nfv_sched.fit.headroom.HostHeadroom`.
    """

    __slots__ = ('forecasts', 'headrooms', 'last_used', 'version')

    def __init__(
        self, version: _HostVersion, headrooms: tuple[int, ...]
    ) -> None:
        self.version = version
        self.headrooms = headrooms
        self.forecasts: dict[Hashable, fit.HostForecast] = {}
        self.last_used = 0


def prices(
    shares: Sequence[float], headrooms: Sequence[int], hosts: int
) -> list[float]:
    """The price of headroom for each expected shape; 0 where none is left.

    :param shares: of the requests
    :param headrooms: summed over all hosts
    """
    return [
        share * hosts / headroom if headroom else 0.0
        for share, headroom in zip(shares, headrooms, strict=True)
    ]


class ForecastCache:
    """Forecasts for the hosts of one scheduler.

    ``headrooms`` are summed over all known hosts, one per expected shape.
    Memory grows with the hosts and with the shapes that are asked for on
    each, not with requests.

    :param smooth: whether headrooms are smoothed, as in
        :mod:`nfv_sched.fit.headroom`
    """

    def __init__(
        self,
        histogram: fit.DemandHistogram,
        published: PublishedTopology,
        *,
        smooth: bool = False,
    ) -> None:
        self._smooth = smooth
        self.histogram = histogram
        self.published = published
        self.expected = fit.Demand()
        self.headrooms: list[int] = []
        self.hosts: dict[str, _HostForecasts] = {}
        self._topologies: Mapping[str, HostTopology] = {}
        self._requests = 0
        self._random = random.Random()  # noqa: S311 - spreads work
        self._lock = threading.Lock()

    def get_many(
        self, decisions: Sequence[tuple[Decision, HostState]]
    ) -> tuple[list[fit.HostForecast | None], list[float]]:
        """The forecasts for hosts that fit, and the prices of headroom.

        No forecast where there was no time to compute one, and for malformed
        states. A price per expected shape: its share of the requests,
        divided by the headroom that an average host has for it. Scarce
        shapes are expensive.
        """
        with self._lock:
            self._begin()
            forecasts: list[fit.HostForecast | None] = []
            missing = []
            for place, (decision, state) in enumerate(decisions):
                forecast = self._shared(decision, state)
                if forecast is None and (key := self._key(decision, state)):
                    forecast = self._cached(decision, state, key)
                    if forecast is None:
                        missing.append((place, decision, state, key))
                forecasts.append(forecast)
            left = float(NEW_PER_REQUEST)
            for place, decision, state, key in self._random.sample(
                missing, min(len(missing), NEW_PER_REQUEST)
            ):
                if left <= 0:
                    break
                forecast = self._compute(decision, state, key)
                forecasts[place] = forecast
                sets = forecast.by_nodes if forecast else ()
                left -= 1 + len(sets) / _SETS_PER_FORECAST
            return forecasts, self._prices()

    def _shared(
        self, decision: Decision, state: HostState
    ) -> fit.HostForecast | None:
        """The forecast of an earlier weigher, if nothing changed since.

        Another request may have changed the expected demand meanwhile, and
        Placement the host's topology.
        """
        forecast = decision.forecast
        if (
            forecast is None
            or forecast.unrestricted.shapes is not self.expected.shapes
            or decision.published is not self._topologies.get(state.uuid)
        ):
            return None
        return forecast

    def _prices(self) -> list[float]:
        return prices(self.expected.shares, self.headrooms, len(self.hosts))

    def _begin(self) -> None:
        """Start over for other shapes, and drop hosts that are gone."""
        self._requests += 1
        self._topologies = self.published.hosts()
        before, self.expected = self.expected, self.histogram.expected
        if self.expected.shapes is not before.shapes:
            self.headrooms = [0] * len(self.expected.shapes)
            self.hosts = {}
        elif self._requests % _FORGET_AFTER == 0:
            for uuid, known in list(self.hosts.items()):
                if known.last_used < self._requests - _FORGET_AFTER:
                    self._add(known.headrooms, (0,) * len(self.headrooms))
                    del self.hosts[uuid]

    def _key(
        self, decision: Decision, state: HostState
    ) -> _ForecastKey | None:
        fit_request = decision.fit_request
        asked: tuple[Hashable, ...] = fit_request.claim_shape, decision.choice
        try:
            if fit_request.candidates_differ:
                candidate = candidate_to_claim(state)
                asked += (
                    decision.providers(candidate),
                    decision.accelerators(state, candidate),
                )
            return (
                host_states.state_fingerprint(state),
                self._topologies.get(state.uuid),
            ), asked
        except Exception:
            # The filters log such states.
            return None

    def _cached(
        self, decision: Decision, state: HostState, key: _ForecastKey
    ) -> fit.HostForecast | None:
        """The forecast of an earlier request, if it still holds."""
        version, asked = key
        known = self.hosts.get(state.uuid)
        if known is None or known.version != version:
            return None
        known.last_used = self._requests
        forecast = known.forecasts.get(asked)
        if forecast is not None:
            decision.forecast, decision.published = forecast, version[1]
        return forecast

    def _compute(
        self, decision: Decision, state: HostState, key: _ForecastKey
    ) -> fit.HostForecast | None:
        try:
            forecast = self._forecast(decision, state)
        except Exception as error:
            LOG.warning(
                'Host %s is not weighed, its state is malformed: %s: %s',
                getattr(state, 'nodename', state),
                type(error).__name__,
                error,
            )
            return None
        if forecast is None:
            return None
        version, asked = key
        decision.forecast, decision.published = forecast, version[1]
        known = self.hosts.get(state.uuid)
        if known is None or known.version != version:
            before = known.headrooms if known else (0,) * len(self.headrooms)
            headrooms = forecast.unrestricted.before
            self._add(before, headrooms)
            known = _HostForecasts(version, headrooms)
            self.hosts[state.uuid] = known
        if len(known.forecasts) >= _MOST_PER_HOST:
            known.forecasts.clear()
        known.last_used = self._requests
        known.forecasts[asked] = forecast
        return forecast

    def _forecast(
        self, decision: Decision, state: HostState
    ) -> fit.HostForecast | None:
        # Not the decision's evaluation, which may be of an older topology.
        host = self.published.augment(
            state,
            host_states.host_of(state),
            roots=decision.fit_request.asks_roots,
        )
        candidate = candidate_to_claim(state)
        providers = decision.providers(candidate)
        evaluation = fit.Evaluation(
            decision.fit_request, host, decision.choice
        )
        outcome = evaluation.verdict(providers).outcome
        if outcome is None:
            return None
        shapes = Shapes(self.expected.shapes, self._smooth)
        outcome = outcome.with_accelerators(
            decision.accelerators(state, candidate)
        )
        distances = self.published.distances(state, host)
        if decision.chooses_nodes and node_labels.are_complete(host.cells):
            forecast = node_options.forecast_by_nodes(
                evaluation, providers, outcome, shapes, distances
            )
        else:
            forecast = fit.HostForecast(
                fit.forecast(
                    decision.fit_request.guest,
                    host,
                    outcome,
                    shapes,
                    distances,
                ),
                fit.headroom(decision.fit_request, host),
                nodes=outcome.nodes,
            )
        # Placement may have answered meanwhile.
        if self.published.hosts().get(state.uuid) is not self._topologies.get(
            state.uuid
        ):
            return None
        return forecast

    def _add(self, old: Sequence[int], new: Sequence[int]) -> None:
        self.headrooms = [
            total - before + now
            for total, before, now in zip(
                self.headrooms, old, new, strict=True
            )
        ]
