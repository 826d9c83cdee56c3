"""Wanted tree, present tree -> the calls that make one the other, purely.

It deliberately does not look at usage when it compares trees, does not
touch providers that are not ours, and does not know generations: whoever
carries the calls out adds those that it read with the present tree.
"""

from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import enum
from typing import Any

from nfv_sched.placement import schema
from nfv_sched.placement.tree import Allocations
from nfv_sched.placement.tree import Inventory
from nfv_sched.placement.tree import Provider
from nfv_sched.placement.tree import Tree


class CallKind(enum.StrEnum):
    """What a call writes, which decides where its generation goes."""

    PROVIDER = 'provider'
    INVENTORIES = 'inventories'
    TRAITS = 'traits'
    REMOVAL = 'removal'
    USAGE = 'usage'


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One write. ``uuid`` is the provider, or the consumer for usage.

    ``body`` lacks the generation, which the caller of Placement adds.
    """

    kind: CallKind
    method: str
    path: str
    uuid: str
    name: str
    body: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        return f'{self.method} {self.path}  ({self.kind} of {self.name})'


@dataclasses.dataclass(frozen=True, slots=True)
class Present:
    """One provider as it is."""

    uuid: str
    name: str
    parent: str | None
    generation: int
    inventories: Mapping[str, Inventory]
    traits: frozenset[str]


#: A tree as it is, by provider uuid; empty if there is none.
PresentTree = Mapping[str, Present]


def plan(tree: Tree, present: PresentTree, usage: Allocations) -> list[Call]:
    """The calls that make ``present`` into ``tree``, in order.

    ``usage`` are the present allocations of our consumer. Children come
    first, the root's digest last, then usage: a reader that comes between
    sees that the tree is torn. Whatever is written, the root is written,
    too, so that its generation tells readers to look again.
    """
    children = [
        call
        for provider in tree.providers[1:]
        for call in _provider(provider, present.get(provider.uuid))
    ]
    unwanted = _unwanted(tree, present)
    children += map(_removal, unwanted)
    extra: list[Call] = []
    if tree.supplement is not None:
        have = present.get(tree.supplement.uuid)
        extra = _sealed_last(tree.supplement, have)
    root = _sealed_last(tree.root, present.get(tree.root.uuid))
    if (children or extra) and not any(
        c.kind is CallKind.INVENTORIES for c in root
    ):
        root.append(_inventories(tree.root))
    first = [c for c in root if c.kind is CallKind.PROVIDER]
    traits = [c for c in root if c.kind is CallKind.TRAITS]
    last = [c for c in root if c.kind is CallKind.INVENTORIES]
    room = _released(tree, present, usage, {one.uuid for one in unwanted})
    before = plan_usage(tree, usage, room)
    return [
        *before,
        *first,
        *children,
        *traits,
        # While the rest is torn, so that nobody sees it with the old rest.
        *extra,
        *last,
        *plan_usage(tree, room if before else usage, tree.usage),
    ]


def plan_supplement(
    root: str, wanted: Provider | None, present: PresentTree
) -> list[Call]:
    """The calls that make ``wanted`` what sysfs adds to the tree ``root``.

    The root is written as it is, so that its generation tells readers to
    look again; all else is left alone. ``root`` must be present.
    """
    have = present.get(schema.supplement_uuid(root))
    if wanted is not None:
        calls = _sealed_last(wanted, have)
    else:
        calls = [] if have is None else [_removal(have)]
    if calls:
        one = present[root]
        same = Provider(one.uuid, one.name, None, one.inventories, one.traits)
        calls.append(_inventories(same))
    return calls


def plan_usage(
    tree: Tree, present: Allocations, wanted: Allocations
) -> list[Call]:
    """The one call that makes our consumer's allocations ``wanted``."""
    if present == wanted:
        return []
    consumer = schema.usage_uuid(tree.root.uuid)
    body = {
        'allocations': {
            uuid: {'resources': dict(amounts)}
            for uuid, amounts in wanted.items()
        },
        'project_id': 'nfv_sched',
        'user_id': 'nfv_sched',
        'consumer_type': 'NFV_USAGE',
    }
    path = f'/allocations/{consumer}'
    name = tree.root.name
    return [Call(CallKind.USAGE, 'PUT', path, consumer, name, body)]


def plan_removal(
    root: str, present: PresentTree, usage: Allocations
) -> list[Call]:
    """The calls that remove the whole tree of ``root``, children first."""
    name = present[root].name
    gone = Tree(name, '', (Provider(root, name, None, {}, frozenset()),), {})
    order = sorted(
        present.values(), key=lambda one: _depth(one, present), reverse=True
    )
    return [
        *plan_usage(gone, usage, {}),
        *map(_removal, order),
    ]


def _provider(wanted: Provider, present: Present | None) -> Iterator[Call]:
    path = f'/resource_providers/{wanted.uuid}'
    if present is None:
        body: dict[str, Any] = {'name': wanted.name, 'uuid': wanted.uuid}
        if wanted.parent:
            body['parent_provider_uuid'] = wanted.parent
        yield Call(
            CallKind.PROVIDER,
            'POST',
            '/resource_providers',
            wanted.uuid,
            wanted.name,
            body,
        )
    elif (present.name, present.parent) != (wanted.name, wanted.parent):
        body = {'name': wanted.name, 'parent_provider_uuid': wanted.parent}
        yield Call(
            CallKind.PROVIDER, 'PUT', path, wanted.uuid, wanted.name, body
        )
    if (present.inventories if present else {}) != wanted.inventories:
        yield _inventories(wanted)
    have = present.traits if present else frozenset()
    # Traits that others set on our providers stay: they do no harm.
    foreign = frozenset(t for t in have if not schema.is_ours(t))
    if have - foreign != wanted.traits:
        yield Call(
            CallKind.TRAITS,
            'PUT',
            f'{path}/traits',
            wanted.uuid,
            wanted.name,
            {'traits': sorted(wanted.traits | foreign)},
        )


def _sealed_last(wanted: Provider, present: Present | None) -> list[Call]:
    """The calls for a provider whose inventories are the digest of others.

    Elsewhere the traits come last.
    """
    calls = list(_provider(wanted, present))
    # Traits alone leave a digest that does not match, or none.
    return sorted(calls, key=lambda call: call.kind is CallKind.INVENTORIES)


def _inventories(provider: Provider) -> Call:
    return Call(
        CallKind.INVENTORIES,
        'PUT',
        f'/resource_providers/{provider.uuid}/inventories',
        provider.uuid,
        provider.name,
        {
            'inventories': {
                name: dataclasses.asdict(inventory)
                for name, inventory in sorted(provider.inventories.items())
            }
        },
    )


def _removal(one: Present) -> Call:
    return Call(
        CallKind.REMOVAL,
        'DELETE',
        f'/resource_providers/{one.uuid}',
        one.uuid,
        one.name,
    )


def _unwanted(tree: Tree, present: PresentTree) -> list[Present]:
    """Providers of ours that the tree has no more, children first."""
    wanted = {provider.uuid for provider in tree.providers}
    # That belongs to the publisher on the host itself.
    wanted.add(schema.supplement_uuid(tree.root.uuid))
    root = present.get(tree.root.uuid)
    prefix = f'{root.name}:' if root else '\0'
    gone = [
        one
        for one in present.values()
        if one.uuid not in wanted
        and (
            # A publisher that was cut short left it without traits.
            one.name.startswith(prefix) or any(map(schema.is_ours, one.traits))
        )
    ]
    return sorted(gone, key=lambda o: _depth(o, present), reverse=True)


def _depth(one: Present, present: PresentTree) -> int:
    depth = 0
    while one.parent is not None and one.parent in present:
        one = present[one.parent]
        depth += 1
    return depth


def _released(
    tree: Tree, present: PresentTree, usage: Allocations, gone: set[str]
) -> Allocations:
    """``usage`` without all that keeps inventories from being removed."""
    wanted = {p.uuid: p.inventories for p in tree.providers}
    kept = {}
    for uuid, amounts in usage.items():
        if uuid in present and uuid not in gone:
            left = {
                name: amount
                for name, amount in amounts.items()
                if name in wanted.get(uuid, {})
            }
            if left:
                kept[uuid] = left
    return kept
