"""What the weighers share."""

import abc
from collections.abc import Callable
from collections.abc import Sequence
import functools
import logging
from typing import Any

import nova.conf
from nova.scheduler import weights

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.nova.types import WeighedHost
from nfv_sched.scheduler import counters
from nfv_sched.scheduler import cycle as scheduling_cycle
from nfv_sched.scheduler import multipliers
from nfv_sched.scheduler import scales
from nfv_sched.scheduler import shadow
from nfv_sched.scheduler.cycle import RequestCycle
from nfv_sched.scheduler.node_chooser import NodeChooser

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)


def _noted(method: Callable[..., list[float]]) -> Callable[..., list[float]]:
    """Note the weights for the decision journal."""

    @functools.wraps(method)
    def weigh_objects(
        self: Any, hosts: Sequence[WeighedHost], spec: RequestSpec
    ) -> list[float]:
        if scheduling_cycle.of(spec).process.shadow:
            return shadow.weigh(
                self, functools.partial(method, self), hosts, spec
            )
        weights = method(self, hosts, spec)
        pending = scheduling_cycle.pending_of(spec)
        if pending is not None:
            pending.weighed(self, hosts, weights)
        return weights

    return weigh_objects


class AbsoluteWeigher(weights.BaseHostWeigher):  # type: ignore[misc]
    """Weigh hosts from 0 to 1, on the same scale on every request.

    Nova does not normalise such weights over the hosts, so a multiplier
    always means the same. Weights of 0 on all hosts leave the choice alone,
    whatever the multipliers of their aggregates.
    """

    minval = 0.0
    maxval = 1.0

    #: The option that holds the multiplier.
    option: str

    def __init_subclass__(cls) -> None:
        """Count the time that its weights take, and note what they are."""
        if 'weigh_objects' in vars(cls):
            cls.weigh_objects = _noted(
                counters.timed(counters.WEIGHERS)(cls.weigh_objects)
            )

    def weight_multiplier(self, host_state: HostState) -> float:
        """The option, or what the host's aggregates say instead."""
        return multipliers.multiplier(self.option, host_state)

    def counts(self, weighed_obj_list: Sequence[WeighedHost]) -> bool:
        """Whether the weight of any of the hosts is multiplied by not 0."""
        return multipliers.is_enabled(
            self.option, (weighed.obj for weighed in weighed_obj_list)
        )

    def cycle(
        self, weighed_obj_list: Sequence[WeighedHost], spec: RequestSpec
    ) -> RequestCycle | None:
        """The request's cycle; None if no weight of it would count."""
        if not self.counts(weighed_obj_list):
            return None
        try:
            cycle = scheduling_cycle.begin(spec)
        except Exception:
            # The filters log such requests.
            return None
        return None if cycle.fit_request.guest.asks_nothing else cycle

    def _weigh_object(
        self, host_state: HostState, weight_properties: RequestSpec
    ) -> float:
        weighed = weights.WeighedHost(host_state, 0.0)
        weight: float = self.weigh_objects([weighed], weight_properties)[0]
        return weight


class ForecastWeigher(AbsoluteWeigher, metaclass=abc.ABCMeta):
    """Weigh hosts by the state that the claim leaves behind.

    Guests that ask for nothing weigh 0 everywhere, and so do hosts without
    a forecast.
    """

    def weigh_objects(
        self,
        weighed_obj_list: Sequence[WeighedHost],
        weight_properties: RequestSpec,
    ) -> list[float]:
        """A weight for each host, in order."""
        nothing = [0.0] * len(weighed_obj_list)
        cycle = self.cycle(weighed_obj_list, weight_properties)
        if cycle is None:
            return nothing
        try:
            decisions = [
                (cycle.decide(weighed.obj), weighed.obj)
                for weighed in weighed_obj_list
            ]
            forecasts, prices = cycle.process.forecasts.get_many(decisions)
            scale = self.scale(cycle.fit_request, weight_properties, prices)
            if not cycle.chooses_nodes:
                return [
                    scale(forecast.unrestricted) if forecast else 0.0
                    for forecast in forecasts
                ]
            chooser = NodeChooser(cycle, weight_properties, prices)
            return [
                scale(chooser.forecast(*decision, forecast))
                if forecast
                else 0.0
                for decision, forecast in zip(
                    decisions, forecasts, strict=True
                )
            ]
        except Exception:
            # Reference flavors come from a database. A boot must not fail
            # because of a preference.
            LOG.exception('%s weighs nothing', type(self).__name__)
            return nothing

    @abc.abstractmethod
    def scale(
        self,
        fit_request: fit.FitRequest,
        spec: RequestSpec,
        prices: scales.Prices,
    ) -> scales.Scale:
        """What turns a request's forecasts into weights."""
