"""What is due when Nova places a guest and consumes it from a host state.

Nova's own bookkeeping serves the next guests of the same request. Of devices
it takes off those that were asked for, and leaves those that go with them.
"""

from collections.abc import Iterable
import logging
from typing import Any
import weakref

from nfv_sched import fit
from nfv_sched.fit.devices import Devices
from nfv_sched.fit.pools import PoolState
from nfv_sched.scheduler import cycle
from nfv_sched.scheduler import rejection_log
from nfv_sched.scheduler.in_flight import InFlight

LOG = logging.getLogger(__name__)

#: Pools of a host state, and how many devices each has left.
_Remaining = list[tuple[dict[str, Any], int]]


def install(
    fit_request: fit.FitRequest, states: Iterable[Any], flight: InFlight | None
) -> None:
    """Take notice when Nova sends the guest to one of the hosts.

    It then calls that HostState's ``consume_from_request``.

    :param flight: what remembers the guest; None where that is of no use
    """
    for state in states:
        state.consume_from_request = _ConsumeHook(fit_request, state, flight)


class _ConsumeHook:
    """Stands in for a HostState's ``consume_from_request``."""

    __slots__ = ('_fit_request', '_flight', '_state')

    def __init__(
        self, fit_request: fit.FitRequest, state: Any, flight: InFlight | None
    ) -> None:
        self._flight = flight
        self._fit_request = fit_request
        # Thousands of states that refer to themselves are a burden.
        self._state = weakref.ref(state)

    def __call__(self, spec: Any) -> None:
        state: Any = self._state()
        left: _Remaining = []
        try:
            if self._flight is not None:
                self._flight.send(self._fit_request, state, spec.instance_uuid)
            left = _remaining_devices(self._fit_request, state)
        except Exception:
            # A boot must not fail because of what comes after it.
            LOG.exception('What a guest takes is not remembered')
        type(state).consume_from_request(state, spec)
        rejection_log.clear(spec)
        if left:
            _set_remaining(state, left)


def _remaining_devices(fit_request: fit.FitRequest, state: Any) -> _Remaining:
    """What the claim leaves of devices, if it takes more than is asked for.

    Physical functions and their virtual functions exclude each other. Where
    a guest has both, Nova's bookkeeping may even take them from one card.
    """
    if not fit_request.guest.devices:
        return []
    decision = cycle.decide(fit_request, state)
    providers = decision.providers(cycle.candidate_to_claim(state))
    evaluation = decision.evaluation(state)
    pools = evaluation.host.pools
    if not Devices(fit_request, evaluation.host, providers).exclusive:
        return []
    placement = evaluation.verdict(providers).placement
    if placement is None:
        return []
    left = PoolState(pools)
    for one in placement.devices:
        left.allocate(one.pool, one.count)
    return list(zip(state.pci_stats.pools, left.devices, strict=True))


def _set_remaining(state: Any, left: _Remaining) -> None:
    for pool, count in left:
        pool['count'] = count
    state.pci_stats.pools = [pool for pool, count in left if count]
