"""One decision per request and host state, shared by filters and weighers."""

from collections.abc import Mapping
from typing import Any
from typing import Literal

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched import hardware
from nfv_sched.model import Verdict
from nfv_sched.nova import hosts
from nfv_sched.nova import requests

CONF = nova.conf.CONF
conf.register_opts(CONF)

_QUESTION = '_nfv_sched_question'
_DECISION = '_nfv_sched_decision'


def refresh(spec: Any) -> fit.Question:
    """What a RequestSpec asks, looked at anew.

    Due before each guest of a request: Nova writes into the request while it
    places them (see :func:`nfv_sched.nova.requests.guest_of`).

    :raises ValueError: the request makes no sense
    """
    guest = requests.guest_of(spec)
    known: fit.Question | None = getattr(spec, _QUESTION, None)
    if known is not None and known.guest is guest:
        return known
    made = fit.Question(guest)
    setattr(spec, _QUESTION, made)
    return made


class Decision:
    """The answers for one guest on one host state.

    Answers are worked out on demand and kept. A decision belongs to the
    state it was made from and goes with it: a host state changes inside a
    request for several guests.
    """

    __slots__ = (
        '_evaluation',
        '_instances',
        '_topology',
        '_unchosen',
        'question',
    )

    def __init__(self, question: fit.Question, state: Any) -> None:
        self.question = question
        self._topology, self._instances = hosts.state_key(state)
        self._unchosen: fit.Refusal | Literal[True] | None = None
        host = hosts.host_of(state)
        self._evaluation = fit.Evaluation(
            question,
            hardware.published().complete(state, host),
            pack=CONF.compute.packing_host_numa_cells_allocation_strategy,
        )

    def holds(self, question: fit.Question, state: Any) -> bool:
        """Whether this still is the answer."""
        return (
            self.question is question
            and self._topology is state.numa_topology
            and self._instances == state.num_instances
        )

    def lacks_pages(self) -> fit.Refusal | None:
        """Why the page pools alone make the guest impossible here."""
        return self._evaluation.lacks_pages()

    def lacks_pinning(self) -> fit.Refusal | None:
        """Why the dedicated CPUs alone make the guest impossible here."""
        return self._evaluation.lacks_pinning()

    def lacks_devices(
        self, candidate: Mapping[str, Any]
    ) -> fit.Refusal | None:
        """Why the devices alone make an allocation candidate impossible."""
        return self._evaluation.lacks_devices(self._providers(candidate))

    def refusal(self, candidate: Mapping[str, Any]) -> fit.Refusal | None:
        """Why the claim fails with an allocation candidate; None if not."""
        providers = self._providers(candidate)
        if providers is not self.question.unchosen:
            return self._evaluation.refusal(providers)
        # The same for all candidates whose devices Placement left open.
        if self._unchosen is None:
            self._unchosen = self._evaluation.refusal(providers) or True
        return None if self._unchosen is True else self._unchosen

    def verdict(self, candidate: Mapping[str, Any]) -> Verdict:
        """Where the claim puts the guest with an allocation candidate."""
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

    def _providers(self, candidate: Mapping[str, Any]) -> fit.Providers:
        question = self.question
        mapping = candidate.get('mappings')
        if not question.choosable or (mapping and mapping.keys() == {''}):
            return question.unchosen
        return fit.providers_of(question.guest.devices, mapping)


def decide(question: fit.Question, state: Any) -> Decision:
    """The decision on a HostState, made once per state.

    :raises Exception: whatever a malformed state makes Nova's objects raise
    """
    known: Decision | None = getattr(state, _DECISION, None)
    if known is not None and known.holds(question, state):
        return known
    made = Decision(question, state)
    setattr(state, _DECISION, made)
    return made
