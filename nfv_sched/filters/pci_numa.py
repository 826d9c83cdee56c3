"""Reject hosts without the devices that a guest asks for, near it."""

from nfv_sched import fit
from nfv_sched.filters import base
from nfv_sched.fit import gap
from nfv_sched.fit.candidates import Candidate
from nfv_sched.model import Resource
from nfv_sched.nova.types import HostState
from nfv_sched.scheduler.host_cycle import Decision


class PCINUMAFilter(base.CandidateFilter):
    """Reject hosts whose devices do not suffice on any choice of cells.

    Concerns guests with PCI aliases or SR-IOV ports. Allocation candidates
    with the wrong devices are dropped.
    """

    about = gap.resource_name(Resource.DEVICES)
    implied_by_fit = True

    def concerns(self, fit_request: fit.FitRequest) -> bool:
        """Whether the guest asks for devices."""
        return bool(fit_request.guest.devices)

    def candidate_refusal(
        self, decision: Decision, host_state: HostState, candidate: Candidate
    ) -> fit.Refusal | None:
        """Why the devices of a candidate do not suffice; None if they do."""
        if decision.refusal(host_state, candidate) is None:
            return None
        return decision.evaluation(host_state).lacks_devices(
            decision.providers(candidate)
        )
