"""One decision per request and host state, shared by filters and weighers."""

from collections.abc import Mapping
from collections.abc import Sequence
import logging
from typing import Any

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched import hardware
from nfv_sched.model import Guest
from nfv_sched.model import Reason
from nfv_sched.model import Verdict
from nfv_sched.nova import hosts
from nfv_sched.nova import requests

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)

_DECISION = '_nfv_sched_decision'


class Decision:
    """The answers for one guest on one host state.

    Answers are worked out on demand and kept. A decision belongs to the
    state it was made from and goes with it: a host state changes inside a
    request for several guests.
    """

    __slots__ = ('_evaluation', '_state_key', 'guest')

    def __init__(self, guest: Guest, state: Any, state_key: object) -> None:
        self.guest = guest
        self._state_key = state_key
        self._evaluation = fit.Evaluation(
            guest,
            hardware.published().complete(state, hosts.host_of(state)),
            pack=CONF.compute.packing_host_numa_cells_allocation_strategy,
        )

    def holds(self, guest: Guest, state_key: object) -> bool:
        """Whether this still is the answer."""
        return self.guest is guest and self._state_key == state_key

    def pages(self) -> tuple[Reason, ...]:
        """Why the page pools alone make the guest impossible here."""
        return self._evaluation.pages()

    def pinning(self) -> tuple[Reason, ...]:
        """Why the dedicated CPUs alone make the guest impossible here."""
        return self._evaluation.pinning()

    def devices(self, candidate: Mapping[str, Any]) -> tuple[Reason, ...]:
        """Why the devices alone make an allocation candidate impossible."""
        return self._evaluation.devices(self._providers(candidate))

    def verdict(self, candidate: Mapping[str, Any]) -> Verdict:
        """Whether the claim succeeds with an allocation candidate."""
        return self._evaluation.verdict(self._providers(candidate))

    def far_devices(self, candidate: Mapping[str, Any]) -> int:
        """How many devices the claim takes away from the guest's cells.

        For candidates that fit.
        """
        placement = self.verdict(candidate).placement
        if placement is None:
            return 0
        near = {cell.host_cell for cell in placement.cells}
        pools = self._evaluation.host.pools
        return sum(
            taken.count
            for taken in placement.devices
            if pools[taken.pool].numa_node not in near
        )

    def _providers(
        self, candidate: Mapping[str, Any]
    ) -> Sequence[tuple[str, ...]]:
        return fit.providers_of(self.guest.devices, candidate.get('mappings'))


def guest_of(spec: Any) -> Guest:
    """The guest that a RequestSpec asks for.

    :raises ValueError: the request makes no sense
    """
    return requests.guest_of(spec)


def decide(guest: Guest, state: Any) -> Decision:
    """The decision for ``guest`` on a HostState, made once per state.

    :raises Exception: whatever a malformed state makes Nova's objects raise
    """
    state_key = hosts.state_key(state)
    known: Decision | None = getattr(state, _DECISION, None)
    if known is not None and known.holds(guest, state_key):
        return known
    made = Decision(guest, state, state_key)
    setattr(state, _DECISION, made)
    return made
