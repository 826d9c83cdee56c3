"""One line for the operator when a request ends with no host.

While hosts are left nothing is worked out: the filters only keep whom they
rejected, until the request is over.
"""

import collections
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import logging
from typing import Any

from nfv_sched import decisions
from nfv_sched import fit
from nfv_sched.fit import nearness
from nfv_sched.model import Reason

LOG = logging.getLogger(__name__)

#: Of so many hosts the reasons are worked out, 0.1 to 0.3 ms each.
LOOKED_AT = 500

_REJECTED = '_nfv_sched_rejected'
_CANDIDATES = '_nfv_sched_candidates'


@dataclasses.dataclass(slots=True)
class _Rejected:
    """Whom our filters rejected for one guest of a request."""

    guest: str | None
    states: list[Any] = dataclasses.field(default_factory=list)


def note(spec: Any, guest: str | None, states: Iterable[Any]) -> None:
    """Keep the hosts that a filter rejected."""
    known: _Rejected | None = getattr(spec, _REJECTED, None)
    if known is None or known.guest != guest:
        # The next guest of a request for several.
        known = _Rejected(guest)
        setattr(spec, _REJECTED, known)
    known.states += states


def keep(state: Any, candidates: list[Any]) -> None:
    """Keep the last candidate of a host that has none left."""
    setattr(state, _CANDIDATES, candidates[-1:])


def tell(question: fit.Question, spec: Any) -> None:
    """Log how many hosts were rejected for what, and the nearest miss."""
    known: _Rejected | None = getattr(spec, _REJECTED, None)
    if known is None or not LOG.isEnabledFor(logging.INFO):
        return
    states = known.states
    known.states = []
    counts: collections.Counter[str] = collections.Counter()
    nearest: tuple[float, str, Reason] | None = None
    for state in states[:LOOKED_AT]:
        reason = _reason(question, state)
        if reason is None:
            counts['a state that makes no sense'] += 1
            continue
        counts[nearness.name_of(reason.resource)] += 1
        near = nearness.closeness(reason.asked, reason.available)
        if nearest is None or near > nearest[0]:
            nearest = near, str(state.nodename), reason
    LOG.info(
        'No host for instance %s: of %d rejected hosts %s%s%s',
        known.guest,
        len(states),
        ', '.join(_counted(counts)),
        f' among the first {LOOKED_AT}' if len(states) > LOOKED_AT else '',
        f'; nearest is {nearest[1]}: {nearest[2]}' if nearest else '',
    )


def _counted(counts: collections.Counter[str]) -> Iterator[str]:
    for name, count in counts.most_common():
        yield f'{count} for {name}'


def _reason(question: fit.Question, state: Any) -> Reason | None:
    """The nearest miss of a host; None if its state makes no sense."""
    try:
        candidates = state.allocation_candidates
        candidates = candidates[-1:] or getattr(state, _CANDIDATES, [])
        decision = decisions.Decision(question, state)
        found = [
            reason
            for candidate in candidates or [{}]
            if (refusal := decision.refusal(state, candidate)) is not None
            for reason in refusal.reasons
        ]
    except Exception:
        # Said already, see ResourceFilter._complain.
        return None
    return nearness.nearest(found)
