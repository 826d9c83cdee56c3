"""Hosts while guests are thought onto them, claim by claim."""

import collections
from collections.abc import Hashable
from collections.abc import Mapping
from collections.abc import MutableMapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
import dataclasses
from typing import Any
from typing import cast

from nfv_sched import fit
from nfv_sched.fit import gap
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.model.copying import Copyable

#: An allocation request, as Placement writes it.
Candidate = Mapping[str, Any]


class PlacementLedger:
    """What is free in Placement, by provider and class, less what is taken."""

    def __init__(
        self, free: MutableMapping[tuple[str, str], int] | None = None
    ) -> None:
        self._free = {} if free is None else free

    def branch(self) -> 'PlacementLedger':
        """One that begins here, of which this one does not know."""
        return PlacementLedger(collections.ChainMap({}, self._free))

    def learn(self, summaries: Mapping[str, Any]) -> None:
        """Note the providers that are not known yet."""
        for provider, summary in summaries.items():
            for name, value in summary['resources'].items():
                left = int(value['capacity']) - int(value['used'])
                self._free.setdefault((provider, name), left)

    def short_of(self, candidate: Candidate) -> str | None:
        """The first class of which too little is left."""
        for key, amount in allocated_amounts(candidate):
            if self._free.get(key, 0) < amount:
                return key[1]
        return None

    def take(self, candidate: Candidate, times: int = 1) -> None:
        """Take what a candidate allocates."""
        for key, amount in allocated_amounts(candidate):
            self._free[key] = self._free.get(key, 0) - amount * times

    def left(self, candidate: Candidate) -> int:
        """How often a candidate can be taken."""
        return min(
            (
                self._free.get(key, 0) // amount
                for key, amount in allocated_amounts(candidate)
                if amount
            ),
            default=0,
        )

    def reading(self, candidates: Sequence[Candidate]) -> Hashable:
        """What of the ledger matters for candidates: names left out."""
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
class ClaimSpec:
    """What is to be placed: the question, and how candidates are ranked.

    ``apart`` is whether devices are to be on different physical functions.
    """

    fit_request: fit.FitRequest
    apart: bool = False

    def providers(self, candidate: Candidate) -> fit.Providers:
        """What a candidate gives to each device request."""
        fit_request = self.fit_request
        mapping = candidate.get('mappings') or {}
        if not fit_request.placement_may_choose or set(mapping) <= {''}:
            return fit_request.no_providers
        return tuple(fit.providers_of(fit_request.guest.devices, mapping))

    def chooses(self, candidates: Sequence[Candidate]) -> bool:
        """Whether Placement chose devices, so that candidates differ."""
        return any(
            self.providers(one) is not self.fit_request.no_providers
            for one in candidates
        )


@dataclasses.dataclass(slots=True)
class HostUnderTest:
    """One host, in the state that it would be in so far."""

    name: str
    host: Host


def claim(
    claim_spec: ClaimSpec,
    host_under_test: HostUnderTest,
    candidates: Sequence[Candidate],
    ledger: PlacementLedger,
) -> str | None:
    """Think one guest onto a host; returns what was short if it cannot be.

    Takes the candidate that nova-scheduler would claim: the first that fits,
    or that with the nearest devices where Placement has chosen some.
    """
    guest, fit_request = claim_spec.fit_request.guest, claim_spec.fit_request
    short: str | None = None
    found: list[tuple[float, Candidate, Any]] = []
    evaluation = None
    for candidate in candidates:
        lacking = ledger.short_of(candidate)
        if lacking is not None:
            short = short or f'{lacking} in Placement'
            continue
        if guest.asks_nothing:
            ledger.take(candidate)
            return None
        if evaluation is None:
            evaluation = fit.Evaluation(fit_request, host_under_test.host)
        providers = claim_spec.providers(candidate)
        verdict = evaluation.verdict(providers)
        if verdict.placement is None:
            reason = gap.closest_reason(verdict.reasons)
            short = gap.resource_name(reason.resource) if reason else 'claim'
            continue
        if providers is fit_request.no_providers:
            found.append((0.0, candidate, verdict.placement))
            break
        near = fit.locality(guest, host_under_test.host, verdict.placement, {})
        found.append(
            (
                near.badness(apart=claim_spec.apart),
                candidate,
                verdict.placement,
            )
        )
    if not found:
        return short or 'candidates'
    _, candidate, placement = min(found, key=lambda one: one[0])
    ledger.take(candidate)
    host_under_test.host = fit.apply_claim(
        guest, host_under_test.host, placement
    )
    return None


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
