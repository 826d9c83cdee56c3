"""Reject hosts on which the guest's claim would fail."""

from nfv_sched import fit
from nfv_sched.filters import base
from nfv_sched.fit.candidates import Candidate
from nfv_sched.nova import request_spec
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler import consume_hook
from nfv_sched.scheduler import host_cycle
from nfv_sched.scheduler import multipliers
from nfv_sched.scheduler.cycle import RequestCycle
from nfv_sched.scheduler.host_cycle import Decision


class NUMAFitFilter(base.CandidateFilter):
    """Accept exactly the hosts on which nova-compute's claim succeeds.

    Complete by itself: CPUs, memory, pages, devices and networks together,
    on the same cells. Hands the claim its limits, and puts the allocation
    candidate first whose devices are nearest to the guest's cells. Notices
    which of the hosts Nova selects, for :mod:`nfv_sched.scheduler.in_flight`.
    """

    implied_by_fit = True

    def concerns(self, fit_request: fit.FitRequest) -> bool:
        """Whether the guest asks for anything at all."""
        return not fit_request.guest.asks_nothing

    def clearly_lacks(
        self, fit_request: fit.FitRequest, host_state: HostState
    ) -> bool:
        """Whether the pages alone are too few."""
        return base.clearly_lacks_pages(fit_request, host_state)

    def candidate_refusal(
        self, decision: Decision, host_state: HostState, candidate: Candidate
    ) -> fit.Refusal | None:
        """Why the claim fails with a candidate; None if it succeeds."""
        return decision.refusal(host_state, candidate)

    def examine(
        self, decision: Decision, host_state: HostState
    ) -> base.Answer:
        """The candidates whose claim succeeds, the best one first."""
        refusal, kept = super().examine(decision, host_state)
        return refusal, decision.claim_order(host_state, kept)

    def accepted(
        self, cycle: RequestCycle, host_state: HostState, spec_obj: RequestSpec
    ) -> None:
        """Hand the claim its limits, as the stock filter does."""
        if cycle.fit_request.guest.cells:
            host_state.limits['numa_topology'] = cycle.original.limits(
                spec_obj,
                host_state,
                host_cycle.choice_of(host_state)
                if cycle.chooses_nodes
                else None,
            )

    def passed(
        self, cycle: RequestCycle, kept: list[HostState], spec_obj: RequestSpec
    ) -> None:
        """Watch each host that passes for the instance to be placed there.

        Not done by a weigher: Nova asks none about a single host.
        """
        if cycle.process.shadow:
            return
        track = multipliers.is_enabled(multipliers.IN_FLIGHT, kept)
        if (
            track
            or cycle.chooses_nodes
            or cycle.pending is not None
            or request_spec.may_be_several(spec_obj)
        ):
            consume_hook.install(cycle, kept, track=track)
