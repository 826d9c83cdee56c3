"""Leave Placement as if we had never been there.

It deliberately keeps names that others may use, too: ``CUSTOM_PHYSNET_``
traits and the standard classes and traits, which nobody may delete anyhow.
"""

from collections.abc import Iterator
import dataclasses

from nfv_sched.placement import api
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import NotFound
from nfv_sched.placement.errors import Refused
from nfv_sched.placement.publisher import removed


@dataclasses.dataclass(frozen=True, slots=True)
class Removal:
    """One thing to remove: a ``tree``, a ``class`` or a ``trait``.

    ``problem`` says why it is still there; None where it is gone.
    """

    kind: str
    name: str
    problem: str | None = None


def removable(client: PlacementClient) -> list[Removal]:
    """What there is to remove, in order; Placement is only read.

    :raises PlacementError: Placement does not answer, or answers rubbish
    """
    trees = [
        Removal('tree', listed.name) for listed in api.roots(client).values()
    ]
    return [*sorted(trees, key=lambda one: one.name), *_names(client)]


def purge(client: PlacementClient) -> Iterator[Removal]:
    """Remove all of it, telling of each thing as it goes.

    What somebody else uses or changes meanwhile is left, and told.

    :raises PlacementError: Placement does not answer, or answers rubbish
    """
    roots = api.roots(client)
    for uuid, listed in sorted(roots.items(), key=lambda one: one[1].name):
        yield Removal('tree', listed.name, removed(client, uuid))
    for one in _names(client):
        yield dataclasses.replace(one, problem=_delete(client, one))


def _names(client: PlacementClient) -> list[Removal]:
    classes, traits = api.custom_names(client)
    return [
        Removal(kind, name)
        for kind, names in (('class', classes), ('trait', traits))
        for name in sorted(names)
        if name.startswith(schema.NAMESPACE)
    ]


def _delete(client: PlacementClient, one: Removal) -> str | None:
    try:
        api.delete_name(client, one.kind, one.name)
    except NotFound:
        return None
    except Refused as error:
        # In use by a provider that is not ours, or by a tree that stayed.
        return str(error)
    return None
