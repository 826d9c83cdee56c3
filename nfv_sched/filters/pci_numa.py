"""Hosts without the devices that a guest asks for, near its cells."""

from collections.abc import Sequence
from typing import Any

from nfv_sched.decisions import Decision
from nfv_sched.filters import base
from nfv_sched.model import Guest
from nfv_sched.model import Reason


class PCINUMAFilter(base.ResourceFilter):
    """Reject hosts whose devices do not suffice on any choice of cells.

    Concerns guests with PCI aliases or SR-IOV ports. Allocation candidates
    whose devices will not do are dropped.
    """

    def concerns(self, guest: Guest) -> bool:
        """Whether the guest asks for devices."""
        return bool(guest.devices)

    def why_not(
        self, decision: Decision, host_state: Any, spec_obj: Any
    ) -> Sequence[Reason]:
        """Which devices are short, for the last candidate that fails."""
        kept = []
        reasons: Sequence[Reason] = ()
        for candidate in host_state.allocation_candidates:
            found = decision.devices(candidate)
            if found:
                reasons = found
            else:
                kept.append(candidate)
        return base.keep_candidates(host_state, kept, reasons)
