"""The few calls of Placement that we need, with their answers checked."""

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
from nfv_sched.placement.tree import Inventory
from nfv_sched.placement.tree import Summary

T = TypeVar('T')

_SENTINEL = f'{schema.TOPOLOGY}:1'


@dataclasses.dataclass(frozen=True, slots=True)
class Listed:
    """A provider as a listing shows it."""

    uuid: str
    name: str
    generation: int
    parent: str | None
    root: str


@dataclasses.dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer's allocations; ``generation`` is None where it has none."""

    allocations: Mapping[str, Mapping[str, int]]
    generation: int | None


_CLASS = 'class'
_TRAIT = 'trait'
_PATHS = {_CLASS: '/resource_classes', _TRAIT: '/traits'}


def _of(kind: type[T], value: object, what: str) -> T:
    # bool is an int to Python, but not to Placement.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadAnswer(f'{what} is {type(value).__name__}')
    return value


def _optional(kind: type[T], value: object, what: str) -> T | None:
    return None if value is None else _of(kind, value, what)


def _amounts(value: object, what: str) -> dict[str, int]:
    return {
        name: _of(int, amount, f'amount in {what}')
        for name, amount in _of(dict, value, what).items()
    }


def _listed(client: PlacementClient, **params: str) -> list[Listed]:
    rows = client.elements(
        '/resource_providers', 'resource_providers', **params
    )
    found = []
    for row in rows:
        row = _of(dict, row, 'provider')  # noqa: PLW2901 - only narrowed
        found.append(
            Listed(
                _of(str, row.get('uuid'), 'uuid'),
                _of(str, row.get('name'), 'name'),
                _of(int, row.get('generation'), 'generation'),
                _optional(str, row.get('parent_provider_uuid'), 'parent'),
                _of(str, row.get('root_provider_uuid'), 'root'),
            )
        )
    return found


def roots(client: PlacementClient) -> dict[str, Listed]:
    """Every root with our sentinel, by uuid."""
    try:
        found = _listed(client, resources=_SENTINEL)
    except Refused as error:
        if error.status != 400 or _class_exists(client):
            raise
        return {}
    return {one.uuid: one for one in found if one.uuid == one.root}


def _class_exists(client: PlacementClient) -> bool:
    """Whether anything was ever published: Placement refuses new names."""
    try:
        client.get(f'/resource_classes/{schema.TOPOLOGY}')
    except NotFound:
        return False
    return True


def tree_of(client: PlacementClient, root: str) -> dict[str, Listed]:
    """Every provider of the tree of ``root`` by uuid, empty if none is."""
    return {one.uuid: one for one in _listed(client, in_tree=root)}


def provider_named(client: PlacementClient, name: str) -> Listed | None:
    """The provider with exactly this name."""
    return next(iter(_listed(client, name=name)), None)


def summaries(
    client: PlacementClient, **params: str
) -> dict[str, dict[str, Summary]]:
    """Summaries of every tree with our sentinel, by root and provider uuid.

    ``params`` may be ``in_tree`` (a root's uuid). The server's
    ``[placement] max_allocation_candidates`` cuts the answer silently.
    """
    found = client.entries(
        '/allocation_candidates',
        'provider_summaries',
        resources=_SENTINEL,
        **params,
    )
    trees: dict[str, dict[str, Summary]] = {}
    shared: dict[frozenset[str], frozenset[str]] = {}
    for uuid, value in found:
        facts = _of(dict, value, 'summary')
        root = _of(str, facts.get('root_provider_uuid'), 'root')
        trees.setdefault(root, {})[uuid] = _summary(facts, shared)
    return trees


def _summary(
    facts: dict[str, Any], shared: dict[frozenset[str], frozenset[str]]
) -> Summary:
    resources = _of(dict, facts.get('resources'), 'resources')
    amounts = {
        name: _of(dict, value, name) for name, value in resources.items()
    }
    traits = frozenset(
        _of(str, trait, 'trait')
        for trait in _of(list, facts.get('traits'), 'traits')
    )
    return Summary(
        parent=_optional(str, facts.get('parent_provider_uuid'), 'parent'),
        capacity={
            name: _of(int, value.get('capacity'), f'capacity of {name}')
            for name, value in amounts.items()
        },
        used={
            name: used
            for name, value in amounts.items()
            if (used := _of(int, value.get('used'), f'used of {name}'))
        },
        # Many providers have the same ones: see nfv_sched.placement.interning.
        traits=shared.setdefault(traits, traits),
    )


def inventories(
    client: PlacementClient, uuid: str
) -> tuple[int, dict[str, Inventory]]:
    """A provider's generation and inventories by class."""
    answer = client.get(f'/resource_providers/{uuid}/inventories')
    generation = answer.get('resource_provider_generation')
    names = [field.name for field in dataclasses.fields(Inventory)]
    found = {}
    for name, value in _of(dict, answer.get('inventories'), 'all').items():
        facts = _of(dict, value, name)
        try:
            found[name] = Inventory(*(facts[field] for field in names))
        except KeyError as error:
            raise BadAnswer(f'inventory {name} lacks {error}') from error
    return _of(int, generation, 'generation'), found


def traits(client: PlacementClient, uuid: str) -> tuple[int, frozenset[str]]:
    """A provider's generation and traits."""
    answer = client.get(f'/resource_providers/{uuid}/traits')
    generation = answer.get('resource_provider_generation')
    found = _of(list, answer.get('traits'), 'traits')
    return _of(int, generation, 'generation'), frozenset(found)


def consumer(client: PlacementClient, uuid: str) -> Consumer:
    """A consumer's allocations."""
    answer = client.get(f'/allocations/{uuid}')
    found = _of(dict, answer.get('allocations'), 'allocations')
    return Consumer(
        {
            provider: _amounts(
                _of(dict, value, provider).get('resources'), 'resources'
            )
            for provider, value in found.items()
        },
        _optional(int, answer.get('consumer_generation'), 'generation'),
    )


def custom_names(
    client: PlacementClient,
) -> tuple[frozenset[str], frozenset[str]]:
    """All custom classes and traits, ours and others'."""
    rows = _of(
        list, client.get('/resource_classes').get('resource_classes'), 'all'
    )
    classes = (
        _of(str, _of(dict, row, 'class').get('name'), 'name') for row in rows
    )
    answer = client.get('/traits', name='startswith:CUSTOM_')
    return (
        frozenset(name for name in classes if name.startswith('CUSTOM_')),
        frozenset(_of(list, answer.get('traits'), 'traits')),
    )


def create_names(
    client: PlacementClient,
    classes: frozenset[str],
    wanted_traits: frozenset[str],
) -> int:
    """Create the custom names that Placement lacks; how many these were."""
    known, have = custom_names(client)
    missing = [
        # Standard names exist, and nobody may create them.
        *((_CLASS, name) for name in classes - known),
        *((_TRAIT, name) for name in wanted_traits - have),
    ]
    created = [one for one in missing if one[1].startswith('CUSTOM_')]
    for kind, name in sorted(created):
        client.put(f'{_PATHS[kind]}/{_quoted(name)}')
    return len(created)


def delete_name(client: PlacementClient, kind: str, name: str) -> None:
    """Delete a custom name.

    :param kind: ``class`` or ``trait``
    :raises NotFound: there is none
    :raises Refused: it is in use
    """
    client.delete(f'{_PATHS[kind]}/{_quoted(name)}')


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe='')
