"""Sessions made from nova.conf."""

from typing import Any

from nova import utils


def placement_adapter() -> Any:
    """A keystoneauth adapter of its own for ``[placement]`` of nova.conf.

    Never Nova's: its session must not be cut by our deadlines.
    """
    return utils.get_ksa_adapter('placement')
