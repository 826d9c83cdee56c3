"""Which filter says of a host that it lacks something."""

from collections.abc import Sequence
from typing import Any

from nfv_sched import decisions
from nfv_sched import fit
from nfv_sched.explaining.values import CLAIM
from nfv_sched.filters import base
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.fit import nearness
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched.nova import pipeline
from nfv_sched.nova import stock

_DEVICES = nearness.name_of(Resource.DEVICES)


def reasons_of(
    trial: pipeline.Trial, question: fit.Question, state: Any
) -> Sequence[Reason]:
    """Why one of our filters refuses a host; empty if it does not.

    :raises Exception: whatever a malformed state makes Nova's objects raise
    """
    decision = decisions.Decision(question, state)
    refusal = trial.filter.refusal(decision, state)
    return refusal.reasons if refusal else ()


def stage_of(
    condition: str,
    trials: Sequence[pipeline.Trial],
    question: fit.Question,
    state: Any,
) -> str:
    """The first filter that would refuse a host for a condition of a claim.

    Also one that was not asked, as the host had fallen before; the claim
    where no filter looks at it.

    :raises Exception: whatever a malformed state makes Nova's objects raise
    """
    for trial in trials:
        if _says(trial, condition, question, state):
            return trial.name
    return CLAIM


def _says(
    trial: pipeline.Trial, condition: str, question: fit.Question, state: Any
) -> bool:
    if isinstance(trial.filter, NUMAFitFilter):
        # It looks at everything.
        return True
    if trial.name in stock.DECIDED_BY_FIT:
        # One of the two looks at devices, the other one at the rest.
        own = stock.condition_of(trial.name) == _DEVICES
        return own == (condition == _DEVICES)
    if not isinstance(trial.filter, base.ResourceFilter):
        return False
    before = state.allocation_candidates
    try:
        reasons = reasons_of(trial, question, state)
    finally:
        state.allocation_candidates = before
    return condition in {nearness.name_of(one.resource) for one in reasons}
