"""Hosts on which the guest's claim would not succeed."""

from collections.abc import Iterable
import functools
from typing import Any

from nfv_sched import decisions
from nfv_sched import fit
from nfv_sched import multipliers
from nfv_sched.decisions import Decision
from nfv_sched.filters import base
from nfv_sched.filters import consuming
from nfv_sched.in_flight import in_flight
from nfv_sched.nova import requests


class NUMAFitFilter(base.ResourceFilter):
    """Accept exactly the hosts on which nova-compute's claim succeeds.

    Complete by itself: CPUs, memory, pages, devices and networks together,
    on the same cells. Hands the claim its limits, and puts the allocation
    candidate first whose devices are nearest to the guest's cells. Notices
    which of the hosts Nova chooses, for :mod:`nfv_sched.in_flight`.
    """

    def filter_all(
        self, filter_obj_list: Iterable[Any], spec_obj: Any
    ) -> Iterable[Any]:
        """The hosts that pass, each of them watched from here on.

        Not by a weigher: of a single host that is left Nova asks none.
        """
        kept = super().filter_all(filter_obj_list, spec_obj)
        question = self._question(spec_obj) if kept else False
        if isinstance(question, fit.Question):
            counted = multipliers.counts(multipliers.IN_FLIGHT, kept)
            if counted or requests.may_be_several(spec_obj):
                flight = in_flight() if counted else None
                consuming.watch(question, kept, flight)
        return kept

    def concerns(self, question: fit.Question) -> bool:
        """Whether the guest asks for anything at all."""
        return not question.guest.asks_nothing

    def hopeless(self, question: fit.Question, host_state: Any) -> bool:
        """Whether the pages alone are too few, seen at a glance."""
        return base.lacks_pages(question, host_state)

    def refusal(
        self, decision: Decision, host_state: Any
    ) -> fit.Refusal | None:
        """Why the claim fails with the last of the candidates, if with all."""
        return base.sift_candidates(
            host_state, functools.partial(decision.refusal, host_state)
        )

    def accepted(
        self, question: fit.Question, host_state: Any, spec_obj: Any
    ) -> None:
        """Hand the claim its limits, as the stock filter does."""
        if question.guest.cells:
            host_state.limits['numa_topology'] = requests.limits_of(
                spec_obj, host_state
            )
        kept = host_state.allocation_candidates
        if question.choosable and len(kept) > 1:
            decision = decisions.decide(question, host_state)
            if decision.chosen_devices(kept):
                # Nova claims the first one.
                apart = requests.spreads_functions(spec_obj)
                kept.sort(
                    key=lambda one: decision.badness(
                        host_state, one, apart=apart
                    )
                )
