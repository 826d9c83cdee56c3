"""Filters that instances' own hosts have to pass: what no claim shows.

Only what can be judged truly while the instance is on the host: filters that
compare the request with the configuration of the host and its aggregates,
the availability zone, and server groups. Others count what the instance
itself uses, look at the state of nova-compute, or are of another package.
"""

import collections
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched.dryrun import stock_filters
from nfv_sched.dryrun.eligibility import GROUP_FILTERS
from nfv_sched.nova import server_group
from nfv_sched.nova import stored_requests
from nfv_sched.nova.scheduler_pipeline import outside_zone
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.nova.types import HostState
from nfv_sched.survey.values import HostSurvey

#: Nova's filters of that kind.
JUDGED_FILTERS = frozenset(
    (
        'AggregateImagePropertiesIsolation',
        'AggregateInstanceExtraSpecsFilter',
        'AggregateMultiTenancyIsolation',
        'AggregateTypeAffinityFilter',
        'ImagePropertiesFilter',
        'IsolatedHostsFilter',
    )
)


@dataclasses.dataclass(frozen=True, slots=True)
class Rejection:
    """Why an instance's own host would not be chosen for it again.

    ``filter`` is its name, None for the availability zone, which Nova has
    Placement check.
    """

    filter: str | None
    text: str


def rejections(
    pipeline: Pipeline, hosts: Sequence[HostSurvey]
) -> dict[str, list[Rejection]]:
    """What rejects the own hosts of instances, by instance.

    Instances whose stored request is missing or malformed are left out.

    :raises Exception: whatever a database that is down raises
    """
    inhabited = [host for host in hosts if host.residents]
    only = {host.topology.uuid: host.host for host in inhabited}
    states = {str(state.uuid): state for state in pipeline.states(only)}
    here = {
        instance.uuid: state
        for host in inhabited
        if (state := states.get(host.topology.uuid)) is not None
        for instance in host.residents or ()
    }
    found: dict[str, list[Rejection]] = collections.defaultdict(list)
    for uuid, rejection in (
        *_of_requests(pipeline, here),
        *_of_groups(pipeline, here),
    ):
        found[uuid].append(rejection)
    return dict(found)


def _of_requests(
    pipeline: Pipeline, here: Mapping[str, HostState]
) -> Iterator[tuple[str, Rejection]]:
    """What zones and filters reject, once for equal requests on a host."""
    steps = [step for step in pipeline.filters if step.name in JUDGED_FILTERS]
    for spec, uuids in stored_requests.read_specs(pipeline.context, here):
        states = {id(here[uuid]): here[uuid] for uuid in uuids}
        rejected: dict[int, list[Rejection]] = collections.defaultdict(list)
        for state in states.values():
            if text := outside_zone(spec, state):
                rejected[id(state)].append(Rejection(None, text))
        for step in steps:
            passing = step.passing(list(states.values()), spec)
            for key in states.keys() - passing:
                text = stock_filters.rejection_text(
                    step.name, states[key], spec
                )
                rejected[key].append(Rejection(step.name, text))
        for uuid in uuids:
            for rejection in rejected[id(here[uuid])]:
                yield uuid, rejection


def _of_groups(
    pipeline: Pipeline, here: Mapping[str, HostState]
) -> Iterator[tuple[str, Rejection]]:
    enabled = {step.name for step in pipeline.filters}
    policies = [
        policy for policy, name in GROUP_FILTERS.items() if name in enabled
    ]
    hosts = {uuid: state.host for uuid, state in here.items()}
    for uuid, policy, text in server_group.violations(
        pipeline.context, hosts, policies
    ):
        yield uuid, Rejection(GROUP_FILTERS[policy], text)
