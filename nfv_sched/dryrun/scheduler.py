"""Every host against one request: where it falls, and what it lacks."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from nfv_sched import fit
from nfv_sched.dryrun import stock_filters
from nfv_sched.dryrun.candidates import PlacementCandidates
from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import CLAIM
from nfv_sched.dryrun.values import Explanation
from nfv_sched.dryrun.values import HostFinding
from nfv_sched.dryrun.values import PLACEMENT
from nfv_sched.dryrun.values import REQUEST
from nfv_sched.dryrun.values import SERVICE
from nfv_sched.filters import base
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.fit import gap
from nfv_sched.model import Host
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched.nova import scheduler_pipeline
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.placement.client import PlacementClient
from nfv_sched.scheduler import cycle

#: Of so many hosts it is worked out all that they lack.
DETAILED = 10


@dataclasses.dataclass(slots=True)
class HostReport:
    """What is known of one host, in the order of the pipeline.

    ``state`` is its HostState, ``candidates`` what Placement offers there.
    """

    state: Any
    candidates: list[Mapping[str, Any]]
    blockers: list[Blocker] = dataclasses.field(default_factory=list)

    @property
    def rank(self) -> tuple[object, ...]:
        """Less for what is nearer to fitting, as far as is known."""
        return (
            len(self.blockers),
            -min((one.closeness for one in self.blockers), default=1.0),
            str(self.state.nodename),
        )


class DryRunScheduler:
    """Explains requests on the hosts as they are when it is made.

    :param tell: called with the number of hosts looked at, and of all
    """

    def __init__(
        self,
        pipeline: scheduler_pipeline.Pipeline,
        client: PlacementClient,
        *,
        tell: Callable[[int, int], None] | None = None,
    ) -> None:
        self._line = pipeline
        self.client = client
        self.context = pipeline.context
        self._tell = tell or (lambda done, total: None)
        self.states = pipeline.states()
        self._unlisted = pipeline.unlisted(self.states)
        # Whom that accepts, the claim accepts.
        self._complete = any(
            isinstance(step.filter, NUMAFitFilter) for step in pipeline.filters
        )

    def domains(self, kinds: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The failure domains of hosts, by node name and kind."""
        named = self._line.domains(kinds)
        return {
            str(state.nodename): named.get(state.host, {})
            for state in self.states
        }

    def explain(self, spec: Any, detailed: int = DETAILED) -> Explanation:
        """Ask every host why it would not take the guest of a RequestSpec.

        The request is changed as nova-scheduler changes it: it is for one
        use.

        :raises nfv_sched.placement.errors.PlacementError: no answer
        :raises ValueError: the request makes no sense
        """
        return self.run(spec, detailed).explanation

    def run(self, spec: Any, detailed: int = DETAILED) -> 'DryRun':
        """As :meth:`explain`, with what else was found out on the way."""
        unlisted = [
            _blocked(one.host, Blocker(SERVICE, 'not scheduled', one.why))
            for one in self._unlisted
        ]
        refused = self._line.prepare(spec)
        try:
            demand = self._line.demand(spec)
        except BadRequestError as error:
            refused = str(error)
        fit_request = cycle.refresh(spec)
        if refused is not None:
            blocker = Blocker(REQUEST, 'request', refused)
            every = [
                _blocked(str(state.nodename), blocker) for state in self.states
            ]
            return DryRun(
                fit_request, Explanation((*every, *unlisted)), (), {}
            )
        placement_candidates = PlacementCandidates(self.client, demand)
        notes = [*self._line.problems, *_notes(placement_candidates)]
        reports = self._look(spec, placement_candidates, notes)
        fit_request = cycle.refresh(spec)
        filters = self._line.filters
        findings = [
            *_detailed(fit_request, reports, detailed, filters),
            *unlisted,
        ]
        findings.sort(key=lambda one: one.rank)
        return DryRun(
            fit_request,
            Explanation(tuple(findings), tuple(notes)),
            tuple(reports),
            placement_candidates.summaries,
        )

    # The pipeline

    def _look(
        self,
        spec: Any,
        placement_candidates: PlacementCandidates,
        notes: list[str],
    ) -> list[HostReport]:
        reports = []
        for state in self.states:
            candidates = list(placement_candidates.candidates(state.uuid))
            report = HostReport(state, candidates)
            state.allocation_candidates = list(candidates)
            cycle.forget(state)
            if why := scheduler_pipeline.excluded_by_request(spec, state):
                report.blockers.append(Blocker(REQUEST, 'host', why))
            report.blockers += placement_candidates.blockers(state.uuid)
            reports.append(report)
        if scheduler_pipeline.skips_filters(spec):
            notes.append('The request forces a host: no filter is asked.')
        else:
            for step in self._line.filters:
                _run_filter(step, spec, reports)
        fit_request = cycle.refresh(spec)
        for number, report in enumerate(reports, 1):
            if not any(map(is_claim_blocker, report.blockers)) and (
                report.blockers or not self._complete
            ):
                report.blockers += _claim_blockers(fit_request, report)
            self._tell(number, len(reports))
        return reports


@dataclasses.dataclass(frozen=True, slots=True)
class DryRun:
    """An explanation with what led to it.

    ``reports`` are the hosts that nova-scheduler sees, nearest first;
    ``summaries`` are Placement's of the providers of candidates.
    """

    fit_request: fit.FitRequest
    explanation: Explanation
    reports: tuple[HostReport, ...]
    summaries: Mapping[str, Any]


def _detailed(
    fit_request: fit.FitRequest,
    reports: list[HostReport],
    detailed: int,
    steps: Sequence[scheduler_pipeline.FilterStep],
) -> Iterator[HostFinding]:
    reports.sort(key=lambda one: one.rank)
    near = [report for report in reports if report.blockers][:detailed]
    chosen = set(map(id, near))
    for report in reports:
        name = str(report.state.nodename)
        if not report.blockers:
            yield HostFinding(name)
        elif id(report) in chosen:
            yield _all_blockers(fit_request, report, steps)
        else:
            yield HostFinding(name, report.blockers[0], tuple(report.blockers))


def _blocked(host: str, blocker: Blocker) -> HostFinding:
    return HostFinding(host, blocker, (blocker,))


def _notes(placement_candidates: PlacementCandidates) -> Iterator[str]:
    limit = placement_candidates.demand.limit
    if limit is not None and placement_candidates.total > limit:
        yield (
            f'Placement has {placement_candidates.total} candidates, of which '
            f'nova-scheduler asks for [scheduler] max_placement_results = '
            f'{limit}: hosts among the rest are not looked at.'
        )


_RESOURCES = frozenset(map(gap.resource_name, Resource))
_STATE = 'state'
_DEDICATED = gap.resource_name(Resource.DEDICATED_CPUS)


def reported_host(fit_request: fit.FitRequest, report: HostReport) -> Host:
    """A host as its claim sees it.

    :raises Exception: whatever a malformed state makes Nova's objects raise
    """
    return (
        cycle.Decision(fit_request, report.state).evaluation(report.state).host
    )


def is_claim_blocker(blocker: Blocker) -> bool:
    """Whether a lack is one that the claim itself would fail for."""
    return (
        blocker.stage not in (SERVICE, REQUEST, PLACEMENT)
        and blocker.condition in _RESOURCES
    )


def _run_filter(
    step: scheduler_pipeline.FilterStep,
    spec: Any,
    reports: Sequence[HostReport],
) -> None:
    """Ask one filter, and note at whom it takes exception.

    Those that look at candidates are asked only about hosts that are in the
    race, the rest about every host.
    """
    ours = isinstance(step.filter, base.ResourceFilter)
    if ours or step.name in stock_filters.REPLACED_FILTERS:
        asked = [report for report in reports if not report.blockers]
    else:
        asked = list(reports)
    before = {
        id(report): list(report.state.allocation_candidates)
        for report in asked
    }
    passing = step.passing([report.state for report in asked], spec)
    for report in asked:
        if id(report.state) in passing:
            continue
        report.state.allocation_candidates = before[id(report)]
        if ours:
            report.blockers += _our_filter_blockers(step, spec, report.state)
        elif step.name in stock_filters.REPLACED_FILTERS:
            report.blockers += _stock_fit_blockers(step, spec, report)
        else:
            report.blockers.append(
                Blocker(
                    step.name,
                    stock_filters.condition_of(step.name),
                    stock_filters.rejection_text(
                        step.name, report.state, spec
                    ),
                )
            )


def _our_filter_blockers(
    step: scheduler_pipeline.FilterStep, spec: Any, state: Any
) -> Iterator[Blocker]:
    """What one of our filters says, asked again for its reasons."""
    fit_request = cycle.refresh(spec)
    try:
        reasons = reasons_of(step, fit_request, state)
    except Exception as error:
        text = f'its state makes no sense: {type(error).__name__}: {error}'
        yield Blocker(step.name, _STATE, text)
        return
    reason = gap.closest_reason(reasons)
    if reason is None:
        yield Blocker(step.name, 'candidates', 'no candidate is left')
    else:
        yield blocker_of(fit_request, step.name, reason)


def _stock_fit_blockers(
    step: scheduler_pipeline.FilterStep, spec: Any, report: HostReport
) -> Iterator[Blocker]:
    """What a stock filter that we stand in for says, in our words."""
    found = list(_claim_blockers(cycle.refresh(spec), report))
    for blocker in found:
        yield dataclasses.replace(blocker, stage=step.name)
    if not found:
        text = f'{step.name} refuses it, although the claim succeeds'
        yield Blocker(step.name, stock_filters.condition_of(step.name), text)


def _claim_blockers(
    fit_request: fit.FitRequest, report: HostReport
) -> Iterator[Blocker]:
    """What nova-compute's claim says, whether Placement offers or not."""
    if fit_request.guest.asks_nothing:
        return
    state = report.state
    try:
        decision = cycle.Decision(fit_request, state)
        candidates = report.candidates or [{}]
        reasons: list[Reason] = []
        for candidate in candidates:
            refusal = decision.refusal(state, candidate)
            if refusal is None:
                return
            reasons += refusal.reasons
    except Exception as error:
        text = f'its state makes no sense: {type(error).__name__}: {error}'
        yield Blocker(CLAIM, _STATE, text)
        return
    reason = gap.closest_reason(reasons)
    if reason is not None:
        yield blocker_of(fit_request, CLAIM, reason)


def blocker_of(
    fit_request: fit.FitRequest, stage: str, reason: Reason
) -> Blocker:
    """What ``stage`` says is missing."""
    text = reason.text
    if len(fit_request.guest.cells) == 1:
        # There is no other.
        text = text.removesuffix(' for guest cell 0')
    return Blocker(
        stage,
        gap.resource_name(reason.resource),
        text,
        reason.cell,
        reason.asked,
        reason.available,
    )


def merge_blockers(
    fallen: Sequence[Blocker], blockers: Sequence[Blocker], *, complete: bool
) -> tuple[Blocker, ...]:
    """What a claim lacks, with what the host has fallen for.

    :param fallen: what the first to refuse the host said of its claim
    :param blockers: what was found by giving one by one
    :param complete: whether the guest would fit with these
    """
    if complete:
        return tuple(blockers)
    # What cannot be given hides the rest, which was not looked for.
    known = {one.condition for one in blockers}
    return (*(one for one in fallen if one.condition not in known), *blockers)


def _all_blockers(
    fit_request: fit.FitRequest,
    report: HostReport,
    steps: Sequence[scheduler_pipeline.FilterStep],
) -> HostFinding:
    """All that a host lacks: of what its claim lacks, everything."""
    name, first = str(report.state.nodename), report.blockers[0]
    others = [
        blocker for blocker in report.blockers if not is_claim_blocker(blocker)
    ]
    ours = [
        blocker for blocker in report.blockers if is_claim_blocker(blocker)
    ]
    if not ours:
        # Of a state that makes no sense nothing more is known.
        known = all(blocker.condition != _STATE for blocker in others)
        return HostFinding(name, first, tuple(others), known)
    try:
        decision = cycle.Decision(fit_request, report.state)
        host = decision.evaluation(report.state).host
        missing = min(
            (
                gap.shortfall(fit_request, host, decision.providers(one))
                for one in report.candidates[:8] or [{}]
            ),
            key=lambda one: one.rank,
        )
        found = [
            _attributed(fit_request, report.state, ours[0], reason, steps)
            for reason in missing.reasons
        ]
    except Exception:
        # Said already by whoever came across it first.
        return HostFinding(name, first, tuple(report.blockers))
    if not found:
        return HostFinding(name, first, tuple(report.blockers))
    blockers = merge_blockers(ours, found, complete=missing.all)
    if any(
        one.condition == gap.resource_name(Resource.DEDICATED_CPUS)
        for one in blockers
    ):
        # The same CPUs again, counted for the host as a whole.
        others = [one for one in others if one.condition != 'PCPU']
    every = sorted(
        (*others, *blockers), key=lambda one: one.condition != first.condition
    )
    return HostFinding(name, first, tuple(every), missing.all)


def _attributed(
    fit_request: fit.FitRequest,
    state: Any,
    first_blocker: Blocker,
    reason: Reason,
    steps: Sequence[scheduler_pipeline.FilterStep],
) -> Blocker:
    """What is missing beside what a host fell for, with who says so."""
    condition = gap.resource_name(reason.resource)
    stage = first_blocker.stage
    if stage != CLAIM and condition != first_blocker.condition:
        stage = first_filter_for(condition, steps, fit_request, state)
    return blocker_of(fit_request, stage, reason)


_DEVICE_CONDITION = gap.resource_name(Resource.DEVICES)


def reasons_of(
    step: scheduler_pipeline.FilterStep,
    fit_request: fit.FitRequest,
    state: Any,
) -> Sequence[Reason]:
    """Why one of our filters refuses a host; empty if it does not.

    :raises Exception: whatever a malformed state makes Nova's objects raise
    """
    decision = cycle.Decision(fit_request, state)
    refusal = step.filter.refusal(decision, state)
    return refusal.reasons if refusal else ()


def first_filter_for(
    condition: str,
    steps: Sequence[scheduler_pipeline.FilterStep],
    fit_request: fit.FitRequest,
    state: Any,
) -> str:
    """The first filter that would refuse a host for a condition of a claim.

    Also one that was not asked, as the host had fallen before; the claim
    where no filter looks at it.

    :raises Exception: whatever a malformed state makes Nova's objects raise
    """
    for step in steps:
        if _would_reject(step, condition, fit_request, state):
            return step.name
    return CLAIM


def _would_reject(
    step: scheduler_pipeline.FilterStep,
    condition: str,
    fit_request: fit.FitRequest,
    state: Any,
) -> bool:
    if isinstance(step.filter, NUMAFitFilter):
        # It looks at everything.
        return True
    if step.name in stock_filters.REPLACED_FILTERS:
        # One of the two looks at devices, the other one at the rest.
        own = stock_filters.condition_of(step.name) == _DEVICE_CONDITION
        return own == (condition == _DEVICE_CONDITION)
    if not isinstance(step.filter, base.ResourceFilter):
        return False
    before = state.allocation_candidates
    try:
        reasons = reasons_of(step, fit_request, state)
    finally:
        state.allocation_candidates = before
    return condition in {gap.resource_name(one.resource) for one in reasons}
