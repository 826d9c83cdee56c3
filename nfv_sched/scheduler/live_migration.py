"""Decisions on the destinations of live migrations."""

from nfv_sched import fit
from nfv_sched.fit import pcie_roots
from nfv_sched.fit.candidates import Candidate
from nfv_sched.fit.candidates import ProviderName
from nfv_sched.fit.candidates import providers as candidate_providers
from nfv_sched.fit.devices import Devices
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import Guest
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched.nova import move_claims
from nfv_sched.nova.types import HostState
from nfv_sched.scheduler.host_cycle import Decision
from nfv_sched.scheduler.published_topology import PublishedTopology


class LiveRequest:
    """A live migration, with everything that does not depend on the host.

    ``page_size_kib`` is the one to keep; ``devices`` requests the devices
    that are claimed after the NUMA nodes.
    """

    __slots__ = ('devices', 'page_size_kib')

    def __init__(self, live: move_claims.LiveMigration) -> None:
        self.page_size_kib = live.page_size_kib
        self.devices = fit.FitRequest(
            Guest(devices=live.devices, pcie_policy=live.pcie_policy)
        )


class LiveMigrationDecision(Decision):
    """The answers for an instance that moves live to one host state.

    nova-compute makes a MoveClaim, which must not change the page size, and
    then claims the instance's devices near the NUMA nodes of that claim
    (``ComputeManager.check_can_live_migrate_destination``).
    """

    __slots__ = ('_live',)

    def __init__(
        self,
        fit_request: fit.FitRequest,
        state: HostState,
        topologies: PublishedTopology,
        live: LiveRequest,
    ) -> None:
        super().__init__(fit_request, state, topologies)
        self._live = live

    def refusal(
        self, state: HostState, candidate: Candidate
    ) -> fit.Refusal | None:
        """Why the claims fail with an allocation candidate; None if not."""
        refusal = super().refusal(state, candidate)
        # Each candidate is asked for.
        self.settled = False
        if refusal is not None:
            return refusal
        evaluation = self.evaluation(state)
        outcome = evaluation.verdict(self.providers(candidate)).outcome
        text = outcome and self._failure_after(evaluation, outcome, candidate)
        if not text:
            return None
        return fit.Refusal(lambda: (Reason(Resource.CLAIM, text),))

    def allows(
        self, state: HostState, outcome: ClaimOutcome, candidate: Candidate
    ) -> bool:
        """Whether nothing fails after the claim."""
        evaluation = self.evaluation(state)
        return self._failure_after(evaluation, outcome, candidate) is None

    def _failure_after(
        self,
        evaluation: fit.Evaluation,
        outcome: ClaimOutcome,
        candidate: Candidate,
    ) -> str | None:
        return failure_after(
            self._live,
            evaluation,
            outcome,
            candidate,
            self.topologies.provider_name,
        )


def failure_after(
    live: LiveRequest,
    evaluation: fit.Evaluation,
    outcome: ClaimOutcome,
    candidate: Candidate,
    provider_name: ProviderName,
) -> str | None:
    """What fails after the NUMA nodes are claimed, in words.

    :param outcome: what is claimed of the nodes
    :param provider_name: the names of bandwidth providers
    """
    cells = outcome.cells
    kept = live.page_size_kib
    if cells and cells[0].page_size_kib != kept:
        return (
            f'the claim gives pages of {cells[0].page_size_kib} KiB, and '
            f'a live migration has to keep those of {kept} KiB'
        )
    request = live.devices
    if not request.guest.devices:
        return None
    devices = Devices(
        request,
        evaluation.host,
        candidate_providers(request, candidate, provider_name),
    )
    chosen = [cell.host_cell for cell in cells] or None
    if not (devices.enough(chosen) and devices.claims(chosen)):
        return (
            'the devices that the instance has cannot be claimed near the '
            'NUMA nodes that the claim chooses'
        )
    if request.guest.pcie_policy != pcie_roots.REQUIRED:
        return None
    refusal = pcie_roots.refusal(
        request.guest,
        evaluation.host,
        ClaimOutcome(devices=devices.claim(chosen) or ()),
    )
    return '; '.join(map(str, refusal.reasons)) if refusal else None
