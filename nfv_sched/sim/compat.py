"""Nova 31 and 32 on native threads, as the simulated cloud uses them."""

import copy
from typing import Any

from nova.compute import provider_tree


def make_provider_trees_copyable() -> None:
    """Let ``nova.compute.provider_tree.ProviderTree`` be copied.

    Nova 31 and 32 copy it with its lock, which works with those of eventlet
    only; later releases make those of threads copyable.
    """
    try:
        copy.deepcopy(provider_tree.ProviderTree())
    except TypeError:
        provider_tree.ProviderTree.__deepcopy__ = _copy_provider_tree


def _copy_provider_tree(tree: Any, memo: dict[int, Any]) -> Any:
    made = provider_tree.ProviderTree()
    with tree.lock:
        made.roots_by_uuid = copy.deepcopy(tree.roots_by_uuid, memo)
        # The same providers, by their other name.
        made.roots_by_name = {
            root.name: root for root in made.roots_by_uuid.values()
        }
    return made
