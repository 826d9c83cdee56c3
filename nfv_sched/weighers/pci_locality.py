"""Prefer devices near the guest, and keep free devices' nodes free."""

from nfv_sched import fit
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler import scales
from nfv_sched.weighers.base import ForecastWeigher


class PCILocalityWeigher(ForecastWeigher):
    """Weigh hosts by where the claim takes devices from.

    For guests with devices, hosts weigh more where these are nearer to the
    guest's cells; for guests without, where the claim takes no cells with
    free devices.
    """

    option = scales.PCI_LOCALITY

    def scale(
        self,
        fit_request: fit.FitRequest,
        spec: RequestSpec,
        prices: scales.Prices,
    ) -> scales.Scale:
        """As :func:`nfv_sched.scheduler.scales.pci_locality`."""
        return scales.pci_locality(fit_request, spec, prices)
