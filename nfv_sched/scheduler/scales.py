"""What a forecast is worth to the weighers that use it, from 0 to 1.

By the options of the weighers' multipliers. The weighers compare hosts by
these, and :mod:`nfv_sched.scheduler.node_chooser` sets of NUMA nodes.
"""

from collections.abc import Callable
from collections.abc import Sequence

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.nova import request_spec
from nfv_sched.nova.types import RequestSpec

CONF = nova.conf.CONF
conf.register_opts(CONF)

#: The price of headroom for each expected shape, per unit in which
#: :class:`nfv_sched.fit.headroom.HostHeadroom` counts it.
Prices = Sequence[float]
#: The weight that a forecast is worth, from 0 to 1.
Scale = Callable[[fit.Forecast], float]

#: The options of the multipliers.
FRAGMENTATION = 'fragmentation_weight_multiplier'
PCI_LOCALITY = 'pci_locality_weight_multiplier'

_SPREAD = 'spread'

#: How much headroom that is left counts against a host, beside headroom that
#: is lost. Where every claim loses some it is better to fill one host than to
#: start on many: the next instances find whole hosts. Where NUMA nodes are
#: chosen this makes the choice worse.
_REMAINING_WEIGHT = 0.1


def fragmentation(
    fit_request: fit.FitRequest, spec: RequestSpec, prices: Prices
) -> Scale:
    """The headroom that is lost, or, to spread instances, what is left."""
    how = spec.flavor.extra_specs.get(request_spec.HOST_SELECTION)
    if (how or CONF.nfv_sched.host_selection) == _SPREAD:
        return lambda forecast: _share(_value(prices, forecast.left))
    remaining = 0.0 if CONF.nfv_sched.choose_nodes else _REMAINING_WEIGHT
    return lambda forecast: 1 - _share(_cost(prices, forecast, remaining))


def pci_locality(
    fit_request: fit.FitRequest, spec: RequestSpec, prices: Prices
) -> Scale:
    """How near devices are, or, without any, what is kept free of them."""
    guest = fit_request.guest
    if not guest.devices and guest.accelerators:
        # The one or the other is 0.
        return lambda forecast: (
            1 - forecast.locality.occupied - forecast.locality.penalty(guest)
        )
    if not guest.devices:
        return lambda forecast: 1 - forecast.locality.occupied
    return lambda forecast: 1 - forecast.locality.penalty(guest)


SCALES = {FRAGMENTATION: fragmentation, PCI_LOCALITY: pci_locality}


def _value(prices: Prices, rooms: tuple[int, ...]) -> float:
    """Headroom at the prices; 1 is what an average host has."""
    return sum(map(float.__mul__, prices, map(float, rooms)))


def _cost(prices: Prices, forecast: fit.Forecast, remaining: float) -> float:
    left = _value(prices, forecast.left)
    lost = max(0.0, _value(prices, forecast.before) - left)
    return lost + remaining * left


def _share(value: float) -> float:
    """Any value from 0 up, on a scale from 0 to 1."""
    return value / (1 + value)
