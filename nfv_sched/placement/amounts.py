"""The capacity and use of all trees with free memory, in one request.

Placement's generations do not move where allocations are deleted: amounts
show that.
"""

from collections.abc import Mapping
from typing import Any

from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import BadAnswer

#: The request, and what :class:`nfv_sched.dryrun.provider_trees.ProviderTrees`
#: asks, too.
PATH = '/allocation_candidates'
PARAMS = {'resources': 'MEMORY_MB:1'}

#: By provider: traits, and capacity and use by class.
Amounts = Mapping[str, tuple[object, ...]]


def answer(client: PlacementClient) -> dict[str, Any]:
    """Placement's answer: every tree that has memory left.

    :raises nfv_sched.placement.errors.PlacementError: no answer
    """
    return client.get(PATH, **PARAMS)


def by_root(read: Mapping[str, Any]) -> dict[str, Amounts]:
    """The amounts of an answer, by the uuid of the root provider.

    :raises BadAnswer: it is malformed
    """
    found: dict[str, dict[str, tuple[object, ...]]] = {}
    try:
        for uuid, summary in read['provider_summaries'].items():
            found.setdefault(summary['root_provider_uuid'], {})[uuid] = (
                hash(frozenset(summary['traits'])),
                tuple(
                    sorted(
                        (name, value['capacity'], value['used'])
                        for name, value in summary['resources'].items()
                    )
                ),
            )
    except (LookupError, TypeError, AttributeError) as error:
        text = f'malformed answer: {type(error).__name__}: {error}'
        raise BadAnswer(text) from error
    return dict(found)
