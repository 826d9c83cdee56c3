"""Hosts without the devices that a guest asks for, near its cells."""

from typing import Any

from nfv_sched import fit
from nfv_sched.filters import base
from nfv_sched.fit import gap
from nfv_sched.model import Resource
from nfv_sched.scheduler.cycle import Decision


class PCINUMAFilter(base.ResourceFilter):
    """Reject hosts whose devices do not suffice on any choice of cells.

    Concerns guests with PCI aliases or SR-IOV ports. Allocation candidates
    whose devices will not do are dropped.
    """

    about = gap.resource_name(Resource.DEVICES)

    def concerns(self, fit_request: fit.FitRequest) -> bool:
        """Whether the guest asks for devices."""
        return bool(fit_request.guest.devices)

    def refusal(
        self, decision: Decision, host_state: Any
    ) -> fit.Refusal | None:
        """Why the last of the candidates is dropped, if all are."""

        def refuse(candidate: Any) -> fit.Refusal | None:
            if decision.refusal(host_state, candidate) is None:
                return None
            return decision.evaluation(host_state).lacks_devices(
                decision.providers(candidate)
            )

        return base.prune_candidates(host_state, refuse)
