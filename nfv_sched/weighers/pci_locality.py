"""Prefer devices near the guest, and keep free devices' nodes free."""

from nfv_sched import fit
from nfv_sched.nova.types import RequestSpec
from nfv_sched.weighers.base import ForecastWeigher
from nfv_sched.weighers.base import Prices
from nfv_sched.weighers.base import Scale


class PCILocalityWeigher(ForecastWeigher):
    """Weigh hosts by where the claim takes devices from.

    For guests with devices, hosts weigh more where these are nearer to the
    guest's cells; for guests without, where the claim takes no cells with
    free devices.
    """

    option = 'pci_locality_weight_multiplier'

    def scale(
        self, fit_request: fit.FitRequest, spec: RequestSpec, prices: Prices
    ) -> Scale:
        """Weights by locality, or by what is kept free."""
        if not fit_request.guest.devices:
            return lambda forecast: 1 - forecast.locality.occupied
        spread = fit_request.guest.spread_functions
        return lambda forecast: 1 - forecast.locality.penalty(spread=spread)
