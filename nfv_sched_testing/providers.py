"""Resource providers of others in Placement."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
import uuid


def create(
    client: Any,
    name: str,
    parent: str | None = None,
    *,
    inventories: Mapping[str, Mapping[str, int]] = {},
    traits: Iterable[str] = (),
    provider_uuid: str | None = None,
) -> str:
    """Create a provider; returns its uuid.

    :param parent: the uuid of its parent; None for a root
    :param inventories: its inventories by resource class
    :param traits: custom ones are created, too
    :param provider_uuid: its uuid; random by default
    """
    provider = {'uuid': provider_uuid or str(uuid.uuid4()), 'name': name}
    if parent:
        provider['parent_provider_uuid'] = parent
    client.post('/resource_providers', provider)
    path = f'/resource_providers/{provider["uuid"]}'
    generation = 0
    if inventories:
        client.put(
            f'{path}/inventories',
            {
                'resource_provider_generation': generation,
                'inventories': inventories,
            },
        )
        generation += 1
    traits = list(traits)
    for trait in traits:
        if trait.startswith('CUSTOM_'):
            client.put(f'/traits/{trait}')
    if traits:
        client.put(
            f'{path}/traits',
            {'resource_provider_generation': generation, 'traits': traits},
        )
    return provider['uuid']
