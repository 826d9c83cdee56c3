"""Hypothetical claims: what Placement and the hosts have left after them."""

import collections
from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import MutableMapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
import dataclasses
from typing import Any
from typing import cast
from typing import NamedTuple

from nfv_sched import fit
from nfv_sched.fit import gap
from nfv_sched.fit.candidates import AcceleratorsOf
from nfv_sched.fit.candidates import Candidate
from nfv_sched.fit.candidates import claim_order
from nfv_sched.fit.candidates import placement_chose
from nfv_sched.fit.candidates import ProviderName
from nfv_sched.fit.candidates import providers
from nfv_sched.fit.candidates import refusal_with
from nfv_sched.fit.locality import Distances
from nfv_sched.model import AcceleratorClaim
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.model.copying import Copyable
from nfv_sched.nova.types import HostState


class PlacementLedger:
    """What is free in Placement, less what hypothetical claims took.

    By provider and resource class.
    """

    def __init__(
        self, free: MutableMapping[tuple[str, str], int] | None = None
    ) -> None:
        self._free = {} if free is None else free

    def branch(self) -> 'PlacementLedger':
        """A ledger that begins here; what it takes does not show here."""
        return PlacementLedger(collections.ChainMap({}, self._free))

    def learn(self, summaries: Mapping[str, Any]) -> None:
        """Add the providers that are not known yet."""
        for provider, summary in summaries.items():
            for name, value in summary['resources'].items():
                left = int(value['capacity']) - int(value['used'])
                self._free.setdefault((provider, name), left)

    def add(self, key: tuple[str, str], amount: int) -> None:
        """Add what is free of a class of a provider."""
        self._free[key] = self._free.get(key, 0) + amount

    def free(self) -> Mapping[tuple[str, str], int]:
        """What is free, by provider and resource class."""
        return self._free

    def short_of(self, candidate: Candidate) -> frozenset[str]:
        """The classes of which too little is left."""
        return frozenset(
            key[1]
            for key, amount in allocated_amounts(candidate)
            if self._free.get(key, 0) < amount
        )

    def take(self, candidate: Candidate) -> None:
        """Take what a candidate allocates."""
        for key, amount in allocated_amounts(candidate):
            self._free[key] = self._free.get(key, 0) - amount

    def give_back(self, amounts: Mapping[tuple[str, str], int]) -> None:
        """Free what an instance held, by provider and resource class."""
        for key, amount in amounts.items():
            if key in self._free:
                self._free[key] += amount

    def available_view(self, candidates: Sequence[Candidate]) -> Hashable:
        """The free amounts that candidates use, without provider names.

        Equal for hosts on which the ledger allows the same.
        """
        return tuple(
            tuple(
                (key[1], amount, self._free.get(key, 0))
                for key, amount in allocated_amounts(candidate)
            )
            for candidate in candidates
        )


def allocated_amounts(
    candidate: Candidate,
) -> list[tuple[tuple[str, str], int]]:
    """What a candidate allocates, in a fixed order."""
    return sorted(
        ((provider, name), int(amount))
        for provider, value in candidate['allocations'].items()
        for name, amount in value['resources'].items()
    )


@dataclasses.dataclass(slots=True)
class HostUnderTest:
    """One host, in the state after the hypothetical claims so far.

    ``state`` is the one that Nova reported, before these claims.
    ``distances`` are the published ones between its cells,
    ``provider_name`` knows the names of bandwidth providers,
    ``accelerators_of`` the accelerators that a candidate gives to the request
    whose claim is next.
    """

    name: str
    host: Host
    state: HostState
    distances: Distances
    provider_name: ProviderName
    accelerators_of: AcceleratorsOf = lambda candidate: ()


#: What a claim on a host takes; None where it fails. Given the evaluation of
#: the host, and what an allocation candidate gives.
OutcomeOf = Callable[
    [
        HostUnderTest,
        fit.Evaluation,
        fit.Providers,
        tuple[AcceleratorClaim, ...],
    ],
    ClaimOutcome | None,
]


def unrestricted(
    target: HostUnderTest,
    evaluation: fit.Evaluation,
    providers: fit.Providers,
    accelerators: tuple[AcceleratorClaim, ...],
) -> ClaimOutcome | None:
    """What a claim takes that chooses the NUMA nodes itself."""
    return evaluation.verdict(providers).outcome


class Claimed(NamedTuple):
    """What a hypothetical claim takes, and the candidate that it is for."""

    outcome: ClaimOutcome
    candidate: Candidate


#: What fails after the claim of the NUMA nodes, in words; None if nothing.
FailureAfter = Callable[[fit.Evaluation, ClaimOutcome, Candidate], str | None]


class ClaimRules(NamedTuple):
    """What is special about the claims of a request."""

    outcome_of: OutcomeOf = unrestricted
    failure_after: FailureAfter | None = None


#: As of most requests.
NO_RULES = ClaimRules()


def attempt(
    fit_request: fit.FitRequest,
    target: HostUnderTest,
    candidates: Sequence[Candidate],
    ledger: PlacementLedger,
    rules: ClaimRules = NO_RULES,
) -> Claimed | str:
    """What one more instance would claim, or what is short.

    Of the candidate that nova-scheduler would have claimed, see
    :func:`nfv_sched.fit.candidates.claim_order`. Nothing is changed.
    """
    guest = fit_request.guest
    name_of = target.provider_name
    chosen = placement_chose(fit_request, candidates, name_of)
    evaluation = fit.Evaluation(fit_request, target.host)
    short: str | None = None
    lacking: list[frozenset[str]] = []
    fitting: list[Candidate] = []
    for candidate in candidates:
        classes = ledger.short_of(candidate)
        if classes:
            lacking.append(classes)
            continue
        if guest.asks_nothing:
            return Claimed(ClaimOutcome(), candidate)
        refusal = refusal_with(
            evaluation,
            providers(fit_request, candidate, name_of),
            target.accelerators_of(candidate),
        )
        if refusal is None:
            fitting.append(candidate)
            if not chosen:
                break
        else:
            reason = gap.closest_reason(refusal.reasons)
            short = gap.resource_name(reason.resource) if reason else 'claim'
    if not fitting:
        if short is None and lacking:
            # Of the candidate that is nearest to being left.
            nearest = min(lacking, key=_fewest)
            short = min(nearest)
        return short or 'candidates'
    first = claim_order(
        evaluation,
        fitting,
        target.distances,
        name_of,
        target.accelerators_of,
    )[0]
    outcome = rules.outcome_of(
        target,
        evaluation,
        providers(fit_request, first, name_of),
        target.accelerators_of(first),
    )
    if outcome is None:
        return 'claim'
    if rules.failure_after is not None:
        failure = rules.failure_after(evaluation, outcome, first)
        if failure is not None:
            return failure
    return Claimed(outcome, first)


def claim(
    fit_request: fit.FitRequest,
    target: HostUnderTest,
    candidates: Sequence[Candidate],
    ledger: PlacementLedger,
    outcome_of: OutcomeOf = unrestricted,
) -> str | None:
    """Claim for one more instance; returns what is short if that fails.

    As :func:`attempt`; takes what it claims.
    """
    rules = ClaimRules(outcome_of)
    claimed = attempt(fit_request, target, candidates, ledger, rules)
    if isinstance(claimed, str):
        return claimed
    take(fit_request, target, ledger, claimed)
    return None


def take(
    fit_request: fit.FitRequest,
    target: HostUnderTest,
    ledger: PlacementLedger,
    claimed: Claimed,
) -> None:
    """Take from a host and from Placement what an attempt claimed."""
    ledger.take(claimed.candidate)
    guest = fit_request.guest
    if not guest.asks_nothing:
        target.host = fit.apply_claim(guest, target.host, claimed.outcome)


def _fewest(classes: frozenset[str]) -> tuple[int, list[str]]:
    return len(classes), sorted(classes)


def host_key(host: Host) -> Hashable:
    """Equal for hosts on which the same instances fit.

    Names are left out; the order of cells and pools is not, since it decides
    what a claim takes.
    """
    return _key(host.evolve(name=''))


def _key(value: Any) -> Hashable:
    if isinstance(value, DevicePool) and value.rp_uuid is not None:
        value = value.evolve(rp_uuid=None)
    if isinstance(value, Copyable):
        return value.values(_key)
    if isinstance(value, AbstractSet):
        return frozenset(value)
    if isinstance(value, Mapping):
        return tuple(sorted(value.items(), key=str))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(_key, value))
    return cast('Hashable', value)
