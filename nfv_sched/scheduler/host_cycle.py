"""What filters and weighers share about one HostState of a request."""

import functools

from nfv_sched import fit
from nfv_sched.fit import candidates as fit_candidates
from nfv_sched.fit.candidates import Candidate
from nfv_sched.model import AcceleratorClaim
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import HostTopology
from nfv_sched.model import NodeChoice
from nfv_sched.nova import host_states
from nfv_sched.nova.types import HostState
from nfv_sched.scheduler.published_topology import PublishedTopology

#: The attribute of a HostState that holds its cycle.
ATTRIBUTE = '_nfv_sched_host'


class HostCycle:
    """What filters and weighers share about one HostState.

    ``consumed`` holds the uuids of the instances that Nova consumed from
    this very state. ``malformed`` is whether it was logged that the state is
    malformed. ``choice`` are the NUMA nodes that the limits of the host's
    claims allow in this request, None until Nova selected the host.
    """

    __slots__ = ('choice', 'consumed', 'decision', 'malformed')

    def __init__(self) -> None:
        self.decision: Decision | None = None
        self.choice: NodeChoice | None = None
        self.consumed: set[str] | None = None
        self.malformed = False

    def add_consumed(self, instance: str) -> None:
        """Note that an instance was consumed from the state."""
        self.consumed = {*(self.consumed or ()), instance}


def of_host(state: HostState) -> HostCycle:
    """The cycle of a host state."""
    cycle: HostCycle | None = state.__dict__.get(ATTRIBUTE)
    if cycle is None:
        cycle = state.__dict__[ATTRIBUTE] = HostCycle()
    return cycle


def consumed(state: HostState) -> set[str] | None:
    """The instances that were consumed from a state, None without any."""
    cycle: HostCycle | None = state.__dict__.get(ATTRIBUTE)
    return cycle.consumed if cycle is not None else None


def choice_of(state: HostState) -> NodeChoice | None:
    """The NUMA nodes that a host's claims may take; None for all."""
    cycle: HostCycle | None = state.__dict__.get(ATTRIBUTE)
    choice = cycle.choice if cycle is not None else None
    return choice if choice is not None and choice.restricts else None


def has_chosen(state: HostState) -> bool:
    """Whether it is settled which NUMA nodes a host's claims may take."""
    cycle: HostCycle | None = state.__dict__.get(ATTRIBUTE)
    return cycle is not None and cycle.choice is not None


class Decision:
    """The answers for one guest on one host state.

    A decision belongs to the state it was made from and goes with it: a host
    state changes inside a request for several instances. Of a host that fits
    only the answer is kept; what led to it is dropped at once, since a
    request has thousands of hosts.
    """

    __slots__ = (
        '_devices',
        '_evaluation',
        '_instances',
        '_no_providers_refusal',
        '_refusals',
        '_topology',
        'best',
        'choice',
        'chooses_nodes',
        'fit_request',
        'forecast',
        'published',
        'settled',
        'topologies',
    )

    def __init__(
        self,
        fit_request: fit.FitRequest,
        state: HostState,
        topologies: PublishedTopology,
    ) -> None:
        self.fit_request = fit_request
        self.topologies = topologies
        #: Whether the guest fits, whichever allocation candidate is claimed.
        self.settled = False
        #: The NUMA nodes that the claim may take; None for all.
        self.choice: NodeChoice | None = None
        #: Whether the nodes that it takes may still be chosen.
        self.chooses_nodes = False
        #: What the claim leaves behind, once that was forecast.
        self.forecast: fit.HostForecast | None = None
        #: The best nodes' part of a forecast, where nodes are chosen.
        self.best: tuple[fit.HostForecast, fit.Forecast] | None = None
        #: The host's published topology that the forecast was made with.
        self.published: HostTopology | None = None
        # What changes when Nova changes the state in place:
        # ``consume_from_request`` counts the instance and replaces the
        # topology, ``update`` replaces topology and devices.
        self._topology = state.numa_topology
        self._devices = state.pci_stats
        self._instances = state.num_instances
        self._no_providers_refusal: fit.Refusal | bool | None = None
        self._refusals: dict[object, fit.Refusal | None] | None = None
        self._evaluation: fit.Evaluation | None = None

    def holds(self, fit_request: fit.FitRequest, state: HostState) -> bool:
        """Whether this still is the answer."""
        return (
            self.fit_request is fit_request
            and self._topology is state.numa_topology
            and self._devices is state.pci_stats
            and self._instances == state.num_instances
        )

    def evaluation(self, state: HostState) -> fit.Evaluation:
        """The evaluation of the guest on the host."""
        if self._evaluation is None:
            host = host_states.host_of(state)
            self._evaluation = fit.Evaluation(
                self.fit_request,
                self.topologies.augment(
                    state,
                    host,
                    roots=self.fit_request.asks_roots,
                ),
                self.choice,
            )
        return self._evaluation

    def refusal(
        self, state: HostState, candidate: Candidate
    ) -> fit.Refusal | None:
        """Why the claim fails with an allocation candidate; None if not."""
        fit_request = self.fit_request
        if fit_request.candidates_differ:
            providers = self.providers(candidate)
            if (
                providers is not fit_request.no_providers
                or fit_request.guest.accelerators
            ):
                return self._refusal_with(
                    state, providers, self.accelerators(state, candidate)
                )
        # The same for all candidates whose devices Placement left open.
        if self._no_providers_refusal is None:
            refusal = self.evaluation(state).refusal(fit_request.no_providers)
            self._no_providers_refusal = refusal or False
            if refusal is None:
                self._evaluation = None
                self.settled = not fit_request.placement_may_choose
        return self._no_providers_refusal or None  # type: ignore[return-value]

    def _refusal_with(
        self,
        state: HostState,
        providers: fit.Providers,
        accelerators: tuple[AcceleratorClaim, ...],
    ) -> fit.Refusal | None:
        """The answer for devices and accelerators that Placement chose."""
        if self._refusals is None:
            self._refusals = {}
        key = tuple(providers), accelerators
        if key not in self._refusals:
            self._refusals[key] = fit_candidates.refusal_with(
                self.evaluation(state), providers, accelerators
            )
        return self._refusals[key]

    def providers(self, candidate: Candidate) -> fit.Providers:
        """What a candidate gives to each device request."""
        return fit_candidates.providers(
            self.fit_request, candidate, self.topologies.provider_name
        )

    def accelerators(
        self, state: HostState, candidate: Candidate
    ) -> tuple[AcceleratorClaim, ...]:
        """The accelerators that a candidate gives."""
        classes = self.fit_request.guest.accelerators
        if not classes:
            return ()
        return self.topologies.accelerators(
            state, host_states.host_of(state), classes, candidate
        )

    def allows(
        self, state: HostState, outcome: ClaimOutcome, candidate: Candidate
    ) -> bool:
        """Whether the instance runs after a claim that has this outcome."""
        return True

    def claim_order(
        self, state: HostState, candidates: list[Candidate]
    ) -> list[Candidate]:
        """Candidates that fit, in the order in which Nova is to claim them."""
        if len(candidates) < 2 or not self.fit_request.candidates_differ:
            return candidates
        evaluation = self.evaluation(state)
        return fit_candidates.claim_order(
            evaluation,
            candidates,
            self.topologies.distances(state, evaluation.host),
            self.topologies.provider_name,
            functools.partial(self.accelerators, state),
        )


def candidate_to_claim(state: HostState) -> Candidate:
    """The allocation candidate that Nova is going to claim on a host."""
    # Not by index, as Nova does when it claims it.
    return next(iter(state.allocation_candidates), {})


def drop_decision(state: HostState) -> None:
    """Drop the decision on a host that was rejected.

    It is not needed again within the request.
    """
    of_host(state).decision = None
