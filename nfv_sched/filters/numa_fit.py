"""Hosts on which the guest's claim would not succeed."""

from collections.abc import Sequence
from typing import Any

from nfv_sched.decisions import Decision
from nfv_sched.filters import base
from nfv_sched.model import Guest
from nfv_sched.model import Reason
from nfv_sched.nova import hosts


class NUMAFitFilter(base.ResourceFilter):
    """Accept exactly the hosts on which nova-compute's claim succeeds.

    Complete by itself: CPUs, memory, pages, devices and networks together,
    on the same cells. Hands the claim its limits, and puts the allocation
    candidate first whose devices are nearest to the guest's cells.
    """

    def concerns(self, guest: Guest) -> bool:
        """Whether the guest asks for anything at all."""
        return not guest.asks_nothing

    def why_not(
        self, decision: Decision, host_state: Any, spec_obj: Any
    ) -> Sequence[Reason]:
        """What is short, for the last candidate that fails."""
        kept = []
        reasons: Sequence[Reason] = ()
        for candidate in host_state.allocation_candidates:
            verdict = decision.verdict(candidate)
            if verdict.fits:
                kept.append(candidate)
            else:
                reasons = verdict.reasons
        if len(kept) > 1:
            kept.sort(key=decision.far_devices)
        if kept and decision.guest.cells:
            hosts.set_limits(host_state, spec_obj)
        return base.keep_candidates(host_state, kept, reasons)
