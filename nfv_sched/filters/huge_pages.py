"""Hosts without the page sizes or free pages that a guest asks for."""

from typing import Any

from nfv_sched import fit
from nfv_sched.decisions import Decision
from nfv_sched.filters import base
from nfv_sched.fit import nearness
from nfv_sched.model import Resource


class HugePagesFilter(base.ResourceFilter):
    """Reject hosts whose page pools cannot hold the guest's cells.

    Concerns guests with ``hw:mem_page_size``.
    """

    about = nearness.name_of(Resource.PAGES)

    def concerns(self, question: fit.Question) -> bool:
        """Whether the guest asks for a page size."""
        return question.asks_pages

    def hopeless(self, question: fit.Question, host_state: Any) -> bool:
        """Whether the pages alone are too few, seen at a glance."""
        return base.lacks_pages(question, host_state)

    def refusal(
        self, decision: Decision, host_state: Any
    ) -> fit.Refusal | None:
        """Why the host is rejected; None if it is not."""
        if base.may_fit(decision, host_state):
            return None
        return decision.evaluation(host_state).lacks_pages()
