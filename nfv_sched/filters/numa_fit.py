"""Hosts on which the guest's claim would not succeed."""

from collections.abc import Iterable
import functools
from typing import Any

from nfv_sched import fit
from nfv_sched.filters import base
from nfv_sched.nova import request_spec
from nfv_sched.scheduler import consume_hook
from nfv_sched.scheduler import cycle
from nfv_sched.scheduler import multipliers
from nfv_sched.scheduler.cycle import Decision
from nfv_sched.scheduler.in_flight import in_flight


class NUMAFitFilter(base.ResourceFilter):
    """Accept exactly the hosts on which nova-compute's claim succeeds.

    Complete by itself: CPUs, memory, pages, devices and networks together,
    on the same cells. Hands the claim its limits, and puts the allocation
    candidate first whose devices are nearest to the guest's cells. Notices
    which of the hosts Nova chooses, for :mod:`nfv_sched.scheduler.in_flight`.
    """

    def filter_all(
        self, filter_obj_list: Iterable[Any], spec_obj: Any
    ) -> Iterable[Any]:
        """The hosts that pass, each of them watched from here on.

        Not by a weigher: of a single host that is left Nova asks none.
        """
        kept = super().filter_all(filter_obj_list, spec_obj)
        fit_request = self._fit_request(spec_obj) if kept else False
        if isinstance(fit_request, fit.FitRequest):
            counted = multipliers.is_enabled(multipliers.IN_FLIGHT, kept)
            if counted or request_spec.may_be_several(spec_obj):
                flight = in_flight() if counted else None
                consume_hook.install(fit_request, kept, flight)
        return kept

    def concerns(self, fit_request: fit.FitRequest) -> bool:
        """Whether the guest asks for anything at all."""
        return not fit_request.guest.asks_nothing

    def lacks_at_a_glance(
        self, fit_request: fit.FitRequest, host_state: Any
    ) -> bool:
        """Whether the pages alone are too few, seen at a glance."""
        return base.lacks_pages(fit_request, host_state)

    def refusal(
        self, decision: Decision, host_state: Any
    ) -> fit.Refusal | None:
        """Why the claim fails with the last of the candidates, if with all."""
        return base.prune_candidates(
            host_state, functools.partial(decision.refusal, host_state)
        )

    def accepted(
        self, fit_request: fit.FitRequest, host_state: Any, spec_obj: Any
    ) -> None:
        """Hand the claim its limits, as the stock filter does."""
        if fit_request.guest.cells:
            host_state.limits['numa_topology'] = request_spec.limits_of(
                spec_obj, host_state
            )
        kept = host_state.allocation_candidates
        if fit_request.placement_may_choose and len(kept) > 1:
            decision = cycle.decide(fit_request, host_state)
            if decision.chosen_devices(kept):
                # Nova claims the first one.
                apart = request_spec.spreads_functions(spec_obj)
                kept.sort(
                    key=lambda one: decision.badness(
                        host_state, one, apart=apart
                    )
                )
