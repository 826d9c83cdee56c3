"""One line for the operator when a request ends without a host.

While hosts are left nothing is computed: the filters only keep the hosts
that they rejected, until the request is over. Then the hosts that passed
most filters are asked for their reasons, few enough to take milliseconds.
"""

import collections
from collections.abc import Iterator
import itertools
import logging

from nfv_sched.fit import gap
from nfv_sched.model import Reason
from nfv_sched.nova.request_spec import instance_uuid
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler import counters
from nfv_sched.scheduler.cycle import RequestCycle

LOG = logging.getLogger(__name__)

#: The most hosts whose reasons are computed, 0.2 to 1 ms each.
MAX_EXPLAINED = 16

_MALFORMED = 'a malformed state'

#: Hosts that one filter rejected, and what the filter is about.
_Group = tuple[str, list[HostState]]


def record(cycle: RequestCycle, about: str, states: list[HostState]) -> None:
    """Keep the hosts that a filter rejected, and what it is about."""
    if not cycle.placed:
        cycle.rejected.append((about, states))


def clear(cycle: RequestCycle, spec: RequestSpec) -> None:
    """Drop what was rejected for an instance that has got a host.

    After the last of several instances Nova filters once more, for
    alternates, still with that instance: where no host is left, nothing is
    missing.
    """
    cycle.rejected = []
    cycle.placed = instance_uuid(spec) is not None


def write(cycle: RequestCycle) -> None:
    """Log how many hosts were rejected for what, and the nearest miss."""
    if cycle.placed or cycle.process.shadow:
        return
    if not LOG.isEnabledFor(logging.INFO) and cycle.pending is None:
        counters.refused(cycle, cycle.rejected[-1][0])
        return
    total = sum(len(states) for _, states in cycle.rejected)
    explained = min(total, MAX_EXPLAINED)
    counts, nearest = summarize(cycle)
    counters.refused(cycle, counts[0][0])
    if cycle.pending is not None:
        cycle.pending.end_rejected(counts, nearest)
        cycle.pending = None
    LOG.info(
        'No host for instance %s: of %d rejected hosts %s%s',
        cycle.instance,
        total,
        ', '.join(f'{count} for {name}' for name, count in counts),
        (
            f'; nearest{"" if explained == total else f" of {explained}"} is '
            f'{nearest}'
        )
        if nearest
        else '',
    )


def summarize(cycle: RequestCycle) -> tuple[list[tuple[str, int]], str]:
    """Hosts by what they were rejected for, and the nearest in words.

    Hosts that are not explained count for what the filter is about. The
    rejected hosts are dropped.
    """
    groups, cycle.rejected = cycle.rejected, []
    counts: collections.Counter[str] = collections.Counter()
    for about, states in groups:
        counts[about] += len(states)
    nearest, closest = '', -1.0
    for about, state in itertools.islice(_by_progress(groups), MAX_EXPLAINED):
        reason = _reason(cycle, state)
        counts[about] -= 1
        if reason is None:
            counts[_MALFORMED] += 1
            continue
        counts[gap.resource_name(reason.resource)] += 1
        closeness = gap.closeness(reason.asked, reason.available)
        if closeness > closest:
            nearest, closest = f'{state.nodename}: {reason}', closeness
    return [item for item in counts.most_common() if item[1]], nearest


def _by_progress(groups: list[_Group]) -> Iterator[tuple[str, HostState]]:
    """The hosts, those first that passed most filters."""
    for about, states in reversed(groups):
        for state in states:
            yield about, state


def _reason(cycle: RequestCycle, state: HostState) -> Reason | None:
    """The nearest miss of a host; None if its state is malformed."""
    try:
        decision = cycle.new_decision(state)
        reasons = [
            reason
            for candidate in state.allocation_candidates[-1:] or [{}]
            if (refusal := decision.refusal(state, candidate)) is not None
            for reason in refusal.reasons
        ]
    except Exception:
        # Logged already, see ResourceFilter.
        return None
    return gap.closest_reason(reasons)
