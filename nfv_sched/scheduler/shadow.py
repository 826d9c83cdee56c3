"""Shadow mode: filters and weighers judge and record, and change nothing.

They work as always, on copies of the host states. Nova gets all hosts back as
they were, and weights of 0. The decision journal has what would have been
rejected or selected, beside what Nova did.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
import logging
from typing import Any
import weakref

from nova.scheduler import utils

from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.nova.types import WeighedHost
from nfv_sched.scheduler import cycle as scheduling_cycle
from nfv_sched.scheduler import host_cycle
from nfv_sched.scheduler import rejection_log
from nfv_sched.scheduler.cycle import RequestCycle
from nfv_sched.scheduler.shadow_hosts import copy_of
from nfv_sched.scheduler.shadow_hosts import ShadowHosts

LOG = logging.getLogger(__name__)

_Filter = Callable[[list[HostState], RequestSpec], Iterable[HostState]]
_Weigh = Callable[[list[Any], RequestSpec], Sequence[float]]


def judge(
    run: _Filter, hosts: Iterable[HostState], spec: RequestSpec
) -> Iterable[HostState]:
    """Let a filter judge copies of the hosts; never raises.

    :param run: the filter
    :returns: all hosts
    """
    states = list(hosts)
    try:
        _judge(run, states, spec)
    except Exception:
        LOG.exception('A filter in shadow mode has not judged a request')
    return states


def _judge(run: _Filter, states: list[HostState], spec: RequestSpec) -> None:
    if scheduling_cycle.of(spec).process.journal is None:
        return
    if utils.request_is_rebuild(spec):
        return
    cycle = scheduling_cycle.begin(spec)
    if cycle.pending is None or cycle.placed:
        # It asks for nothing, or alternates are searched.
        return
    known = cycle.shadow_hosts
    if known is None or known.instance != cycle.instance:
        known = ShadowHosts(cycle.instance, states)
        cycle.shadow_hosts = known
        hook_in(cycle, states)
    given = [
        known.accepted[state.uuid]
        for state in states
        if state.uuid in known.accepted
    ]
    kept = run(given, spec)
    known.accepted = {state.uuid: state for state in kept}
    cycle.pending.accepted = len(known.accepted)


def weigh(
    weigher: Any, run: _Weigh, hosts: Sequence[WeighedHost], spec: RequestSpec
) -> list[float]:
    """Let a weigher weigh copies of the hosts; never raises.

    :param run: its method, which is given the accepted hosts alone
    :returns: 0 for all hosts
    """
    try:
        weigh_copies(weigher, run, hosts, spec)
    except Exception:
        LOG.exception('A weigher in shadow mode has not weighed hosts')
    return [0.0] * len(hosts)


def weigh_copies(
    weigher: Any, run: _Weigh, hosts: Sequence[WeighedHost], spec: RequestSpec
) -> None:
    """Note the weights of the hosts that the filters accept."""
    cycle = scheduling_cycle.of(spec)
    known, pending = cycle.shadow_hosts, cycle.pending
    if known is None or pending is None:
        return
    accepted = [host for host in hosts if host.obj.uuid in known.accepted]
    copies = [
        type(host)(known.accepted[host.obj.uuid], 0.0)  # type: ignore[call-arg]
        for host in accepted
    ]
    pending.weighed(weigher, accepted, run(copies, spec))


def hook_in(cycle: RequestCycle, states: Iterable[HostState]) -> None:
    """Notice which host Nova selects."""
    reference = weakref.ref(cycle)
    for state in states:
        state.consume_from_request = _ShadowHook(reference, state)


class _ShadowHook:
    """Stands in for a HostState's ``consume_from_request``."""

    __slots__ = ('_cycle', '_state')

    def __init__(
        self, cycle: 'weakref.ref[RequestCycle]', state: HostState
    ) -> None:
        self._cycle = cycle
        self._state = weakref.ref(state)

    def __call__(self, spec: RequestSpec) -> None:
        state, cycle = self._state(), self._cycle()
        if state is None:
            # Nova calls this through the state, which is alive then.
            return
        if cycle is not None and cycle.pending is not None:
            try:
                _note_selected(cycle, state)
            except Exception:
                LOG.exception('A decision is not judged in shadow mode')
                cycle.pending.failed = True
        type(state).consume_from_request(state, spec)
        if cycle is not None and cycle.pending is not None:
            cycle.pending.end_selected()
            cycle.pending = None
            rejection_log.clear(cycle, spec)


def _note_selected(cycle: RequestCycle, state: HostState) -> None:
    """Note the judgement on the host that Nova selected."""
    pending = cycle.pending
    assert pending is not None  # noqa: S101
    decision = cycle.new_decision(copied := copy_of(state))
    candidate = host_cycle.candidate_to_claim(copied)
    refusal = decision.refusal(copied, candidate)
    nodes = None
    if refusal is None:
        evaluation = decision.evaluation(copied)
        outcome = evaluation.verdict(decision.providers(candidate)).outcome
        nodes = outcome.nodes if outcome else None
    else:
        pending.rejects_selected = '; '.join(map(str, refusal.reasons))
    if cycle.rejected:
        pending.conditions, pending.nearest = rejection_log.summarize(cycle)
    known = cycle.shadow_hosts
    if known is not None and state.uuid in known.accepted:
        pending.selected_accepted = True
    pending.select(state, nodes, restricted=False)
