"""The calls of Placement's API that nfv_sched uses, with checked answers."""

from collections.abc import Mapping
import dataclasses
from typing import Any
from typing import TypeVar
import urllib.parse

from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import BadAnswer
from nfv_sched.placement.errors import NotFound
from nfv_sched.placement.errors import Refused
from nfv_sched.placement.gc_pauses import defer_full_collections
from nfv_sched.placement.tree import Inventory
from nfv_sched.placement.tree import Summary

T = TypeVar('T')

_SENTINEL = f'{schema.TOPOLOGY}:1'
# Of providers whose interfaces have VFs for ports: neutron's agents set it.
_DIRECT = 'CUSTOM_VNIC_TYPE_DIRECT'
#: The trait of Nova's providers of PCI devices.
_MANAGED_PCI = 'COMPUTE_MANAGED_PCI_DEVICE'
#: That of a device which Nova reserves once an instance had it.
_ONE_TIME_USE = 'HW_PCI_ONE_TIME_USE'


@dataclasses.dataclass(frozen=True, slots=True)
class ListedProvider:
    """A provider as ``GET /resource_providers`` shows it."""

    uuid: str
    name: str
    generation: int
    parent: str | None
    root: str


@dataclasses.dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer's allocations; ``generation`` is None for a new consumer."""

    allocations: Mapping[str, Mapping[str, int]]
    generation: int | None


_CLASS = 'class'
_TRAIT = 'trait'
_PATHS = {_CLASS: '/resource_classes', _TRAIT: '/traits'}


def _typed(kind: type[T], value: object, subject: str) -> T:
    """``value``, if it is of this type.

    :raises BadAnswer: it is not
    """
    # bool is an int to Python, but not to Placement.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadAnswer(f'{subject} is {type(value).__name__}')
    return value


def _optional(kind: type[T], value: object, subject: str) -> T | None:
    return None if value is None else _typed(kind, value, subject)


def _amounts(value: object, subject: str) -> dict[str, int]:
    return {
        name: _typed(int, amount, f'amount in {subject}')
        for name, amount in _typed(dict, value, subject).items()
    }


def _list_providers(
    client: PlacementClient, **params: str
) -> list[ListedProvider]:
    rows = client.elements(
        '/resource_providers', 'resource_providers', **params
    )
    providers = []
    for row in rows:
        row = _typed(dict, row, 'provider')  # noqa: PLW2901 - only narrowed
        providers.append(
            ListedProvider(
                _typed(str, row.get('uuid'), 'uuid'),
                _typed(str, row.get('name'), 'name'),
                _typed(int, row.get('generation'), 'generation'),
                _optional(str, row.get('parent_provider_uuid'), 'parent'),
                _typed(str, row.get('root_provider_uuid'), 'root'),
            )
        )
    return providers


def roots(client: PlacementClient) -> dict[str, ListedProvider]:
    """Every root with our sentinel, by uuid."""
    try:
        providers = _list_providers(client, resources=_SENTINEL)
    except Refused as error:
        if error.status != 400 or _sentinel_exists(client):
            raise
        return {}
    return {
        provider.uuid: provider
        for provider in providers
        if provider.uuid == provider.root
    }


def _sentinel_exists(client: PlacementClient) -> bool:
    """Whether anything was ever published.

    Placement refuses a query for a resource class that does not exist.
    """
    try:
        client.get(f'/resource_classes/{schema.TOPOLOGY}')
    except NotFound:
        return False
    return True


def tree_of(client: PlacementClient, root: str) -> dict[str, ListedProvider]:
    """Every provider of the tree of ``root`` by uuid; empty if none exists."""
    return {
        provider.uuid: provider
        for provider in _list_providers(client, in_tree=root)
    }


def bandwidth_provider_names(client: PlacementClient) -> dict[str, str]:
    """The names of providers that neutron's SR-IOV agents create, by uuid.

    Of those with VFs for ports of type ``direct``, which nearly all are.
    """
    providers = _providers_with(client, _DIRECT)
    return {provider.uuid: provider.name for provider in providers}


def one_time_use_providers(client: PlacementClient) -> list[ListedProvider]:
    """The providers of PCI devices that are for one use."""
    return _providers_with(client, _ONE_TIME_USE)


def _providers_with(
    client: PlacementClient, trait: str
) -> list[ListedProvider]:
    """The providers with a trait, which need not exist."""
    try:
        return _list_providers(client, required=trait)
    except Refused as error:
        # Placement refuses a query for a trait that does not exist.
        if error.status != 400 or _trait_exists(client, trait):
            raise
        return []


def unmanaged_providers(client: PlacementClient) -> list[ListedProvider]:
    """All providers but those of PCI devices that Nova manages."""
    try:
        return _list_providers(client, required=f'!{_MANAGED_PCI}')
    except Refused as error:
        # As above. No provider has it, then.
        if error.status != 400 or _trait_exists(client, _MANAGED_PCI):
            raise
        return _list_providers(client)


def _trait_exists(client: PlacementClient, name: str) -> bool:
    try:
        client.get(f'{_PATHS[_TRAIT]}/{_quoted(name)}')
    except NotFound:
        return False
    return True


def provider_name(client: PlacementClient, uuid: str) -> str | None:
    """The name of a provider; None if it does not exist."""
    try:
        answer = client.get(f'/resource_providers/{_quoted(uuid)}')
    except NotFound:
        return None
    return _typed(str, answer.get('name'), 'name')


def provider_named(
    client: PlacementClient, name: str
) -> ListedProvider | None:
    """The provider with exactly this name."""
    return next(iter(_list_providers(client, name=name)), None)


def providers_with(
    client: PlacementClient, trait: str
) -> list[ListedProvider]:
    """All providers with a trait, ours and those of other clients."""
    return list(_list_providers(client, required=trait))


def summaries(
    client: PlacementClient, **params: str
) -> dict[str, dict[str, Summary]]:
    """Summaries of every tree with our sentinel, by root and provider uuid.

    The server's ``[placement] max_allocation_candidates`` truncates the
    answer without an error.

    :param params: ``in_tree`` (a root's uuid) or nothing
    """
    entries = client.entries(
        '/allocation_candidates',
        'provider_summaries',
        resources=_SENTINEL,
        **params,
    )
    trees: dict[str, dict[str, Summary]] = {}
    shared: dict[frozenset[str], frozenset[str]] = {}
    for uuid, value in defer_full_collections(entries):
        fields = _typed(dict, value, 'summary')
        root = _typed(str, fields.get('root_provider_uuid'), 'root')
        trees.setdefault(root, {})[uuid] = _summary(fields, shared)
    return trees


def _summary(
    fields: dict[str, Any], shared: dict[frozenset[str], frozenset[str]]
) -> Summary:
    resources = _typed(dict, fields.get('resources'), 'resources')
    amounts = {
        name: _typed(dict, value, name) for name, value in resources.items()
    }
    traits = frozenset(
        _typed(str, trait, 'trait')
        for trait in _typed(list, fields.get('traits'), 'traits')
    )
    return Summary(
        parent=_optional(str, fields.get('parent_provider_uuid'), 'parent'),
        capacity={
            name: _typed(int, value.get('capacity'), f'capacity of {name}')
            for name, value in amounts.items()
        },
        used={
            name: used
            for name, value in amounts.items()
            if (used := _typed(int, value.get('used'), f'used of {name}'))
        },
        # Many providers have the same set: see nfv_sched.placement.interning.
        traits=shared.setdefault(traits, traits),
    )


def inventories(
    client: PlacementClient, uuid: str
) -> tuple[int, dict[str, Inventory]]:
    """A provider's generation and inventories by class."""
    answer = client.get(f'/resource_providers/{uuid}/inventories')
    generation = answer.get('resource_provider_generation')
    names = [field.name for field in dataclasses.fields(Inventory)]
    by_class = {}
    every = _typed(dict, answer.get('inventories'), 'inventories')
    for name, value in every.items():
        fields = _typed(dict, value, name)
        try:
            by_class[name] = Inventory(*(fields[field] for field in names))
        except KeyError as error:
            raise BadAnswer(f'inventory {name} lacks {error}') from error
    return _typed(int, generation, 'generation'), by_class


def usages(client: PlacementClient, uuid: str) -> dict[str, int]:
    """What is used of a provider, by class."""
    answer = client.get(f'/resource_providers/{uuid}/usages')
    return _amounts(answer.get('usages'), 'usages')


def traits(client: PlacementClient, uuid: str) -> tuple[int, frozenset[str]]:
    """A provider's generation and traits."""
    answer = client.get(f'/resource_providers/{uuid}/traits')
    generation = answer.get('resource_provider_generation')
    names = _typed(list, answer.get('traits'), 'traits')
    return _typed(int, generation, 'generation'), frozenset(names)


def consumer(client: PlacementClient, uuid: str) -> Consumer:
    """A consumer's allocations."""
    answer = client.get(f'/allocations/{uuid}')
    allocations = _typed(dict, answer.get('allocations'), 'allocations')
    return Consumer(
        {
            provider: _amounts(
                _typed(dict, value, provider).get('resources'), 'resources'
            )
            for provider, value in allocations.items()
        },
        _optional(int, answer.get('consumer_generation'), 'generation'),
    )


def custom_names(
    client: PlacementClient,
) -> tuple[frozenset[str], frozenset[str]]:
    """All custom classes and traits, ours and those of other clients."""
    rows = _typed(
        list,
        client.get('/resource_classes').get('resource_classes'),
        'resource_classes',
    )
    classes = (
        _typed(str, _typed(dict, row, 'class').get('name'), 'name')
        for row in rows
    )
    answer = client.get('/traits', name='startswith:CUSTOM_')
    return (
        frozenset(name for name in classes if name.startswith('CUSTOM_')),
        frozenset(_typed(list, answer.get('traits'), 'traits')),
    )


def create_names(
    client: PlacementClient,
    classes: frozenset[str],
    wanted_traits: frozenset[str],
) -> int:
    """Create the missing custom names; returns how many were created."""
    existing_classes, existing_traits = custom_names(client)
    missing = [
        # Standard names exist, and Placement does not let clients create them.
        (kind, name)
        for kind, names in (
            (_CLASS, classes - existing_classes),
            (_TRAIT, wanted_traits - existing_traits),
        )
        for name in names
        if name.startswith('CUSTOM_')
    ]
    for kind, name in sorted(missing):
        client.put(f'{_PATHS[kind]}/{_quoted(name)}')
    return len(missing)


def delete_name(client: PlacementClient, kind: str, name: str) -> None:
    """Delete a custom name.

    :param kind: ``class`` or ``trait``
    :raises NotFound: the name does not exist
    :raises Refused: the name is in use
    """
    client.delete(f'{_PATHS[kind]}/{_quoted(name)}')


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe='')


def allocations_of(
    client: PlacementClient, provider: str
) -> dict[str, dict[str, int]]:
    """What is allocated of one provider: amounts by consumer and class.

    :param provider: its uuid
    :raises NotFound: there is no such provider
    """
    path = f'/resource_providers/{provider}/allocations'
    answer = _typed(dict, client.get(path).get('allocations'), path)
    return {
        consumer: _amounts(_typed(dict, value, path).get('resources'), path)
        for consumer, value in answer.items()
    }
