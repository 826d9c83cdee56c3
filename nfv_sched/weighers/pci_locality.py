"""Guests near their devices, and away from those of others."""

from typing import Any

from nfv_sched import fit
from nfv_sched.weighers.base import ForecastWeigher
from nfv_sched.weighers.base import Prices
from nfv_sched.weighers.base import Scale


class PCILocalityWeigher(ForecastWeigher):
    """Weigh hosts by where the claim takes devices from.

    Guests with devices weigh more where those are nearer to their cells,
    guests without where they do not get cells that have free devices.
    """

    option = 'pci_locality_weight_multiplier'

    def scale(
        self, fit_request: fit.FitRequest, spec: Any, prices: Prices
    ) -> Scale:
        """Weights by locality, or by what is kept free."""
        if not fit_request.guest.devices:
            return lambda forecast: 1 - forecast.locality.occupied
        spread = fit_request.guest.spread_functions
        return lambda forecast: 1 - forecast.locality.penalty(spread=spread)
