"""Allocation candidates: what Placement chose of devices, and Nova's pick.

Nova claims the first allocation candidate of a host. The ``mappings`` of a
candidate say which provider meets which request group. With PCI devices in
Placement that fixes which devices, on which NUMA node, the claim takes. The
provider of a port's guaranteed bandwidth fixes the PF of its VF.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from nfv_sched.fit import accelerators
from nfv_sched.fit import pcie_roots
from nfv_sched.fit.devices import Providers
from nfv_sched.fit.evaluate import Evaluation
from nfv_sched.fit.locality import Distances
from nfv_sched.fit.locality import locality
from nfv_sched.fit.reasons import Refusal
from nfv_sched.fit.request import FitRequest
from nfv_sched.model import AcceleratorClaim
from nfv_sched.model import DeviceRequest

#: An allocation request, as Placement writes it: ``allocations`` by provider
#: uuid and ``mappings`` from request groups to provider uuids.
Candidate = Mapping[str, Any]

#: The name of a provider by its uuid; None where it is not known.
ProviderName = Callable[[str], str | None]

#: The accelerators that a candidate gives.
AcceleratorsOf = Callable[[Candidate], tuple[AcceleratorClaim, ...]]

# An interface that no pool has.
_NONE = ''


def providers(
    fit_request: FitRequest,
    candidate: Candidate,
    provider_name: ProviderName,
) -> Providers:
    """What a candidate gives to each device request.

    ``fit_request.no_providers`` itself where all devices are left open.

    :param provider_name: the names of bandwidth providers; a port whose
        provider is not known by name may take a VF of any PF
    """
    if not fit_request.placement_may_choose:
        return fit_request.no_providers
    mapping = candidate.get('mappings')
    if mapping and len(mapping) == 1 and '' in mapping:
        return fit_request.no_providers
    chosen = tuple(
        _interface(request, mapping, provider_name)
        if request.from_port
        else _uuids(request, mapping)
        for request in fit_request.guest.devices
    )
    return chosen if any(chosen) else fit_request.no_providers


def _uuids(
    request: DeviceRequest, mapping: Mapping[str, Sequence[str]] | None
) -> tuple[str, ...]:
    """The providers of a request by alias, one per device.

    As nova.pci.stats ``PciDeviceStats._get_rp_uuids_for_request``: its
    groups are named ``<request id>-<n>``. Without a mapping the request
    carries the choice itself.
    """
    if not mapping:
        return request.rp_uuids
    prefix = request.request_id or ''
    return tuple(
        uuids[0]
        for group, uuids in mapping.items()
        if prefix and group.startswith(prefix)
    )


def _interface(
    request: DeviceRequest,
    mapping: Mapping[str, Sequence[str]] | None,
    provider_name: ProviderName,
) -> tuple[str, ...]:
    """The interface whose VFs a port with guaranteed bandwidth takes.

    As nova.compute.utils ``update_pci_request_with_placement_allocations``,
    which nova-compute calls before the claim, and nova-conductor before a
    live migration: neutron names the provider
    ``<host>:<agent>:<interface>``. Nova aborts the build where it cannot read
    an interface from the name; no pool has the one that is returned then.
    """
    group = request.bandwidth_group
    uuids = mapping.get(group) if mapping and group is not None else None
    if uuids is None:
        return ()
    if len(uuids) != 1:
        return (_NONE,)
    name = provider_name(uuids[0])
    if name is None:
        return ()
    pieces = name.split(':')
    return (pieces[2] if len(pieces) == 3 else _NONE,)


def named_providers(
    fit_request: FitRequest, candidates: Iterable[Candidate]
) -> frozenset[str]:
    """The providers of candidates whose names are needed.

    By :func:`providers`, or to find the accelerators.
    """
    classes = fit_request.guest.accelerators
    if not classes:
        return _bandwidth_providers(fit_request, candidates)
    candidates = list(candidates)
    return _bandwidth_providers(fit_request, candidates).union(
        uuid
        for candidate in candidates
        for uuid in accelerators.providers(classes, candidate)
    )


def _bandwidth_providers(
    fit_request: FitRequest, candidates: Iterable[Candidate]
) -> frozenset[str]:
    groups = {
        request.bandwidth_group
        for request in fit_request.guest.devices
        if request.bandwidth_group is not None
    }
    if not groups:
        return frozenset()
    return frozenset(
        uuid
        for candidate in candidates
        for group, uuids in candidate['mappings'].items()
        if group in groups
        for uuid in uuids
    )


def refusal_with(
    evaluation: Evaluation,
    chosen: Providers,
    cards: tuple[AcceleratorClaim, ...],
) -> Refusal | None:
    """Why the claim fails, or its devices and these accelerators do not do.

    None if it succeeds and they do.

    :param chosen: as for :meth:`Evaluation.refusal`
    :param cards: which the candidate gives
    """
    refusal = evaluation.refusal(chosen)
    guest = evaluation.guest
    if (
        refusal is not None
        or guest.pcie_policy != pcie_roots.REQUIRED
        or not cards
    ):
        return refusal
    outcome = evaluation.verdict(chosen).outcome
    if outcome is None:
        return None
    return pcie_roots.refusal(
        guest, evaluation.host, outcome.with_accelerators(cards)
    )


def placement_chose(
    fit_request: FitRequest,
    candidates: Iterable[Candidate],
    provider_name: ProviderName,
) -> bool:
    """Whether Placement chose devices or accelerators.

    Then candidates may differ.
    """
    return bool(fit_request.guest.accelerators) or any(
        providers(fit_request, candidate, provider_name)
        is not fit_request.no_providers
        for candidate in candidates
    )


def claim_order(
    evaluation: Evaluation,
    candidates: Sequence[Candidate],
    distances: Distances,
    provider_name: ProviderName,
    accelerators_of: AcceleratorsOf = lambda candidate: (),
) -> list[Candidate]:
    """Candidates that fit, in the order in which Nova is to claim them.

    Those with devices and accelerators nearer to the guest's cells come
    first, otherwise Placement's order stays.

    :param distances: between the host's cells, where they are published
    :param provider_name: as for :func:`providers`
    :param accelerators_of: the accelerators that a candidate gives
    """
    ordered = list(candidates)
    fit_request = evaluation.fit_request
    if len(ordered) > 1 and placement_chose(
        fit_request, ordered, provider_name
    ):
        ordered.sort(
            key=lambda candidate: _penalty(
                evaluation,
                providers(fit_request, candidate, provider_name),
                distances,
                accelerators_of(candidate),
            )
        )
    return ordered


def _penalty(
    evaluation: Evaluation,
    chosen: Providers,
    distances: Distances,
    cards: tuple[AcceleratorClaim, ...],
) -> float:
    guest = evaluation.fit_request.guest
    outcome = evaluation.verdict(chosen).outcome
    if outcome is None:
        return 1.0
    outcome = outcome.with_accelerators(cards)
    return locality(guest, evaluation.host, outcome, distances).penalty(guest)
