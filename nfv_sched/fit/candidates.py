"""Allocation candidates: the devices that Placement chose, and Nova's pick.

Nova claims the first allocation candidate of a host. With PCI devices in
Placement the ``mappings`` of a candidate fix which provider, hence which
devices on which NUMA node, the claim takes.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from nfv_sched.fit.devices import Providers
from nfv_sched.fit.devices import providers_of
from nfv_sched.fit.evaluate import Evaluation
from nfv_sched.fit.locality import Distances
from nfv_sched.fit.locality import locality
from nfv_sched.fit.request import FitRequest

#: An allocation request, as Placement writes it: ``allocations`` by provider
#: uuid and ``mappings`` from request groups to provider uuids.
Candidate = Mapping[str, Any]


def providers(fit_request: FitRequest, candidate: Candidate) -> Providers:
    """The providers that a candidate gives to each device request.

    ``fit_request.no_providers`` itself where Placement left all devices open.
    """
    if not fit_request.placement_may_choose:
        return fit_request.no_providers
    mapping = candidate.get('mappings')
    if mapping and len(mapping) == 1 and '' in mapping:
        return fit_request.no_providers
    return tuple(providers_of(fit_request.guest.devices, mapping))


def placement_chose(
    fit_request: FitRequest, candidates: Iterable[Candidate]
) -> bool:
    """Whether Placement chose devices, so that candidates may differ."""
    return any(
        providers(fit_request, candidate) is not fit_request.no_providers
        for candidate in candidates
    )


def claim_order(
    evaluation: Evaluation,
    candidates: Sequence[Candidate],
    distances: Distances,
) -> list[Candidate]:
    """Candidates that fit, in the order in which Nova is to claim them.

    Those with devices nearer to the guest's cells come first, otherwise
    Placement's order stays.

    :param distances: between the host's cells, where they are published
    """
    ordered = list(candidates)
    if len(ordered) > 1 and placement_chose(evaluation.fit_request, ordered):
        ordered.sort(
            key=lambda candidate: _penalty(evaluation, candidate, distances)
        )
    return ordered


def _penalty(
    evaluation: Evaluation, candidate: Candidate, distances: Distances
) -> float:
    guest = evaluation.fit_request.guest
    outcome = evaluation.verdict(
        providers(evaluation.fit_request, candidate)
    ).outcome
    if outcome is None:
        return 1.0
    return locality(guest, evaluation.host, outcome, distances).penalty(
        spread=guest.spread_functions
    )
