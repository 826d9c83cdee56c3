"""The allocation candidates of a request, and why a host has none."""

import collections
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import PLACEMENT
from nfv_sched.dryrun.values import TRAIT
from nfv_sched.nova import scheduler_pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import Refused

#: Allocation requests, as Placement writes them.
Candidates = Sequence[Mapping[str, Any]]


class PlacementCandidates:
    """Placement's answers for one request.

    Why a host has no candidate is found condition by condition, with one
    request each for all hosts, and only on demand.

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
            try:
                answer = client.get(f'/allocation_candidates?{text}')
            except Refused as error:
                # A trait or class that it does not know.
                self.refused = str(error)
                continue
            requests = answer['allocation_requests']
            self.total += len(requests)
            for request in requests:
                for provider in request['allocations']:
                    self._by_provider[provider].append(request)
            self.summaries.update(answer['provider_summaries'])
        self._probes: list[tuple[Blocker, frozenset[str]]] | None = None
        self._amounts: Mapping[str, Any] | None = None

    def candidates(self, compute: str) -> Candidates:
        """The candidates on a compute node, by its uuid."""
        return self._by_provider.get(compute, ())

    def blockers(self, compute: str) -> tuple[Blocker, ...]:
        """Why a compute node has no candidate; empty for one that has."""
        if self.candidates(compute):
            return ()
        if self._probes is None:
            self._probes = list(self._ask())
        blockers = tuple(
            self._counted(blocker, compute)
            for blocker, met in self._probes
            if compute not in met
        )
        if blockers:
            return blockers
        what = (
            'devices or other resources that are asked in groups of their own'
            if self.query.granular
            else 'what is asked, taken together'
        )
        text = self.refused or f'Placement has no candidate for {what}'
        return (Blocker(PLACEMENT, 'candidates', text),)

    def _ask(self) -> Iterator[tuple[Blocker, frozenset[str]]]:
        """Each condition by itself, with the providers that meet it."""
        query = self.query
        disabling = scheduler_pipeline.disabling_trait()
        for trait in sorted(query.forbidden, key=lambda t: t != disabling):
            text = f'it has the trait {trait}, which is forbidden'
            condition = f'{TRAIT}{trait}'
            if trait == disabling:
                text, condition = 'nova-compute is disabled', 'disabled'
            blocker = Blocker(PLACEMENT, condition, text)
            yield blocker, self._listed(required=f'!{trait}')
        for trait in sorted(query.required):
            text = f'it lacks the trait {trait}'
            blocker = Blocker(PLACEMENT, f'{TRAIT}{trait}', text)
            yield blocker, self._listed(required=trait)
        if query.in_tree:
            blocker = Blocker(PLACEMENT, 'host', 'another host is asked for')
            yield blocker, self._listed(in_tree=query.in_tree)
        text = (
            'it is in none of the aggregates that are asked for, by '
            'availability zone, project or image'
        )
        for group in query.aggregates:
            blocker = Blocker(PLACEMENT, 'aggregate', text)
            yield (
                blocker,
                self._listed(member_of='in:' + ','.join(sorted(group))),
            )
        if query.forbidden_aggregates:
            names = ','.join(sorted(query.forbidden_aggregates))
            text = 'it is in an aggregate that is reserved for other instances'
            blocker = Blocker(PLACEMENT, 'aggregate', text)
            yield blocker, self._listed(member_of=f'!in:{names}')
        for name, amount in sorted(query.resources.items()):
            blocker = Blocker(PLACEMENT, name, '', asked=amount)
            yield blocker, self._listed(resources=f'{name}:{amount}')

    def _listed(self, **params: str) -> frozenset[str]:
        try:
            answer = self._client.get('/resource_providers', **params)
        except Refused:
            # A name that Placement does not know: no provider has it.
            return frozenset()
        return frozenset(
            provider['uuid'] for provider in answer['resource_providers']
        )

    def _counted(self, blocker: Blocker, compute: str) -> Blocker:
        """A blocker with the amount that is free of its resource."""
        if blocker.asked is None:
            return blocker
        name, amount = blocker.condition, blocker.asked
        free = self._free(compute, name)
        if free is None:
            text = f'not enough {name} in Placement for {amount}'
        elif free >= amount:
            text = (
                f'{amount} {name} are not allowed for one instance there '
                '(min_unit, max_unit, step_size in Placement)'
            )
        else:
            text = f'{free} of {amount} {name} in Placement'
        return Blocker(PLACEMENT, name, text, None, amount, free)

    def _free(self, compute: str, name: str) -> int | None:
        """What is free of a resource, None where that is unknown."""
        if self._amounts is None:
            # Every compute node with any memory left, in one request.
            answer = self._client.get(
                '/allocation_candidates', resources='MEMORY_MB:1'
            )
            self._amounts = answer['provider_summaries']
        summary = self._amounts.get(compute)
        if summary is None:
            return 0 if name == 'MEMORY_MB' else None
        known = summary['resources'].get(name)
        if known is None:
            return 0
        return max(0, int(known['capacity']) - int(known['used']))
