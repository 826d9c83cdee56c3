"""Validators of our own flavor extra specs, for Nova's API.

Nova calls :func:`register` through the ``nova.api.extra_spec_validators``
entry points. So far everything that the filters read is one of Nova's own
extra specs, which Nova validates itself.
"""

from typing import Any


def register() -> list[Any]:
    """Every validator of the ``nfv:`` namespace."""
    return []
