"""Prefer hosts that lose the least capacity for expected requests."""

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.fit.forecast import Forecast
from nfv_sched.nova import request_spec
from nfv_sched.nova.types import RequestSpec
from nfv_sched.weighers.base import ForecastWeigher
from nfv_sched.weighers.base import Prices
from nfv_sched.weighers.base import Scale

CONF = nova.conf.CONF
conf.register_opts(CONF)

SPREAD = 'spread'

#: How much headroom that is left counts against a host, beside headroom that
#: is lost. Where every claim loses some it is better to fill one host than to
#: start on many: the next instances find whole hosts.
_REMAINING_WEIGHT = 0.1


class FragmentationWeigher(ForecastWeigher):
    """Weigh hosts by the headroom for expected shapes after the claim.

    The price of headroom for a shape is its share of the requests, divided
    by the headroom of an average host. ``pack`` prefers the host that loses
    the least headroom at these prices, ``spread`` the one that keeps most.
    """

    option = 'fragmentation_weight_multiplier'

    def scale(
        self, fit_request: fit.FitRequest, spec: RequestSpec, prices: Prices
    ) -> Scale:
        """Weights by what is lost, or by what is left."""
        how = spec.flavor.extra_specs.get(request_spec.HOST_SELECTION)
        if (how or CONF.nfv_sched.host_selection) == SPREAD:
            return lambda forecast: _share(_value(prices, forecast.left))
        return lambda forecast: 1 - _share(_cost(prices, forecast))


def _value(prices: Prices, rooms: tuple[int, ...]) -> float:
    """Headroom at the prices; 1 is what an average host has."""
    return sum(map(float.__mul__, prices, map(float, rooms)))


def _cost(prices: Prices, forecast: Forecast) -> float:
    left = _value(prices, forecast.left)
    return (
        max(0.0, _value(prices, forecast.before) - left)
        + _REMAINING_WEIGHT * left
    )


def _share(value: float) -> float:
    """Any value from 0 up, on a scale from 0 to 1."""
    return value / (1 + value)
