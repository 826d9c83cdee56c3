"""One decision per request and host state, shared by filters and weighers."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import Literal

import nova.conf

from nfv_sched import conf
from nfv_sched import expected
from nfv_sched import fit
from nfv_sched import hardware
from nfv_sched.model import HostTopology
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
    if known is None or known.guest is not guest:
        pack = CONF.compute.packing_host_numa_cells_allocation_strategy
        known = fit.Question(guest, pack=pack)
        setattr(spec, _QUESTION, known)
    expected.record(known, spec)
    return known


class Decision:
    """The answers for one guest on one host state.

    A decision belongs to the state it was made from and goes with it: a host
    state changes inside a request for several guests. Of a host that fits
    only the answer is kept; what led to it is let go at once, for a request
    has thousands of hosts.
    """

    __slots__ = (
        '_evaluation',
        '_instances',
        '_refusals',
        '_topology',
        '_unchosen',
        'forecast',
        'published',
        'question',
        'settled',
    )

    def __init__(self, question: fit.Question, state: Any) -> None:
        self.question = question
        #: Whether the guest fits, whichever allocation candidate is claimed.
        self.settled = False
        #: What the claim leaves behind, once that was worked out.
        self.forecast: fit.Forecast | None = None
        #: The host's published topology that the forecast was made with.
        self.published: HostTopology | None = None
        self._topology, self._instances = hosts.state_key(state)
        self._unchosen: fit.Refusal | Literal[True] | None = None
        self._refusals: dict[object, fit.Refusal | None] | None = None
        self._evaluation: fit.Evaluation | None = None

    def holds(self, question: fit.Question, state: Any) -> bool:
        """Whether this still is the answer."""
        return (
            self.question is question
            and self._topology is state.numa_topology
            and self._instances == state.num_instances
        )

    def evaluation(self, state: Any) -> fit.Evaluation:
        """All that can be asked about the guest on the host."""
        if self._evaluation is None:
            host = hosts.host_of(state)
            self._evaluation = fit.Evaluation(
                self.question, hardware.published().complete(state, host)
            )
        return self._evaluation

    def refusal(
        self, state: Any, candidate: Mapping[str, Any]
    ) -> fit.Refusal | None:
        """Why the claim fails with an allocation candidate; None if not."""
        providers = self.providers(candidate)
        if providers is not self.question.unchosen:
            return self._chosen(state, providers)
        # The same for all candidates whose devices Placement left open.
        if self._unchosen is None:
            refusal = self.evaluation(state).refusal(providers)
            self._unchosen = refusal or True
            if refusal is None:
                self._evaluation = None
                self.settled = not self.question.choosable
        return None if self._unchosen is True else self._unchosen

    def _chosen(
        self, state: Any, providers: fit.Providers
    ) -> fit.Refusal | None:
        """The answer for devices that Placement chose."""
        if self._refusals is None:
            self._refusals = {}
        key = tuple(providers)
        if key not in self._refusals:
            self._refusals[key] = self.evaluation(state).refusal(providers)
        return self._refusals[key]

    def chosen_devices(self, candidates: Iterable[Mapping[str, Any]]) -> bool:
        """Whether Placement chose devices, so that candidates may differ."""
        return any(
            self.providers(one) is not self.question.unchosen
            for one in candidates
        )

    def badness(
        self, state: Any, candidate: Mapping[str, Any], *, apart: bool
    ) -> float:
        """How bad the devices of a candidate are for the guest, from 0.

        For candidates that fit.

        :param apart: whether different physical functions are asked for
        """
        evaluation = self.evaluation(state)
        placement = evaluation.verdict(self.providers(candidate)).placement
        if placement is None:
            return 1.0
        host = evaluation.host
        found = fit.locality(
            self.question.guest,
            host,
            placement,
            hardware.published().distances(state, host),
        )
        return found.badness(apart=apart)

    def providers(self, candidate: Mapping[str, Any]) -> fit.Providers:
        """What an allocation candidate gives to each device request."""
        question = self.question
        if not question.choosable:
            return question.unchosen
        mapping = candidate.get('mappings')
        if mapping and len(mapping) == 1 and '' in mapping:
            return question.unchosen
        return tuple(fit.providers_of(question.guest.devices, mapping))


def decide(question: fit.Question, state: Any) -> Decision:
    """The decision on a HostState, made once per state."""
    known: Decision | None = getattr(state, _DECISION, None)
    if known is not None and known.holds(question, state):
        return known
    made = Decision(question, state)
    setattr(state, _DECISION, made)
    return made


def claimed(state: Any) -> Mapping[str, Any]:
    """The allocation candidate that Nova is going to claim on a host."""
    candidates: list[Mapping[str, Any]] = state.allocation_candidates
    return candidates[0] if candidates else {}


def decided(state: Any) -> bool:
    """Whether some filter has looked at the host already."""
    return _DECISION in state.__dict__


def forget(state: Any) -> None:
    """Let go of the decision on a host that was rejected.

    Nobody asks about it again within the request.
    """
    state.__dict__.pop(_DECISION, None)
