"""Survey Placement alone: the published trees."""

from collections.abc import Collection
import datetime

from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.incremental_read import refresh
from nfv_sched.placement.incremental_read import TreeView
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey

_NEVER = (
    'which CPUs are free and which instance has the others: Placement has '
    'counts per NUMA node',
    'which instances are on a host, and which devices they have',
    'whether a nova-compute is enabled and up',
    'availability zones',
    'how old the usage is: it is that of the last publishing',
    'hosts that were never published',
)


def view_of(
    client: PlacementClient, uuids: Collection[str] | None = None
) -> TreeView:
    """All published trees, also those that cannot be used.

    :param uuids: of the compute nodes whose trees are read, instead of all
    :raises nfv_sched.placement.errors.PlacementError: Placement does not
        answer, or not correctly
    """
    return refresh(client, TreeView(), uuids)


def read(client: PlacementClient) -> Survey:
    """Survey the published trees. Nothing is written.

    :raises nfv_sched.placement.errors.PlacementError: Placement does not
        answer, or not correctly
    """
    view = view_of(client)
    hosts = [
        HostSurvey(held.host.name, held.host)
        for held in view.trees.values()
        if held.host is not None
    ]
    problems = [
        f'tree {held.listed.name}: {type(held.error).__name__}: {held.error}'
        for held in view.trees.values()
        if held.error is not None
    ]
    if view.truncated:
        number = len(view.truncated)
        problems.append(
            f'{"1 tree is" if number == 1 else f"{number} trees are"} '
            'missing from the answer: [placement] max_allocation_candidates '
            'of the server is too low'
        )
    return Survey(
        Source.PLACEMENT,
        datetime.datetime.now(datetime.UTC),
        tuple(sorted(hosts, key=lambda host: host.topology.name)),
        tuple(sorted(problems)),
        _NEVER,
    )
