"""Reject hosts without the free pages that a guest asks for."""

from nfv_sched import fit
from nfv_sched.filters import base
from nfv_sched.fit import gap
from nfv_sched.model import Resource
from nfv_sched.nova.types import HostState
from nfv_sched.scheduler.host_cycle import Decision


class HugePagesFilter(base.ResourceFilter):
    """Reject hosts whose page pools cannot hold the guest's cells.

    Concerns guests with ``hw:mem_page_size``.
    """

    about = gap.resource_name(Resource.PAGES)
    implied_by_fit = True

    def concerns(self, fit_request: fit.FitRequest) -> bool:
        """Whether the guest asks for a page size."""
        return fit_request.asks_pages

    def clearly_lacks(
        self, fit_request: fit.FitRequest, host_state: HostState
    ) -> bool:
        """Whether the pages alone are too few."""
        return base.clearly_lacks_pages(fit_request, host_state)

    def refusal(
        self, decision: Decision, host_state: HostState
    ) -> fit.Refusal | None:
        """Why the host is rejected; None if it is not."""
        if base.may_fit(decision, host_state):
            return None
        return decision.evaluation(host_state).lacks_pages()
