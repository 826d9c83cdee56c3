"""A survey of Placement alone: the published trees, for whom has no more."""

import datetime

from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.incremental_read import refresh
from nfv_sched.placement.incremental_read import TreeView
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey

_NEVER = (
    'which CPUs are free and which guest has them: Placement counts, cell by '
    'cell',
    'which guests live where, and which devices they have',
    'whether a nova-compute is enabled and up',
    'availability zones',
    'how fresh the usage is: it is that of the last publishing',
    'hosts that were never published',
)


def view_of(client: PlacementClient) -> TreeView:
    """All published trees, good and bad.

    :raises nfv_sched.placement.errors.PlacementError: no answer
    """
    return refresh(client, TreeView())


def read(client: PlacementClient) -> Survey:
    """Survey what is published. Nothing is written.

    :raises nfv_sched.placement.errors.PlacementError: no answer
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
        problems.append(
            f'{len(view.truncated)} trees are left out of the answer: '
            '[placement] max_allocation_candidates of the server is too low'
        )
    return Survey(
        Source.PLACEMENT,
        datetime.datetime.now(datetime.UTC),
        tuple(sorted(hosts, key=lambda one: one.topology.name)),
        tuple(sorted(problems)),
        _NEVER,
    )
