"""One line for the operator when a request ends with no host.

While hosts are left nothing is worked out: the filters only keep whom they
rejected, until the request is over. Then the hosts that got furthest are
asked for their reasons, few enough to cost no more than milliseconds.
"""

import collections
from collections.abc import Iterator
import dataclasses
import itertools
import logging
from typing import Any

from nfv_sched import fit
from nfv_sched.fit import gap
from nfv_sched.model import Reason
from nfv_sched.nova.request_spec import instance_of
from nfv_sched.scheduler import cycle

LOG = logging.getLogger(__name__)

#: Of so many hosts the reasons are worked out, 0.1 to 0.3 ms each.
MAX_EXPLAINED = 32

_REJECTED = '_nfv_sched_rejected'
_CANDIDATES = '_nfv_sched_candidates'
_MALFORMED = 'a state that makes no sense'


@dataclasses.dataclass(slots=True)
class _Rejected:
    """Whom our filters rejected for one guest of a request, in turn."""

    guest: str | None
    placed: bool = False
    groups: list[tuple[str, list[Any]]] = dataclasses.field(
        default_factory=list
    )


def record_rejected(
    spec: Any, guest: str | None, about: str, states: list[Any]
) -> None:
    """Keep the hosts that a filter rejected, and what it is about."""
    known: _Rejected | None = getattr(spec, _REJECTED, None)
    if known is None or known.guest != guest:
        # The next guest of a request for several.
        known = _Rejected(guest)
        setattr(spec, _REJECTED, known)
    if not known.placed:
        known.groups.append((about, states))


def clear(spec: Any) -> None:
    """Forget whom filters rejected for a guest that got a host.

    After the last of several guests Nova filters once more, for alternates,
    still in the name of that guest: where none is left it lacks nothing.
    """
    guest = instance_of(spec)
    setattr(spec, _REJECTED, _Rejected(guest, placed=guest is not None))


def keep_candidate(state: Any, candidates: list[Any]) -> None:
    """Keep the last candidate of a host that has none left."""
    setattr(state, _CANDIDATES, candidates[-1:])


def log_rejections(fit_request: fit.FitRequest, spec: Any) -> None:
    """Log how many hosts were rejected for what, and the nearest miss."""
    known: _Rejected | None = getattr(spec, _REJECTED, None)
    if known is None or known.placed or not LOG.isEnabledFor(logging.INFO):
        return
    groups, known.groups = known.groups, []
    total = sum(len(states) for _, states in groups)
    looked = min(total, MAX_EXPLAINED)
    counts, nearest = _summarize(fit_request, groups)
    LOG.info(
        'No host for instance %s: of %d rejected hosts %s%s',
        known.guest,
        total,
        ', '.join(f'{count} for {name}' for name, count in counts),
        f'; nearest{"" if looked == total else f" of {looked}"} is {nearest}'
        if nearest
        else '',
    )


def _summarize(
    fit_request: fit.FitRequest, groups: list[tuple[str, list[Any]]]
) -> tuple[list[tuple[str, int]], str]:
    """Hosts by what they were rejected for, and the nearest in words.

    Those that were not looked at count for what the filter is about.
    """
    counts: collections.Counter[str] = collections.Counter()
    for about, states in groups:
        counts[about] += len(states)
    nearest, closest = '', -1.0
    for about, state in itertools.islice(_by_progress(groups), MAX_EXPLAINED):
        reason = _reason(fit_request, state)
        counts[about] -= 1
        if reason is None:
            counts[_MALFORMED] += 1
            continue
        counts[gap.resource_name(reason.resource)] += 1
        near = gap.closeness(reason.asked, reason.available)
        if near > closest:
            nearest, closest = f'{state.nodename}: {reason}', near
    return [one for one in counts.most_common() if one[1]], nearest


def _by_progress(
    groups: list[tuple[str, list[Any]]],
) -> Iterator[tuple[str, Any]]:
    """The hosts, those first that passed most filters."""
    for about, states in reversed(groups):
        for state in states:
            yield about, state


def _reason(fit_request: fit.FitRequest, state: Any) -> Reason | None:
    """The nearest miss of a host; None if its state makes no sense."""
    try:
        candidates = state.allocation_candidates
        candidates = candidates[-1:] or getattr(state, _CANDIDATES, [])
        decision = cycle.Decision(fit_request, state)
        found = [
            reason
            for candidate in candidates or [{}]
            if (refusal := decision.refusal(state, candidate)) is not None
            for reason in refusal.reasons
        ]
    except Exception:
        # Said already, see ResourceFilter._complain.
        return None
    return gap.closest_reason(found)
