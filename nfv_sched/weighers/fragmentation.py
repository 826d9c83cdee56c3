"""Hosts whose future worth suffers least from a guest."""

from typing import Any

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.fit.forecast import Forecast
from nfv_sched.nova import request_spec
from nfv_sched.weighers.base import ForecastWeigher
from nfv_sched.weighers.base import Prices
from nfv_sched.weighers.base import Scale

CONF = nova.conf.CONF
conf.register_opts(CONF)

SPREAD = 'spread'

#: What room that is left counts against a host, beside room that is lost.
#: Where no claim is without loss it is better to finish off one host than to
#: begin with many: the next guests find theirs whole.
_REMAINING_WEIGHT = 0.1


class FragmentationWeigher(ForecastWeigher):
    """Weigh hosts by how many expected guests still fit after this one.

    For each expected shape a guest's share of the requests, divided by the
    guests that an average host has room for, is the price of room for one.
    ``pack`` prefers the host that loses the least room at these prices,
    ``spread`` the one that keeps the most.
    """

    option = 'fragmentation_weight_multiplier'

    def scale(
        self, fit_request: fit.FitRequest, spec: Any, prices: Prices
    ) -> Scale:
        """Weights by what is lost, or by what is left."""
        how = spec.flavor.extra_specs.get(request_spec.HOST_SELECTION)
        if (how or CONF.nfv_sched.host_selection) == SPREAD:
            return lambda one: _share(_value(prices, one.left))
        return lambda one: 1 - _share(_cost(prices, one))


def _value(prices: Prices, rooms: tuple[int, ...]) -> float:
    """Room at the prices; 1 is what an average host has."""
    return sum(map(float.__mul__, prices, map(float, rooms)))


def _cost(prices: Prices, one: Forecast) -> float:
    left = _value(prices, one.left)
    return (
        max(0.0, _value(prices, one.before) - left) + _REMAINING_WEIGHT * left
    )


def _share(worth: float) -> float:
    """Any worth from 0 up, on a scale from 0 to 1."""
    return worth / (1 + worth)
