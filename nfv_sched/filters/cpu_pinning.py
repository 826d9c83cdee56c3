"""Hosts without the free dedicated CPUs that a guest asks for."""

from collections.abc import Sequence
from typing import Any

from nfv_sched.decisions import Decision
from nfv_sched.filters import base
from nfv_sched.model import Guest
from nfv_sched.model import Reason


class CPUPinningFilter(base.ResourceFilter):
    """Reject hosts whose dedicated CPUs cannot hold the guest's cells.

    Concerns guests with ``hw:cpu_policy`` dedicated or mixed, and takes
    account of siblings and emulator threads.
    """

    def concerns(self, guest: Guest) -> bool:
        """Whether the guest pins CPUs."""
        return any(cell.pinned for cell in guest.cells)

    def why_not(
        self, decision: Decision, host_state: Any, spec_obj: Any
    ) -> Sequence[Reason]:
        """Which CPUs are short."""
        return decision.pinning()
