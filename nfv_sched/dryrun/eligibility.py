"""The hosts that nothing but room excludes, whatever is on them now.

Moves change what is free: a host that has no room for an instance may have
it once others have left. What they do not change is decided here: traits,
aggregates, zones, disabled services, and filters that look at neither
amounts nor server groups.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched.dryrun import stock_filters
from nfv_sched.dryrun.blockers import uses_candidates
from nfv_sched.dryrun.provider_trees import ProviderTrees
from nfv_sched.fit.candidates import Candidate
from nfv_sched.nova import scheduler_pipeline
from nfv_sched.nova.scheduler_pipeline import FilterStep
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.placement import candidate_request
from nfv_sched.placement import matching
from nfv_sched.placement.candidate_request import CandidateRequest
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.provider_tree import HostTree
from nfv_sched.placement.provider_tree import ProviderState
from nfv_sched.scheduler.cycle import RequestCycle

#: The filters of server groups, by policy.
GROUP_FILTERS = {
    'affinity': 'ServerGroupAffinityFilter',
    'anti-affinity': 'ServerGroupAntiAffinityFilter',
}
#: The most candidates of a host that are found.
MAX_CANDIDATES = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Eligibility:
    """What is known of a request without the room that hosts have.

    ``requests`` are what it asks of Placement, in the order of the queries.
    ``excluded`` says, by node name, why a filter or the request itself
    excludes a host.
    """

    cycle: RequestCycle
    requests: tuple[CandidateRequest, ...]
    excluded: Mapping[str, str]

    def candidates(self, tree: HostTree) -> list[Candidate]:
        """The candidates that a host would have if it were empty."""
        empty = dataclasses.replace(
            tree,
            own=_without_use(tree.own),
            shared=_without_use(tree.shared),
        )
        return [
            candidate
            for request in self.requests
            for candidate in matching.candidates(
                empty, request, MAX_CANDIDATES
            )
        ]


def _without_use(
    providers: Mapping[str, ProviderState],
) -> dict[str, ProviderState]:
    return {
        uuid: dataclasses.replace(provider, used={})
        for uuid, provider in providers.items()
    }


def excluded(
    states: Sequence[HostState],
    steps: Sequence[FilterStep],
    spec: RequestSpec,
) -> dict[str, str]:
    """Why the request or a filter excludes hosts, by node name."""
    found: dict[str, str] = {}
    for state in states:
        why = scheduler_pipeline.excluded_by_request(spec, state)
        if why is not None:
            found[str(state.nodename)] = why
    for step in steps:
        if uses_candidates(step) or step.name in GROUP_FILTERS.values():
            continue
        passing = step.passing(states, spec)
        for state in states:
            if id(state) not in passing:
                found.setdefault(
                    str(state.nodename),
                    stock_filters.rejection_text(step.name, state, spec),
                )
    return found


def requests_of(
    query: scheduler_pipeline.PlacementQuery,
) -> tuple[CandidateRequest, ...]:
    """What the queries of a request ask."""
    return tuple(map(candidate_request.parse, query.queries))


def trees_for(
    client: PlacementClient, eligibilities: Sequence[Eligibility]
) -> ProviderTrees:
    """The provider trees of hosts, read once for several requests."""
    return ProviderTrees(
        client,
        CandidateRequest(
            tuple(
                group
                for each in eligibilities
                for request in each.requests
                for group in request.groups
            )
        ),
    )
