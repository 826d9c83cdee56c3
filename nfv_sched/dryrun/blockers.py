"""What blocks a host: which filter says so, and all that is missing."""

from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses

from nfv_sched import fit
from nfv_sched.dryrun import stock_filters
from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import CLAIM
from nfv_sched.dryrun.values import PLACEMENT
from nfv_sched.dryrun.values import REQUEST
from nfv_sched.dryrun.values import SERVICE
from nfv_sched.filters import base
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.fit import gap
from nfv_sched.fit.candidates import Candidate
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched.nova.scheduler_pipeline import FilterStep
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler.cycle import RequestCycle

_RESOURCES = frozenset(map(gap.resource_name, Resource))
_STATE = 'state'
_DEDICATED = gap.resource_name(Resource.DEDICATED_CPUS)
_DEVICES = gap.resource_name(Resource.DEVICES)
_APART = gap.resource_name(Resource.DIFFERENT_NODES)
#: The most candidates of a host whose shortfalls are compared.
_MAX_CANDIDATES = 8


def is_of_claim(blocker: Blocker) -> bool:
    """Whether the claim itself would fail for a blocker."""
    return (
        blocker.stage not in (SERVICE, REQUEST, PLACEMENT)
        and blocker.condition in _RESOURCES
    )


def uses_candidates(step: FilterStep) -> bool:
    """Whether a filter considers allocation candidates."""
    return (
        isinstance(step.filter, base.ResourceFilter)
        or step.name in stock_filters.REPLACED_FILTERS
    )


def of_filter(
    step: FilterStep,
    cycle: RequestCycle,
    spec: RequestSpec,
    state: HostState,
    candidates: Sequence[Candidate],
) -> Iterator[Blocker]:
    """What a filter rejects a host for."""
    if isinstance(step.filter, base.ResourceFilter):
        yield from _of_our_filter(step.name, step.filter, cycle, state)
    elif step.name in stock_filters.REPLACED_FILTERS:
        yield from _of_replaced_filter(step, cycle, state, candidates)
    else:
        yield Blocker(
            step.name,
            stock_filters.condition_of(step.name),
            stock_filters.rejection_text(step.name, state, spec),
        )


def _of_our_filter(
    name: str,
    resource_filter: base.ResourceFilter,
    cycle: RequestCycle,
    state: HostState,
) -> Iterator[Blocker]:
    try:
        reasons = _reasons(resource_filter, cycle, state)
    except Exception as error:
        yield _malformed(name, error)
        return
    reason = gap.closest_reason(reasons)
    if reason is None:
        yield Blocker(name, 'candidates', 'no candidate is left')
    else:
        yield of_reason(cycle.fit_request, name, reason)


def _of_replaced_filter(
    step: FilterStep,
    cycle: RequestCycle,
    state: HostState,
    candidates: Sequence[Candidate],
) -> Iterator[Blocker]:
    """What a stock filter that ours replace says, in our words."""
    claim_blockers = list(of_claim(cycle, state, candidates))
    for blocker in claim_blockers:
        yield dataclasses.replace(blocker, stage=step.name)
    if not claim_blockers:
        text = f'{step.name} rejects it, although the claim succeeds'
        yield Blocker(step.name, stock_filters.condition_of(step.name), text)


def of_claim(
    cycle: RequestCycle, state: HostState, candidates: Sequence[Candidate]
) -> Iterator[Blocker]:
    """What nova-compute's claim fails for, with or without candidates."""
    if cycle.fit_request.guest.asks_nothing:
        return
    try:
        decision = cycle.new_decision(state)
        reasons: list[Reason] = []
        for candidate in candidates or [{}]:
            refusal = decision.refusal(state, candidate)
            if refusal is None:
                return
            reasons += refusal.reasons
    except Exception as error:
        yield _malformed(CLAIM, error)
        return
    reason = gap.closest_reason(reasons)
    if reason is not None:
        yield of_reason(cycle.fit_request, CLAIM, reason)


def _malformed(stage: str, error: Exception) -> Blocker:
    text = f'its state is malformed: {type(error).__name__}: {error}'
    return Blocker(stage, _STATE, text)


def of_reason(
    fit_request: fit.FitRequest, stage: str, reason: Reason
) -> Blocker:
    """A reason as the blocker of a stage."""
    text = reason.text
    if len(fit_request.guest.cells) == 1:
        # There is no other.
        text = text.removesuffix(' for guest NUMA node 0')
    return Blocker(
        stage,
        gap.resource_name(reason.resource),
        text,
        reason.cell,
        reason.asked,
        reason.available,
    )


def merge(
    first: Sequence[Blocker], lacking: Sequence[Blocker], *, complete: bool
) -> tuple[Blocker, ...]:
    """The blockers of a claim, with what the host was rejected for.

    :param first: what the first filter to reject the host said of its claim
    :param lacking: the shortfall of the host
    :param complete: whether the guest would fit without these
    """
    if complete:
        # That what is free is on different nodes says why it is lacking.
        apart = (each for each in first if each.condition == _APART)
        return (*apart, *lacking)
    # A blocker that cannot be relaxed hides others, which were not found.
    known = {blocker.condition for blocker in lacking}
    return (
        *(blocker for blocker in first if blocker.condition not in known),
        *lacking,
    )


def all_of_host(
    cycle: RequestCycle,
    state: HostState,
    candidates: Sequence[Candidate],
    known: Sequence[Blocker],
    steps: Sequence[FilterStep],
) -> tuple[tuple[Blocker, ...], bool]:
    """All blockers of a host, and whether the guest fits without these.

    :param known: what the filters and the claim reject the host for
    """
    others = [blocker for blocker in known if not is_of_claim(blocker)]
    ours = [blocker for blocker in known if is_of_claim(blocker)]
    if not ours:
        # Of a malformed state nothing more is known.
        complete = all(blocker.condition != _STATE for blocker in others)
        return tuple(others), complete
    try:
        decision = cycle.new_decision(state)
        host = decision.evaluation(state).host
        gap_ = min(
            (
                gap.shortfall(
                    cycle.fit_request, host, decision.providers(candidate)
                )
                for candidate in candidates[:_MAX_CANDIDATES] or [{}]
            ),
            key=lambda each: each.rank,
        )
        lacking = [
            of_reason(
                cycle.fit_request,
                _stage(steps, cycle, state, ours[0], reason),
                reason,
            )
            for reason in gap_.reasons
        ]
    except Exception:
        # Among the known blockers already.
        return tuple(known), False
    if not lacking:
        return tuple(known), False
    merged = merge(ours, lacking, complete=gap_.all)
    if any(blocker.condition == _DEDICATED for blocker in merged):
        # The same CPUs again, counted for the host as a whole.
        others = [blocker for blocker in others if blocker.condition != 'PCPU']
    every = sorted(
        (*others, *merged),
        key=lambda blocker: blocker.condition != known[0].condition,
    )
    return tuple(every), gap_.all


def _stage(
    steps: Sequence[FilterStep],
    cycle: RequestCycle,
    state: HostState,
    first: Blocker,
    reason: Reason,
) -> str:
    """The first filter that would reject a host for a reason.

    Also one that did not run, since the host was rejected before it; the
    claim where no filter considers the reason's resource.

    :raises Exception: whatever a malformed state makes Nova's objects raise
    """
    condition = gap.resource_name(reason.resource)
    if first.stage == CLAIM or condition == first.condition:
        return first.stage
    for step in steps:
        if _would_reject(step, condition, cycle, state):
            return step.name
    return CLAIM


def _would_reject(
    step: FilterStep, condition: str, cycle: RequestCycle, state: HostState
) -> bool:
    if isinstance(step.filter, NUMAFitFilter):
        # It considers everything.
        return True
    if step.name in stock_filters.REPLACED_FILTERS:
        # One of the two considers devices, the other one the rest.
        own = stock_filters.condition_of(step.name) == _DEVICES
        return own == (condition == _DEVICES)
    if not isinstance(step.filter, base.ResourceFilter):
        return False
    reasons = _reasons(step.filter, cycle, state)
    return condition in {
        gap.resource_name(reason.resource) for reason in reasons
    }


def _reasons(
    resource_filter: base.ResourceFilter,
    cycle: RequestCycle,
    state: HostState,
) -> Sequence[Reason]:
    """Why one of our filters rejects a host; empty if it does not."""
    refusal, _ = resource_filter.examine(cycle.new_decision(state), state)
    return refusal.reasons if refusal else ()
