"""Every host against one request: where it falls, and what it lacks."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from nfv_sched import decisions
from nfv_sched import fit
from nfv_sched.explaining import stages
from nfv_sched.explaining.offers import Offers
from nfv_sched.explaining.values import CLAIM
from nfv_sched.explaining.values import Explanation
from nfv_sched.explaining.values import Finding
from nfv_sched.explaining.values import Lack
from nfv_sched.explaining.values import PLACEMENT
from nfv_sched.explaining.values import REQUEST
from nfv_sched.explaining.values import SERVICE
from nfv_sched.filters import base
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.fit import nearness
from nfv_sched.model import Host
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched.nova import pipeline
from nfv_sched.nova import stock
from nfv_sched.nova.asking import BadRequestError
from nfv_sched.placement.client import PlacementClient

#: Of so many hosts it is worked out all that they lack.
DETAILED = 10


@dataclasses.dataclass(slots=True)
class Look:
    """What is known of one host, in the order of the pipeline.

    ``state`` is its HostState, ``candidates`` what Placement offers there.
    """

    state: Any
    candidates: list[Mapping[str, Any]]
    lacks: list[Lack] = dataclasses.field(default_factory=list)

    @property
    def rank(self) -> tuple[object, ...]:
        """Less for what is nearer to fitting, as far as is known."""
        return (
            len(self.lacks),
            -min((one.closeness for one in self.lacks), default=1.0),
            str(self.state.nodename),
        )


class Explainer:
    """Explains requests on the hosts as they are when it is made.

    :param tell: called with the number of hosts looked at, and of all
    """

    def __init__(
        self,
        line: pipeline.Pipeline,
        client: PlacementClient,
        *,
        tell: Callable[[int, int], None] | None = None,
    ) -> None:
        self._line = line
        self.client = client
        self.context = line.context
        self._tell = tell or (lambda done, total: None)
        self.states = line.states()
        self._unlisted = line.unlisted(self.states)
        # Whom that accepts, the claim accepts.
        self._complete = any(
            isinstance(trial.filter, NUMAFitFilter) for trial in line.filters
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
        return self.inquire(spec, detailed).explanation

    def inquire(self, spec: Any, detailed: int = DETAILED) -> 'Inquiry':
        """As :meth:`explain`, with what else was found out on the way."""
        unlisted = [
            _fallen(one.host, Lack(SERVICE, 'not scheduled', one.why))
            for one in self._unlisted
        ]
        refused = self._line.prepare(spec)
        try:
            demand = self._line.demand(spec)
        except BadRequestError as error:
            refused = str(error)
        question = decisions.refresh(spec)
        if refused is not None:
            lack = Lack(REQUEST, 'request', refused)
            every = [
                _fallen(str(state.nodename), lack) for state in self.states
            ]
            return Inquiry(question, Explanation((*every, *unlisted)), (), {})
        offers = Offers(self.client, demand)
        notes = [*self._line.problems, *_notes(offers)]
        looks = self._look(spec, offers, notes)
        question = decisions.refresh(spec)
        filters = self._line.filters
        findings = [*_detailed(question, looks, detailed, filters), *unlisted]
        findings.sort(key=lambda one: one.rank)
        return Inquiry(
            question,
            Explanation(tuple(findings), tuple(notes)),
            tuple(looks),
            offers.summaries,
        )

    # The pipeline

    def _look(self, spec: Any, offers: Offers, notes: list[str]) -> list[Look]:
        looks = []
        for state in self.states:
            candidates = list(offers.candidates(state.uuid))
            look = Look(state, candidates)
            state.allocation_candidates = list(candidates)
            decisions.forget(state)
            if why := pipeline.refused_before_filters(spec, state):
                look.lacks.append(Lack(REQUEST, 'host', why))
            look.lacks += offers.lacks(state.uuid)
            looks.append(look)
        if pipeline.skips_filters(spec):
            notes.append('The request forces a host: no filter is asked.')
        else:
            for trial in self._line.filters:
                _ask(trial, spec, looks)
        question = decisions.refresh(spec)
        for number, look in enumerate(looks, 1):
            if not any(map(fits_claim, look.lacks)) and (
                look.lacks or not self._complete
            ):
                look.lacks += _claim(question, look)
            self._tell(number, len(looks))
        return looks


@dataclasses.dataclass(frozen=True, slots=True)
class Inquiry:
    """An explanation with what led to it.

    ``looks`` are the hosts that nova-scheduler sees, nearest first;
    ``summaries`` are Placement's of the providers of candidates.
    """

    question: fit.Question
    explanation: Explanation
    looks: tuple[Look, ...]
    summaries: Mapping[str, Any]


def _detailed(
    question: fit.Question,
    looks: list[Look],
    detailed: int,
    trials: Sequence[pipeline.Trial],
) -> Iterator[Finding]:
    looks.sort(key=lambda one: one.rank)
    near = [look for look in looks if look.lacks][:detailed]
    chosen = set(map(id, near))
    for look in looks:
        name = str(look.state.nodename)
        if not look.lacks:
            yield Finding(name)
        elif id(look) in chosen:
            yield _whole(question, look, trials)
        else:
            yield Finding(name, look.lacks[0], tuple(look.lacks))


def _fallen(host: str, lack: Lack) -> Finding:
    return Finding(host, lack, (lack,))


def _notes(offers: Offers) -> Iterator[str]:
    limit = offers.demand.limit
    if limit is not None and offers.total > limit:
        yield (
            f'Placement has {offers.total} candidates, of which '
            f'nova-scheduler asks for [scheduler] max_placement_results = '
            f'{limit}: hosts among the rest are not looked at.'
        )


_RESOURCES = frozenset(map(nearness.name_of, Resource))
_STATE = 'state'
_DEDICATED = nearness.name_of(Resource.DEDICATED_CPUS)


def host_of(question: fit.Question, look: Look) -> Host:
    """A host as its claim sees it.

    :raises Exception: whatever a malformed state makes Nova's objects raise
    """
    return decisions.Decision(question, look.state).evaluation(look.state).host


def fits_claim(lack: Lack) -> bool:
    """Whether a lack is one that the claim itself would fail for."""
    return (
        lack.stage not in (SERVICE, REQUEST, PLACEMENT)
        and lack.condition in _RESOURCES
    )


def _ask(trial: pipeline.Trial, spec: Any, looks: Sequence[Look]) -> None:
    """Ask one filter, and note at whom it takes exception.

    Those that look at candidates are asked only about hosts that are in the
    race, the rest about every host.
    """
    ours = isinstance(trial.filter, base.ResourceFilter)
    if ours or trial.name in stock.DECIDED_BY_FIT:
        asked = [look for look in looks if not look.lacks]
    else:
        asked = list(looks)
    before = {
        id(look): list(look.state.allocation_candidates) for look in asked
    }
    passing = trial.passing([look.state for look in asked], spec)
    for look in asked:
        if id(look.state) in passing:
            continue
        look.state.allocation_candidates = before[id(look)]
        if ours:
            look.lacks += _ours(trial, spec, look.state)
        elif trial.name in stock.DECIDED_BY_FIT:
            look.lacks += _stock_fit(trial, spec, look)
        else:
            look.lacks.append(
                Lack(
                    trial.name,
                    stock.condition_of(trial.name),
                    stock.words(trial.name, look.state, spec),
                )
            )


def _ours(trial: pipeline.Trial, spec: Any, state: Any) -> Iterator[Lack]:
    """What one of our filters says, asked again for its reasons."""
    question = decisions.refresh(spec)
    try:
        reasons = stages.reasons_of(trial, question, state)
    except Exception as error:
        text = f'its state makes no sense: {type(error).__name__}: {error}'
        yield Lack(trial.name, _STATE, text)
        return
    reason = nearness.nearest(reasons)
    if reason is None:
        yield Lack(trial.name, 'candidates', 'no candidate is left')
    else:
        yield lack_of(question, trial.name, reason)


def _stock_fit(trial: pipeline.Trial, spec: Any, look: Look) -> Iterator[Lack]:
    """What a stock filter that we stand in for says, in our words."""
    found = list(_claim(decisions.refresh(spec), look))
    for lack in found:
        yield dataclasses.replace(lack, stage=trial.name)
    if not found:
        text = f'{trial.name} refuses it, although the claim succeeds'
        yield Lack(trial.name, stock.condition_of(trial.name), text)


def _claim(question: fit.Question, look: Look) -> Iterator[Lack]:
    """What nova-compute's claim says, whether Placement offers or not."""
    if question.guest.asks_nothing:
        return
    state = look.state
    try:
        decision = decisions.Decision(question, state)
        candidates = look.candidates or [{}]
        reasons: list[Reason] = []
        for candidate in candidates:
            refusal = decision.refusal(state, candidate)
            if refusal is None:
                return
            reasons += refusal.reasons
    except Exception as error:
        text = f'its state makes no sense: {type(error).__name__}: {error}'
        yield Lack(CLAIM, _STATE, text)
        return
    reason = nearness.nearest(reasons)
    if reason is not None:
        yield lack_of(question, CLAIM, reason)


def lack_of(question: fit.Question, stage: str, reason: Reason) -> Lack:
    """What ``stage`` says is missing."""
    text = reason.text
    if len(question.guest.cells) == 1:
        # There is no other.
        text = text.removesuffix(' for guest cell 0')
    return Lack(
        stage,
        nearness.name_of(reason.resource),
        text,
        reason.cell,
        reason.asked,
        reason.available,
    )


def with_fall(
    fallen: Sequence[Lack], lacks: Sequence[Lack], *, complete: bool
) -> tuple[Lack, ...]:
    """What a claim lacks, with what the host has fallen for.

    :param fallen: what the first to refuse the host said of its claim
    :param lacks: what was found by giving one by one
    :param complete: whether the guest would fit with these
    """
    if complete:
        return tuple(lacks)
    # What cannot be given hides the rest, which was not looked for.
    known = {one.condition for one in lacks}
    return (*(one for one in fallen if one.condition not in known), *lacks)


def _whole(
    question: fit.Question, look: Look, trials: Sequence[pipeline.Trial]
) -> Finding:
    """All that a host lacks: of what its claim lacks, everything."""
    name, first = str(look.state.nodename), look.lacks[0]
    others = [lack for lack in look.lacks if not fits_claim(lack)]
    ours = [lack for lack in look.lacks if fits_claim(lack)]
    if not ours:
        # Of a state that makes no sense nothing more is known.
        known = all(lack.condition != _STATE for lack in others)
        return Finding(name, first, tuple(others), known)
    try:
        decision = decisions.Decision(question, look.state)
        host = decision.evaluation(look.state).host
        missing = min(
            (
                nearness.missing(question, host, decision.providers(one))
                for one in look.candidates[:8] or [{}]
            ),
            key=lambda one: one.rank,
        )
        found = [
            _staged(question, look.state, ours[0], reason, trials)
            for reason in missing.reasons
        ]
    except Exception:
        # Said already by whoever came across it first.
        return Finding(name, first, tuple(look.lacks))
    if not found:
        return Finding(name, first, tuple(look.lacks))
    lacks = with_fall(ours, found, complete=missing.all)
    if any(
        one.condition == nearness.name_of(Resource.DEDICATED_CPUS)
        for one in lacks
    ):
        # The same CPUs again, counted for the host as a whole.
        others = [one for one in others if one.condition != 'PCPU']
    every = sorted(
        (*others, *lacks), key=lambda one: one.condition != first.condition
    )
    return Finding(name, first, tuple(every), missing.all)


def _staged(
    question: fit.Question,
    state: Any,
    fall: Lack,
    reason: Reason,
    trials: Sequence[pipeline.Trial],
) -> Lack:
    """What is missing beside what a host fell for, with who says so."""
    condition = nearness.name_of(reason.resource)
    stage = fall.stage
    if stage != CLAIM and condition != fall.condition:
        stage = stages.stage_of(condition, trials, question, state)
    return lack_of(question, stage, reason)
