"""Plan the calls that turn the present tree into the wanted one, purely.

Usage is compared separately from the tree, providers that are not ours stay as
they are, and calls have no generations: :mod:`nfv_sched.placement.apply_calls`
adds those that were read with the present tree.
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
    """What a call writes; the generation's place in its body depends on it."""

    PROVIDER = 'provider'
    INVENTORIES = 'inventories'
    TRAITS = 'traits'
    REMOVAL = 'removal'
    USAGE = 'usage'
    RESHAPE = 'reshape'


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """One write, of the provider or (for usage) the consumer ``uuid``.

    ``body`` has no generation yet. A call of the kind ``RESHAPE`` has
    ``parts`` instead: calls that write the same inventories one by one.
    """

    kind: CallKind
    method: str
    path: str
    uuid: str
    name: str
    body: Mapping[str, Any] | None = None
    parts: tuple['Call', ...] = ()

    def __str__(self) -> str:
        return f'{self.method} {self.path}  ({self.kind} of {self.name})'


@dataclasses.dataclass(frozen=True, slots=True)
class Present:
    """One provider as it is in Placement."""

    uuid: str
    name: str
    parent: str | None
    generation: int
    inventories: Mapping[str, Inventory]
    traits: frozenset[str]


#: A tree as it is in Placement, by provider uuid; empty if it does not exist.
PresentTree = Mapping[str, Present]


def plan(tree: Tree, present: PresentTree, usage: Allocations) -> list[Call]:
    """The calls that turn ``present`` into ``tree``, in order.

    Children are written first, the root's digest after them, usage last: a
    reader in between sees that the tree is incomplete. The root is written
    with every change, so that its generation shows readers the change.
    The inventories of several providers are one call.

    :param usage: the present allocations of our consumer
    """
    children = [
        call
        for provider in tree.providers[1:]
        for call in _provider(provider, present.get(provider.uuid))
    ]
    unwanted = _unwanted(tree, present)
    children += map(_removal, unwanted)
    supplement: list[Call] = []
    if tree.supplement is not None:
        present_supplement = present.get(tree.supplement.uuid)
        supplement = _digest_last(tree.supplement, present_supplement)
    root = _digest_last(tree.root, present.get(tree.root.uuid))
    if (children or supplement) and not any(
        call.kind is CallKind.INVENTORIES for call in root
    ):
        root.append(_inventories(tree.root))
    provider = [call for call in root if call.kind is CallKind.PROVIDER]
    created = provider if tree.root.uuid not in present else []
    # The digest does not cover the name: a tree is renamed while it is
    # incomplete, so that no reader sees old hardware by the new name.
    renamed = [] if created else provider
    traits = [call for call in root if call.kind is CallKind.TRAITS]
    last = [call for call in root if call.kind is CallKind.INVENTORIES]
    kept = _kept_usage(
        tree, present, usage, {provider.uuid for provider in unwanted}
    )
    release = plan_usage(tree, usage, kept)
    hardware = [
        *created,
        *children,
        *traits,
        # While the tree is incomplete: no reader combines the new supplement
        # with the old tree.
        *supplement,
        *renamed,
        *last,
    ]
    if not renamed:
        # Otherwise the inventories below the root make the tree incomplete
        # before it is renamed: they cannot wait for those of the root.
        hardware = _reshaped(tree.root, hardware)
    return [
        *release,
        *hardware,
        *plan_usage(tree, kept if release else usage, tree.usage),
    ]


def _reshaped(root: Provider, calls: list[Call]) -> list[Call]:
    """``calls`` with all inventories in one call at the end.

    Placement has no such call for providers and traits. It could write our
    consumer's allocations as well, but would then lock a range of Nova's
    allocations until all inventories are written (MySQL's gap locks): claims
    of instances would wait, and of two such calls one would fail.
    """
    parts = tuple(call for call in calls if call.kind is CallKind.INVENTORIES)
    if len(parts) < 2:
        return calls
    others = [call for call in calls if call.kind is not CallKind.INVENTORIES]
    reshape = Call(
        CallKind.RESHAPE,
        'POST',
        '/reshaper',
        root.uuid,
        root.name,
        parts=parts,
    )
    return [*others, reshape]


def plan_supplement(
    root: str, wanted: Provider | None, present: PresentTree
) -> list[Call]:
    """The calls that make ``wanted`` the supplement of the tree ``root``.

    The root is written unchanged, so that its generation shows readers the
    change; the other providers are not written. ``root`` must be present.

    :param wanted: None removes a present supplement
    """
    supplement = present.get(schema.supplement_uuid(root))
    if wanted is not None:
        calls = _digest_last(wanted, supplement)
    else:
        calls = [] if supplement is None else [_removal(supplement)]
    if calls:
        current = present[root]
        unchanged = Provider(
            current.uuid,
            current.name,
            None,
            current.inventories,
            current.traits,
        )
        calls.append(_inventories(unchanged))
    return calls


def plan_usage(
    tree: Tree, present: Allocations, wanted: Allocations
) -> list[Call]:
    """The call, if any, that makes our consumer's allocations ``wanted``."""
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
    empty = Tree(name, '', (Provider(root, name, None, {}, frozenset()),), {})
    order = sorted(
        present.values(),
        key=lambda provider: _depth(provider, present),
        reverse=True,
    )
    return [
        *plan_usage(empty, usage, {}),
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
    traits = present.traits if present else frozenset()
    # Traits that other clients set on our providers stay: they do no harm.
    foreign = frozenset(trait for trait in traits if not schema.is_ours(trait))
    if traits - foreign != wanted.traits:
        yield Call(
            CallKind.TRAITS,
            'PUT',
            f'{path}/traits',
            wanted.uuid,
            wanted.name,
            {'traits': sorted(wanted.traits | foreign)},
        )


def _digest_last(wanted: Provider, present: Present | None) -> list[Call]:
    """The calls for a provider whose inventories hold a digest, traits first.

    Between the two writes the digest is missing or does not match.
    """
    calls = list(_provider(wanted, present))
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


def _removal(provider: Present) -> Call:
    return Call(
        CallKind.REMOVAL,
        'DELETE',
        f'/resource_providers/{provider.uuid}',
        provider.uuid,
        provider.name,
    )


def _unwanted(tree: Tree, present: PresentTree) -> list[Present]:
    """Present providers of ours that are not in ``tree``, children first."""
    wanted = {provider.uuid for provider in tree.providers}
    # The supplement belongs to the publisher on the host itself.
    wanted.add(schema.supplement_uuid(tree.root.uuid))
    root = present.get(tree.root.uuid)
    prefix = f'{root.name}:' if root else '\0'
    unwanted = [
        provider
        for provider in present.values()
        if provider.uuid not in wanted
        and (
            # It has no traits yet if its publisher was interrupted.
            provider.name.startswith(prefix)
            or any(map(schema.is_ours, provider.traits))
        )
    ]
    return sorted(
        unwanted,
        key=lambda provider: _depth(provider, present),
        reverse=True,
    )


def _depth(provider: Present, present: PresentTree) -> int:
    depth = 0
    while provider.parent is not None and provider.parent in present:
        provider = present[provider.parent]
        depth += 1
    return depth


def _kept_usage(
    tree: Tree, present: PresentTree, usage: Allocations, unwanted: set[str]
) -> Allocations:
    """``usage`` without the allocations of inventories to be removed."""
    inventories = {p.uuid: p.inventories for p in tree.providers}
    kept = {}
    for uuid, amounts in usage.items():
        if uuid in present and uuid not in unwanted:
            remaining = {
                name: amount
                for name, amount in amounts.items()
                if name in inventories.get(uuid, {})
            }
            if remaining:
                kept[uuid] = remaining
    return kept
