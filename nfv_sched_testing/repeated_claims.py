"""Instances of one shape, claimed one after another."""

from nfv_sched import fit
from nfv_sched.model import Host


def claims(
    fit_request: fit.FitRequest, host: Host, most: int = 1000
) -> int | None:
    """How many instances are claimed; None where ``most`` are not all."""
    providers = [request.rp_uuids for request in fit_request.guest.devices]
    for count in range(most):
        outcome = fit.Evaluation(fit_request, host).verdict(providers).outcome
        if outcome is None:
            return count
        host = fit.apply_claim(fit_request.guest, host, outcome)
    return None
