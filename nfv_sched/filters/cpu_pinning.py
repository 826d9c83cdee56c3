"""Hosts without the free dedicated CPUs that a guest asks for."""

from typing import Any

from nfv_sched import fit
from nfv_sched.decisions import Decision
from nfv_sched.filters import base
from nfv_sched.fit import nearness
from nfv_sched.model import Resource


class CPUPinningFilter(base.ResourceFilter):
    """Reject hosts whose dedicated CPUs cannot hold the guest's cells.

    Concerns guests with ``hw:cpu_policy`` dedicated or mixed, and takes
    account of siblings and emulator threads.
    """

    about = nearness.name_of(Resource.DEDICATED_CPUS)

    def concerns(self, question: fit.Question) -> bool:
        """Whether the guest asks for pinned CPUs."""
        return question.pins

    def refusal(
        self, decision: Decision, host_state: Any
    ) -> fit.Refusal | None:
        """Why the host is rejected; None if it is not."""
        if base.may_fit(decision, host_state):
            return None
        return decision.evaluation(host_state).lacks_pinning()
