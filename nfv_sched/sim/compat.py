"""Compatibility with Nova 31 and 32 on native threads."""

import copy
from typing import Any

from nova.compute import provider_tree


def make_provider_trees_copyable() -> None:
    """Make ``nova.compute.provider_tree.ProviderTree`` copyable.

    Nova 31 and 32 copy it together with its lock, which is possible with
    locks of eventlet only. Later releases copy it without.
    """
    try:
        copy.deepcopy(provider_tree.ProviderTree())
    except TypeError:
        provider_tree.ProviderTree.__deepcopy__ = _copy_provider_tree


def _copy_provider_tree(tree: Any, memo: dict[int, Any]) -> Any:
    copied = provider_tree.ProviderTree()
    with tree.lock:
        copied.roots_by_uuid = copy.deepcopy(tree.roots_by_uuid, memo)
        # The same objects under another key.
        copied.roots_by_name = {
            root.name: root for root in copied.roots_by_uuid.values()
        }
    return copied
