"""Hosts without the page sizes or free pages that a guest asks for."""

from collections.abc import Sequence
from typing import Any

from nfv_sched.decisions import Decision
from nfv_sched.filters import base
from nfv_sched.model import Guest
from nfv_sched.model import Reason


class HugePagesFilter(base.ResourceFilter):
    """Reject hosts whose page pools cannot hold the guest's cells.

    Concerns guests with ``hw:mem_page_size``.
    """

    def concerns(self, guest: Guest) -> bool:
        """Whether the guest asks for a page size."""
        return any(cell.page_size for cell in guest.cells)

    def why_not(
        self, decision: Decision, host_state: Any, spec_obj: Any
    ) -> Sequence[Reason]:
        """Which pages are short."""
        return decision.pages()
