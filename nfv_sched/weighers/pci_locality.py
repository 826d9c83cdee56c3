"""Guests near their devices, and away from those of others."""

from typing import Any

from nfv_sched import fit
from nfv_sched.weighers.base import ForecastWeigher
from nfv_sched.weighers.base import Prices
from nfv_sched.weighers.base import Scale

#: The extra spec that asks for devices on different physical functions.
EXTRA_SPEC = 'nfv:pci_spread'


class PCILocalityWeigher(ForecastWeigher):
    """Weigh hosts by where the claim takes devices from.

    Guests with devices weigh more where those are nearer to their cells,
    guests without where they do not get cells that have free devices.
    """

    option = 'pci_locality_weight_multiplier'

    def scale(
        self, question: fit.Question, spec: Any, prices: Prices
    ) -> Scale:
        """Weights by locality, or by what is kept free."""
        if not question.guest.devices:
            return lambda one: 1 - one.occupied
        if spec.flavor.extra_specs.get(EXTRA_SPEC) == 'pf':
            return lambda one: 1 - (one.remote + one.together) / 2
        return lambda one: 1 - one.remote
