"""One decision per request and host state, shared by filters and weighers."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import Literal

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.model import HostTopology
from nfv_sched.nova import host_states
from nfv_sched.nova import request_spec
from nfv_sched.scheduler import demand
from nfv_sched.scheduler import published_topology

CONF = nova.conf.CONF
conf.register_opts(CONF)

_QUESTION = '_nfv_sched_question'
_DECISION = '_nfv_sched_decision'


def refresh(spec: Any) -> fit.FitRequest:
    """What a RequestSpec asks, looked at anew.

    Due before each guest of a request: Nova writes into the request while it
    places them (see :func:`nfv_sched.nova.request_spec.guest_of`).

    :raises ValueError: the request makes no sense
    """
    guest = request_spec.guest_of(spec)
    known: fit.FitRequest | None = getattr(spec, _QUESTION, None)
    if known is None or known.guest is not guest:
        pack = CONF.compute.packing_host_numa_cells_allocation_strategy
        known = fit.FitRequest(guest, pack=pack)
        setattr(spec, _QUESTION, known)
    demand.record(known, spec)
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
        '_no_providers_refusal',
        '_refusals',
        '_topology',
        'fit_request',
        'forecast',
        'published',
        'settled',
    )

    def __init__(self, fit_request: fit.FitRequest, state: Any) -> None:
        self.fit_request = fit_request
        #: Whether the guest fits, whichever allocation candidate is claimed.
        self.settled = False
        #: What the claim leaves behind, once that was worked out.
        self.forecast: fit.Forecast | None = None
        #: The host's published topology that the forecast was made with.
        self.published: HostTopology | None = None
        self._topology, self._instances = host_states.state_key(state)
        self._no_providers_refusal: fit.Refusal | Literal[True] | None = None
        self._refusals: dict[object, fit.Refusal | None] | None = None
        self._evaluation: fit.Evaluation | None = None

    def holds(self, fit_request: fit.FitRequest, state: Any) -> bool:
        """Whether this still is the answer."""
        return (
            self.fit_request is fit_request
            and self._topology is state.numa_topology
            and self._instances == state.num_instances
        )

    def evaluation(self, state: Any) -> fit.Evaluation:
        """All that can be asked about the guest on the host."""
        if self._evaluation is None:
            host = host_states.host_of(state)
            self._evaluation = fit.Evaluation(
                self.fit_request,
                published_topology.published().complete(state, host),
            )
        return self._evaluation

    def refusal(
        self, state: Any, candidate: Mapping[str, Any]
    ) -> fit.Refusal | None:
        """Why the claim fails with an allocation candidate; None if not."""
        providers = self.providers(candidate)
        if providers is not self.fit_request.no_providers:
            return self._chosen(state, providers)
        # The same for all candidates whose devices Placement left open.
        if self._no_providers_refusal is None:
            refusal = self.evaluation(state).refusal(providers)
            self._no_providers_refusal = refusal or True
            if refusal is None:
                self._evaluation = None
                self.settled = not self.fit_request.placement_may_choose
        return (
            None
            if self._no_providers_refusal is True
            else self._no_providers_refusal
        )

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
            self.providers(one) is not self.fit_request.no_providers
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
            self.fit_request.guest,
            host,
            placement,
            published_topology.published().distances(state, host),
        )
        return found.badness(apart=apart)

    def providers(self, candidate: Mapping[str, Any]) -> fit.Providers:
        """What an allocation candidate gives to each device request."""
        fit_request = self.fit_request
        if not fit_request.placement_may_choose:
            return fit_request.no_providers
        mapping = candidate.get('mappings')
        if mapping and len(mapping) == 1 and '' in mapping:
            return fit_request.no_providers
        return tuple(fit.providers_of(fit_request.guest.devices, mapping))


def decide(fit_request: fit.FitRequest, state: Any) -> Decision:
    """The decision on a HostState, made once per state."""
    known: Decision | None = getattr(state, _DECISION, None)
    if known is not None and known.holds(fit_request, state):
        return known
    made = Decision(fit_request, state)
    setattr(state, _DECISION, made)
    return made


def candidate_to_claim(state: Any) -> Mapping[str, Any]:
    """The allocation candidate that Nova is going to claim on a host."""
    candidates: list[Mapping[str, Any]] = state.allocation_candidates
    return candidates[0] if candidates else {}


def is_decided(state: Any) -> bool:
    """Whether some filter has looked at the host already."""
    return _DECISION in state.__dict__


def forget(state: Any) -> None:
    """Let go of the decision on a host that was rejected.

    Nobody asks about it again within the request.
    """
    state.__dict__.pop(_DECISION, None)
