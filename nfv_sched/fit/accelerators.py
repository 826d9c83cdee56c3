"""Accelerators that Placement allocates: vGPUs, and devices of Cyborg.

They are no PCI devices of a compute node: nova-compute and Cyborg make a
provider for each card, below the compute node's provider, whose name ends
with the card's PCI address. Where the card is, is published.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import re
from typing import Any

from nfv_sched.model import AcceleratorClaim
from nfv_sched.model import FunctionTopology

#: ``<host>_pci_0000_84_00_0`` of Nova's libvirt driver
#: (``_ensure_pgpu_providers``), ``<host>_0000:84:00.0`` and
#: ``<device>_0000_84_00_0`` of Cyborg's drivers (``driver_dep.name``).
_NAME = re.compile(
    r'.*_([0-9a-f]{4,8})[:_]([0-9a-f]{2})[:_]([0-9a-f]{2})[._]([0-7])',
    re.ASCII | re.DOTALL,
)


def address_of(provider: str) -> str | None:
    """The PCI address in the name of a provider; None without any."""
    match = _NAME.fullmatch(provider.lower())
    return match and '{}:{}:{}.{}'.format(*match.groups())


def allocated(
    classes: Collection[str],
    candidate: Mapping[str, Any],
    compute: str,
    provider_name: Callable[[str], str | None],
    functions: Iterable[FunctionTopology],
) -> tuple[AcceleratorClaim, ...]:
    """The accelerators that an allocation candidate gives.

    :param classes: their resource classes; not all that have these are cards
    :param compute: the uuid of the compute node, whose provider is none
    :param provider_name: the names of providers; where one is not known, it
        is taken to be an accelerator, of which nothing else is known
    :param functions: the published ones of the host
    """
    found = []
    for uuid in providers(classes, candidate):
        if uuid == compute:
            continue
        resources = candidate['allocations'][uuid]['resources']
        count = sum(int(resources.get(name, 0)) for name in classes)
        name = provider_name(uuid)
        if name is None:
            found.append(AcceleratorClaim(count))
        elif address := address_of(name):
            card = card_at(address, functions)
            found.append(
                AcceleratorClaim(count, card.numa_node, card.pcie_root)
                if card
                else AcceleratorClaim(count)
            )
    # One order, whatever that of Placement: it is part of a key.
    return tuple(sorted(found, key=str))


def providers(
    classes: Collection[str], candidate: Mapping[str, Any]
) -> list[str]:
    """The providers of which a candidate allocates any of the classes."""
    return [
        uuid
        for uuid, value in candidate.get('allocations', {}).items()
        if any(name in value['resources'] for name in classes)
    ]


def card_at(
    address: str, functions: Iterable[FunctionTopology]
) -> FunctionTopology | None:
    """The published function of an address.

    A VF is not published. It is where the functions on its bus are.
    """
    on_bus = None
    for function in functions:
        if function.address == address:
            return function
        if function.address.rpartition(':')[0] == address.rpartition(':')[0]:
            on_bus = function
    return on_bus
