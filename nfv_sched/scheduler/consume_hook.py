"""Bookkeeping when Nova selects a host (HostState.consume_from_request).

Before that Nova claims an allocation candidate of the host in Placement, which
takes many times as long as to filter and to weigh where many requests are
under way. The instance is in flight from then on: other requests would find
the same host the best in the meantime.

Nova's own bookkeeping serves the next instances of the same request. Of
devices it takes off only those that were asked for, while nova-compute also
takes off the physical function of a virtual function, and the virtual
functions of a physical one: here the pools become those that the compute
will report. Nova's bookkeeping also sorts NUMA nodes by devices for each
instance, which the claim of an older compute does not.
"""

from collections.abc import Iterable
import logging
from typing import Any
import weakref

from nfv_sched.fit import node_options
from nfv_sched.fit.candidates import Candidate
from nfv_sched.fit.pools import counts_after
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import NodeChoice
from nfv_sched.nova import host_states
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler import host_cycle
from nfv_sched.scheduler import node_chooser
from nfv_sched.scheduler import rejection_log
from nfv_sched.scheduler.cycle import RequestCycle

LOG = logging.getLogger(__name__)


def install(
    cycle: RequestCycle, states: Iterable[HostState], *, track: bool
) -> None:
    """Notice when Nova sends the instance to one of the hosts.

    It then calls that HostState's ``consume_from_request``.

    :param track: whether to record the instance as in flight
    """
    for state in states:
        hook = _ConsumeHook(cycle, state, track=track)
        state.consume_from_request = hook
        if track or cycle.pending is not None:
            watch = _ClaimWatch(state.allocation_candidates)
            watch.hook = hook
            state.allocation_candidates = watch


class _ClaimWatch(list[Candidate]):
    """The allocation candidates of a host; notes when Nova claims one.

    Nova then takes the first one, see SchedulerManager._schedule. Filters,
    weighers and the choice of alternates are not that.
    """

    # Set later: without an __init__ of its own a list is made twice as fast.
    __slots__ = ('hook',)
    hook: '_ConsumeHook'

    def __getitem__(self, index: Any) -> Any:
        if index == 0:
            self.hook.claim()
        return super().__getitem__(index)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy is a plain list.
        return list, (list(self),)


class _ConsumeHook:
    """Stands in for a HostState's ``consume_from_request``."""

    __slots__ = ('_cycle', '_state', '_track')

    def __init__(
        self, cycle: RequestCycle, state: HostState, *, track: bool
    ) -> None:
        # Without a cycle of references, which would keep thousands of host
        # states alive until the next garbage collection. The request has the
        # cycle.
        self._cycle = weakref.ref(cycle)
        self._state = weakref.ref(state)
        self._track = track

    def claim(self) -> None:
        """Note that Nova is about to claim a candidate; never raises.

        The instance counts from now on. If the claim fails Nova claims one of
        another host, which takes this one's place.
        """
        state, cycle = self._state(), self._cycle()
        if state is None or cycle is None:
            return
        if cycle.placed or not cycle.instance:
            return
        if cycle.pending is not None:
            cycle.pending.claims += 1
        if not self._track:
            return
        try:
            _add_in_flight(cycle, state, cycle.instance, None)
        except Exception:
            LOG.exception('Not recorded which host an instance is sent to')

    def __call__(self, spec: RequestSpec) -> None:
        state, cycle = self._state(), self._cycle()
        if state is None:
            # Nova calls this through the state, which is alive then.
            return
        if cycle is None:
            type(state).consume_from_request(state, spec)
            return
        remaining = choice = outcome = None
        devices = seen = state.pci_stats
        try:
            if self._track and cycle.chooses_nodes:
                # A choice depends on what is in flight, and no weigher has
                # looked at that where Nova had a single host.
                cycle.process.in_flight.expire()
        except Exception:
            LOG.exception('More instances may count as in flight than are')
        try:
            choice = node_chooser.choose(cycle, state, spec)
        except Exception:
            LOG.exception('nova-compute chooses the NUMA nodes')
        try:
            if self._track and spec.instance_uuid is not None:
                _add_in_flight(cycle, state, spec.instance_uuid, choice)
                host_cycle.of_host(state).add_consumed(spec.instance_uuid)
            if cycle.fit_request.guest.devices:
                outcome = _outcome(cycle, state, choice)
                remaining = _remaining_pools(cycle, state, outcome)
            if _claimed_without_devices(cycle, state):
                seen = None
        except Exception:
            # A boot must not fail because of bookkeeping.
            LOG.exception('Not recorded what an instance takes')
        _note_selected(cycle, state, choice, outcome)
        state.pci_stats = seen
        try:
            type(state).consume_from_request(state, spec)
        finally:
            state.pci_stats = devices
        rejection_log.clear(cycle, spec)
        if remaining is not None:
            state.pci_stats.pools = remaining
        if cycle.pending is not None:
            cycle.pending.end_selected()
            cycle.pending = None


def _add_in_flight(
    cycle: RequestCycle,
    state: HostState,
    instance: str,
    choice: NodeChoice | None,
) -> None:
    decision = cycle.decide(state)
    providers = decision.providers(host_cycle.candidate_to_claim(state))
    cycle.process.in_flight.add(
        instance, state, cycle.fit_request, providers, choice
    )


def _note_selected(
    cycle: RequestCycle,
    state: HostState,
    choice: NodeChoice | None,
    outcome: ClaimOutcome | None,
) -> None:
    """Note for the decision journal what is selected; never raises.

    :param outcome: what the claim takes, if that is known
    """
    pending = cycle.pending
    if pending is None:
        return
    try:
        nodes = outcome.nodes if outcome else None
        if nodes is None:
            forecast = cycle.decide(state).forecast
            if choice is None and forecast is not None:
                nodes = forecast.nodes
            elif found := _outcome(cycle, state, choice):
                nodes = found.nodes
        pending.select(state, nodes, restricted=choice is not None)
    except Exception:
        LOG.exception('Not recorded why a host is selected')
        cycle.pending = None


def _claimed_without_devices(cycle: RequestCycle, state: HostState) -> bool:
    """Whether the claim does not look at the host's devices at all."""
    return (
        not cycle.fit_request.guest.devices
        and not host_states.host_of(state).claims_sort_by_devices
    )


def _outcome(
    cycle: RequestCycle, state: HostState, choice: NodeChoice | None
) -> ClaimOutcome | None:
    """What the claim takes, None where it fails."""
    decision = cycle.decide(state)
    providers = decision.providers(host_cycle.candidate_to_claim(state))
    evaluation = decision.evaluation(state)
    if choice is not None:
        return node_options.outcome_within(evaluation, providers, choice)
    return evaluation.verdict(providers).outcome


def _remaining_pools(
    cycle: RequestCycle, state: HostState, outcome: ClaimOutcome | None
) -> list[dict[str, Any]] | None:
    """The pools that nova-compute reports once the claim took its devices.

    None where its claim fails.
    """
    if outcome is None:
        return None
    pools = state.pci_stats.pools
    host = cycle.decide(state).evaluation(state).host
    return [
        {**pools[index], 'count': count}
        for index, count in counts_after(host.pools, outcome.devices)
    ]
