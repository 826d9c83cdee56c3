"""Prefer hosts that lose the least capacity for expected requests."""

from nfv_sched import fit
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler import scales
from nfv_sched.weighers.base import ForecastWeigher


class FragmentationWeigher(ForecastWeigher):
    """Weigh hosts by the headroom for expected shapes after the claim.

    The price of headroom for a shape is its share of the requests, divided
    by the headroom of an average host. ``pack`` prefers the host that loses
    the least headroom at these prices, ``spread`` the one that keeps most.
    """

    option = scales.FRAGMENTATION

    def scale(
        self,
        fit_request: fit.FitRequest,
        spec: RequestSpec,
        prices: scales.Prices,
    ) -> scales.Scale:
        """As :func:`nfv_sched.scheduler.scales.fragmentation`."""
        return scales.fragmentation(fit_request, spec, prices)
