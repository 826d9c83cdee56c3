"""Bookkeeping after Nova selects a host (HostState.consume_from_request).

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
from nfv_sched.fit.pools import counts_after
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
        state.consume_from_request = _ConsumeHook(cycle, state, track=track)


class _ConsumeHook:
    """Stands in for a HostState's ``consume_from_request``."""

    __slots__ = ('_cycle', '_state', '_track')

    def __init__(
        self, cycle: RequestCycle, state: HostState, *, track: bool
    ) -> None:
        self._cycle = cycle
        # Without a cycle of references, which would keep thousands of host
        # states alive until the next garbage collection.
        self._state = weakref.ref(state)
        self._track = track

    def __call__(self, spec: RequestSpec) -> None:
        state = self._state()
        if state is None:
            # Nova calls this through the state, which is alive then.
            return
        remaining = choice = None
        devices = seen = state.pci_stats
        try:
            if self._track and self._cycle.chooses_nodes:
                # A choice depends on what is in flight, and no weigher has
                # looked at that where Nova had a single host.
                self._cycle.process.in_flight.expire()
        except Exception:
            LOG.exception('More instances may count as in flight than are')
        try:
            choice = node_chooser.choose(self._cycle, state, spec)
        except Exception:
            LOG.exception('nova-compute chooses the NUMA nodes')
        try:
            if self._track:
                self._add_in_flight(state, spec, choice)
            remaining = _remaining_pools(self._cycle, state, choice)
            if _claimed_without_devices(self._cycle, state):
                seen = None
        except Exception:
            # A boot must not fail because of bookkeeping.
            LOG.exception('Not recorded what an instance takes')
        state.pci_stats = seen
        try:
            type(state).consume_from_request(state, spec)
        finally:
            state.pci_stats = devices
        rejection_log.clear(self._cycle, spec)
        if remaining is not None:
            state.pci_stats.pools = remaining

    def _add_in_flight(
        self, state: HostState, spec: RequestSpec, choice: NodeChoice | None
    ) -> None:
        cycle, instance = self._cycle, spec.instance_uuid
        if instance is None:
            return
        decision = cycle.decide(state)
        providers = decision.providers(host_cycle.candidate_to_claim(state))
        cycle.process.in_flight.add(
            instance, state, cycle.fit_request, providers, choice
        )
        host_cycle.of_host(state).add_consumed(instance)


def _claimed_without_devices(cycle: RequestCycle, state: HostState) -> bool:
    """Whether the claim does not look at the host's devices at all."""
    return (
        not cycle.fit_request.guest.devices
        and not host_states.host_of(state).claims_sort_by_devices
    )


def _remaining_pools(
    cycle: RequestCycle, state: HostState, choice: NodeChoice | None
) -> list[dict[str, Any]] | None:
    """The pools that nova-compute reports once the claim took its devices.

    None where the guest asks for none, or where its claim fails.
    """
    if not cycle.fit_request.guest.devices:
        return None
    decision = cycle.decide(state)
    providers = decision.providers(host_cycle.candidate_to_claim(state))
    evaluation = decision.evaluation(state)
    outcome = (
        node_options.outcome_within(evaluation, providers, choice)
        if choice is not None
        else evaluation.verdict(providers).outcome
    )
    if outcome is None:
        return None
    pools = state.pci_stats.pools
    return [
        {**pools[index], 'count': count}
        for index, count in counts_after(
            evaluation.host.pools, outcome.devices
        )
    ]
