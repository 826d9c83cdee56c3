"""Remove trees, resource classes and traits of ours from Placement.

Names that other clients use as well are kept: the ``CUSTOM_PHYSNET_`` traits
that their providers have, such as neutron's, and the standard classes and
traits, which Placement does not delete anyway.
"""

from collections.abc import Container
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses

from nfv_sched.placement import api
from nfv_sched.placement import schema
from nfv_sched.placement.apply_calls import apply
from nfv_sched.placement.apply_calls import read_tree
from nfv_sched.placement.apply_calls import read_usage
from nfv_sched.placement.apply_calls import TreeState
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.codec import compute_uuid
from nfv_sched.placement.diff import plan_removal
from nfv_sched.placement.errors import NotFound
from nfv_sched.placement.errors import Refused


@dataclasses.dataclass(frozen=True, slots=True)
class Removal:
    """One thing to remove: a ``tree``, a ``class`` or a ``trait``.

    ``problem`` says why it is still there although it is ours, ``kept`` why
    it stays with others; both are None where it is removed.
    """

    kind: str
    name: str
    problem: str | None = None
    kept: str | None = None


def remove_tree(client: PlacementClient, root: str) -> bool:
    """Remove the tree of ``root``; False if it is not one of ours.

    :raises Refused: another client uses or changes the tree. It is then
        partly removed, and still found by its root.
    """
    summaries = api.summaries(client, in_tree=root).get(root, {})
    if root not in summaries or compute_uuid(root, summaries[root]) is None:
        return False
    present = read_tree(client, root)
    usage = read_usage(client, root)
    state = TreeState.of(present, usage)
    for call in plan_removal(root, present, usage.allocations):
        apply(client, call, state)
    return True


def try_remove_tree(client: PlacementClient, root: str) -> str | None:
    """Remove the tree of ``root``; the reason if it is still there."""
    try:
        if remove_tree(client, root) or not api.tree_of(client, root):
            return None
    except Refused as error:
        return str(error)
    return 'not a tree of ours'


def prune(
    client: PlacementClient, keep: Iterable[str]
) -> dict[str, str | None]:
    """Remove our trees of all compute nodes but ``keep``.

    A tree outlives its compute node unless it is removed here.

    :param keep: uuids of every compute node of every Nova cell
    :returns: results of :func:`try_remove_tree` by the root's name
    """
    kept = {schema.root_uuid(uuid) for uuid in keep}
    roots = api.roots(client)
    return {
        roots[uuid].name: try_remove_tree(client, uuid)
        for uuid in sorted(roots.keys() - kept)
    }


def removable(client: PlacementClient) -> list[Removal]:
    """What :func:`purge` would remove, in order; Placement is only read.

    :raises PlacementError: Placement does not answer, or not correctly
    """
    roots = api.roots(client)
    trees = [Removal('tree', listed.name) for listed in roots.values()]
    return [
        *sorted(trees, key=lambda tree: tree.name),
        *(_unless_used(client, name, roots) for name in _names(client)),
    ]


def purge(client: PlacementClient) -> Iterator[Removal]:
    """Remove everything of ours, and yield the result for each thing.

    What another client uses or changes meanwhile stays, with a problem.

    :raises PlacementError: Placement does not answer, or not correctly
    """
    roots = api.roots(client)
    for uuid, listed in sorted(roots.items(), key=lambda item: item[1].name):
        yield Removal('tree', listed.name, try_remove_tree(client, uuid))
    left = api.roots(client)
    for name in _names(client):
        removal = _unless_used(client, name, left)
        if removal.kept is None:
            problem = _delete_name(client, name)
            removal = dataclasses.replace(name, problem=problem)
        yield removal


def _unless_used(
    client: PlacementClient, name: Removal, roots: Container[str]
) -> Removal:
    """What becomes of a name; traits of networks stay with their users.

    :param roots: of our trees
    """
    if not name.name.startswith(schema.PHYSNET):
        return name
    users = [
        provider.name
        for provider in api.providers_with(client, name.name)
        if provider.root not in roots
    ]
    if not users:
        return name
    more = len(users) - 1
    text = (
        f'{users[0]} and {more} more have it' if more else f'{users[0]} has it'
    )
    return dataclasses.replace(name, kept=text)


def _names(client: PlacementClient) -> list[Removal]:
    classes, traits = api.custom_names(client)
    return [
        Removal(kind, name)
        for kind, names in (('class', classes), ('trait', traits))
        for name in sorted(names)
        if name.startswith(schema.NAMESPACE)
        or (kind == 'trait' and name.startswith(schema.PHYSNET))
    ]


def _delete_name(client: PlacementClient, removal: Removal) -> str | None:
    try:
        api.delete_name(client, removal.kind, removal.name)
    except NotFound:
        return None
    except Refused as error:
        # In use by a provider that is not ours, or by a tree that stayed.
        return str(error)
    return None
