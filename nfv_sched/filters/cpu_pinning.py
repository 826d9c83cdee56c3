"""Reject hosts without the dedicated CPUs that a guest asks for."""

from nfv_sched import fit
from nfv_sched.filters import base
from nfv_sched.fit import gap
from nfv_sched.model import Resource
from nfv_sched.nova.types import HostState
from nfv_sched.scheduler.host_cycle import Decision


class CPUPinningFilter(base.ResourceFilter):
    """Reject hosts whose dedicated CPUs cannot hold the guest's cells.

    Concerns guests with ``hw:cpu_policy`` dedicated or mixed, and takes
    account of siblings and emulator threads.
    """

    about = gap.resource_name(Resource.DEDICATED_CPUS)
    implied_by_fit = True

    def concerns(self, fit_request: fit.FitRequest) -> bool:
        """Whether the guest asks for pinned CPUs."""
        return fit_request.asks_pinning

    def refusal(
        self, decision: Decision, host_state: HostState
    ) -> fit.Refusal | None:
        """Why the host is rejected; None if it is not."""
        if base.may_fit(decision, host_state):
            return None
        return decision.evaluation(host_state).lacks_pinning()
