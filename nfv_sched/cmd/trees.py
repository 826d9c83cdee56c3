"""What Placement shows of a host's published topology."""

from collections.abc import Mapping
from typing import Any
import urllib.parse

from rich.style import Style
from rich.text import Text
from rich.tree import Tree

from nfv_sched.placement import schema

_VERSION = '1.39'
_DIM = Style(dim=True)


def provider_tree(placement: Any, compute_uuid: str) -> Tree:
    """Return the host's providers, each with what is used of what it has.

    :param placement: keystoneauth adapter of Placement
    """
    root = schema.root_uuid(compute_uuid)
    providers = _get(placement, '/resource_providers', in_tree=root)
    branches: dict[str | None, Tree] = {}
    # Parents were made before their children.
    waiting = sorted(
        providers['resource_providers'], key=lambda one: len(one['name'])
    )
    for provider in waiting:
        label = _label(placement, provider)
        parent = branches.get(provider['parent_provider_uuid'])
        branches[provider['uuid']] = (
            parent.add(label) if parent else Tree(label)
        )
    return branches[root]


def _get(placement: Any, path: str, **params: str) -> Any:
    query = '?' + urllib.parse.urlencode(params) if params else ''
    return placement.get(path + query, microversion=_VERSION).json()


def _label(placement: Any, provider: Mapping[str, str]) -> Text:
    base = f'/resource_providers/{provider["uuid"]}'
    totals = _get(placement, f'{base}/inventories')['inventories']
    used = _get(placement, f'{base}/usages')['usages']
    text = Text().append(provider['name'], Style(bold=True))
    if provider['uuid'] == provider['root_provider_uuid']:
        # A sentinel and a digest: of no use to the eye.
        return text
    for name, inventory in sorted(totals.items()):
        text.append(f'  {name} ', _DIM)
        text.append(f'{used.get(name, 0)}/{inventory["total"]}')
    return text
