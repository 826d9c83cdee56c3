"""The allocation candidates of a request, and why a host has none."""

import collections
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from nfv_sched.dryrun import placement_texts
from nfv_sched.dryrun.provider_trees import ProviderTrees
from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import PLACEMENT
from nfv_sched.nova import scheduler_pipeline
from nfv_sched.placement import candidate_request
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import PlacementError
from nfv_sched.placement.errors import Refused
from nfv_sched.placement.matching import ObstacleKind
from nfv_sched.placement.provider_tree import HostTree
from nfv_sched.placement.shortages import diagnose
from nfv_sched.placement.shortages import Diagnosis

#: Allocation requests, as Placement writes them.
Candidates = Sequence[Mapping[str, Any]]

#: The condition of hosts of which the reason is not known.
CANDIDATES = 'candidates'


class PlacementCandidates:
    """Placement's answers for one request.

    Why a host has no candidate is found in the provider trees, which are read
    on demand.

    :raises nfv_sched.placement.errors.PlacementError: no answer
    """

    def __init__(
        self,
        client: PlacementClient,
        query: scheduler_pipeline.PlacementQuery,
    ) -> None:
        self.query = query
        self._client = client
        self._by_provider: dict[str, list[Mapping[str, Any]]] = (
            collections.defaultdict(list)
        )
        self.summaries: dict[str, Any] = {}
        self.total = 0
        #: Why Placement refuses the request itself.
        self.refused: str | None = None
        for text in query.queries:
            path = f'/allocation_candidates?{text}'
            try:
                answer = client.get(path)
            except Refused as error:
                # A trait or class that it does not know.
                why = str(error).removeprefix(f'GET {path}: ')
                self.refused = f'Placement refuses the request: {why}'
                continue
            requests = answer['allocation_requests']
            self.total += len(requests)
            for request in requests:
                for provider in request['allocations']:
                    self._by_provider[provider].append(request)
            self.summaries.update(answer['provider_summaries'])
        #: What the first of the queries asks.
        self.request = candidate_request.parse(
            query.queries[0] if query.queries else ''
        )
        self._trees = ProviderTrees(client, self.request)

    def candidates(self, compute: str) -> Candidates:
        """The candidates on a compute node, by its uuid."""
        return self._by_provider.get(compute, ())

    def tree(self, compute: str) -> HostTree | None:
        """The provider tree of a compute node, as far as it was read.

        None where it has none, or where Placement does not answer any more.
        """
        if not self.request.groups:
            return None
        try:
            return self._trees.tree(compute)
        except PlacementError:
            return None

    def blockers(
        self, compute: str, *, detailed: bool = False
    ) -> tuple[tuple[Blocker, ...], bool]:
        """Why a compute node has no candidate, and whether that is all.

        Empty for one that has. Where Placement does not answer any more, the
        reason is unknown.

        :param detailed: read names of providers and limits of inventories
        """
        if self.candidates(compute):
            return (), True
        if not self.request.groups:
            return self._unexplained(), False
        try:
            return self._explained(compute, detailed=detailed)
        except PlacementError as error:
            text = (
                'Placement has no candidate; the reason is unknown, since it '
                f'does not answer: {error}'
            )
            return (Blocker(PLACEMENT, CANDIDATES, text),), False

    def _explained(
        self, compute: str, *, detailed: bool
    ) -> tuple[tuple[Blocker, ...], bool]:
        tree = self._trees.tree(compute)
        if tree is None:
            text = (
                'Placement has no provider of it, or none with free resources'
            )
            return (Blocker(PLACEMENT, CANDIDATES, text),), False
        diagnosis = diagnose(tree, self.request)
        if detailed:
            try:
                tree = self._trees.with_details(tree, self._classes(diagnosis))
            except PlacementError:
                # The reasons are known, without names and limits.
                pass
            else:
                # Only now the limits of what groups ask together are known.
                diagnosis = diagnose(tree, self.request)
        found = sorted(diagnosis.shortages, key=placement_texts.order)
        blockers = tuple(
            placement_texts.blocker(tree, self.request, shortage)
            for shortage in found
        )
        if not blockers:
            return self._unexplained(tree), False
        if self.refused is None:
            return blockers, diagnosis.complete
        names = {name for each in found for name in each.obstacle.names}
        if not any(name in self.refused for name in names):
            # Not for a trait or class that it does not know.
            blockers += self._unexplained(tree)
        return blockers, False

    def _classes(self, diagnosis: Diagnosis) -> Iterator[str]:
        """The classes whose inventories are worth a read."""
        for shortage in diagnosis.shortages:
            if shortage.obstacle.kind in (
                ObstacleKind.RESOURCE,
                ObstacleKind.COMBINATION,
            ):
                yield from shortage.obstacle.names
        yield from self.request.contested()

    def _unexplained(
        self, tree: HostTree | None = None
    ) -> tuple[Blocker, ...]:
        text = self.refused or (
            'Placement has no candidate for what is asked, taken together'
        )
        if tree and not tree.own.keys().isdisjoint(self._by_provider):
            text = (
                'Placement has candidates, but none with resources of the '
                'compute node itself: nova-scheduler ignores them'
            )
        return (Blocker(PLACEMENT, CANDIDATES, text),)
