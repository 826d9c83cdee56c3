"""Bookkeeping after Nova selects a host (HostState.consume_from_request).

Nova's own bookkeeping serves the next instances of the same request. Of
devices it takes off those that were asked for, and leaves those that go with
them.
"""

from collections.abc import Iterable
import logging
from typing import Any
import weakref

from nfv_sched.fit.devices import Devices
from nfv_sched.fit.pools import PoolState
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler import host_cycle
from nfv_sched.scheduler import rejection_log
from nfv_sched.scheduler.cycle import RequestCycle

LOG = logging.getLogger(__name__)

#: Pools of a host state, and how many devices each has left.
_Remaining = list[tuple[dict[str, Any], int]]


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
        remaining: _Remaining = []
        try:
            if self._track:
                self._add_in_flight(state, spec)
            remaining = _remaining_devices(self._cycle, state)
        except Exception:
            # A boot must not fail because of bookkeeping.
            LOG.exception('Not recorded what an instance takes')
        type(state).consume_from_request(state, spec)
        rejection_log.clear(self._cycle, spec)
        if remaining:
            _set_remaining(state, remaining)

    def _add_in_flight(self, state: HostState, spec: RequestSpec) -> None:
        cycle, instance = self._cycle, spec.instance_uuid
        if instance is None:
            return
        decision = cycle.decide(state)
        providers = decision.providers(host_cycle.candidate_to_claim(state))
        cycle.process.in_flight.add(
            instance, state, cycle.fit_request, providers
        )
        host_cycle.of_host(state).add_consumed(instance)


def _remaining_devices(cycle: RequestCycle, state: HostState) -> _Remaining:
    """The devices that the claim leaves, if it takes more than was asked.

    Physical functions and their virtual functions exclude each other. Where
    a guest has both, Nova's bookkeeping may even take them from one card.
    """
    fit_request = cycle.fit_request
    if not fit_request.guest.devices:
        return []
    decision = cycle.decide(state)
    providers = decision.providers(host_cycle.candidate_to_claim(state))
    evaluation = decision.evaluation(state)
    pools = evaluation.host.pools
    if not Devices(fit_request, evaluation.host, providers).exclusive:
        return []
    outcome = evaluation.verdict(providers).outcome
    if outcome is None:
        return []
    left = PoolState(pools)
    for claim in outcome.devices:
        left.allocate(claim.pool, claim.count)
    return list(zip(state.pci_stats.pools, left.devices, strict=True))


def _set_remaining(state: HostState, remaining: _Remaining) -> None:
    for pool, count in remaining:
        pool['count'] = count
    state.pci_stats.pools = [pool for pool, count in remaining if count]
