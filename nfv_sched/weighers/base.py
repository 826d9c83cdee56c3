"""What the weighers that look past the claim share."""

import abc
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import nova.conf
from nova.scheduler import utils
from nova.scheduler import weights

from nfv_sched import conf
from nfv_sched import decisions
from nfv_sched import fit
from nfv_sched.fit.forecast import Forecast
from nfv_sched.outlook import outlook

#: What room for one guest of each expected shape is worth.
Prices = Sequence[float]
#: The weight that a forecast is worth, from 0 to 1.
Scale = Callable[[Forecast], float]

CONF = nova.conf.CONF
conf.register_opts(CONF)


class ForecastWeigher(weights.BaseHostWeigher, metaclass=abc.ABCMeta):  # type: ignore[misc]
    """Weigh hosts, from 0 to 1, by the state that the claim leaves behind.

    The scale is absolute: a multiplier means the same on every request.
    Guests that ask for nothing weigh 0 everywhere, and so do hosts without
    a forecast.
    """

    minval = 0.0
    maxval = 1.0

    #: The option that holds the multiplier.
    option: str

    def weight_multiplier(self, host_state: Any) -> float:
        """The option, or what the host's aggregates say instead."""
        multiplier: float = utils.get_weight_multiplier(
            host_state,
            f'{conf.AGGREGATE_PREFIX}{self.option}',
            getattr(CONF.nfv_sched, self.option),
        )
        return multiplier

    def weigh_objects(
        self, weighed_obj_list: Sequence[Any], weight_properties: Any
    ) -> list[float]:
        """A weight for each host, in order."""
        nothing = [0.0] * len(weighed_obj_list)
        if not getattr(CONF.nfv_sched, self.option):
            return nothing
        try:
            question = decisions.refresh(weight_properties)
        except Exception:
            # The filters complain about such requests.
            return nothing
        if question.guest.asks_nothing:
            return nothing
        found, prices = outlook().look(
            question, [weighed.obj for weighed in weighed_obj_list]
        )
        scale = self.scale(question, weight_properties, prices)
        return [scale(one) if one else 0.0 for one in found]

    @abc.abstractmethod
    def scale(
        self, question: fit.Question, spec: Any, prices: Prices
    ) -> Scale:
        """What turns a request's forecasts into weights."""

    def _weigh_object(self, obj: Any, weight_properties: Any) -> float:
        raise NotImplementedError
