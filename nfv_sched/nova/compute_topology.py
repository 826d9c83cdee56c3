"""Nova's ComputeNode as a host's topology, with what is used of it."""

import collections
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
from typing import Any
from typing import TypeVar

from nova import objects
from nova.objects import fields
from nova.objects import pci_device_pool

from nfv_sched.model import CellTopology
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PageCapacity
from nfv_sched.model import PoolTopology
from nfv_sched.nova import node_labels
from nfv_sched.nova.redact import describe_error
from nfv_sched.nova.types import ComputeNode
from nfv_sched.nova.types import PciDevice

_Status = fields.PciDeviceStatus
# UNAVAILABLE and UNCLAIMABLE: a function whose parent or children are taken.
_TAKEN = frozenset(
    (
        _Status.CLAIMED,
        _Status.ALLOCATED,
        _Status.UNAVAILABLE,
        _Status.UNCLAIMABLE,
    )
)


_Key = TypeVar('_Key')


class MalformedComputeError(Exception):
    """A compute node that cannot be read; the text names it and says why."""


def topology_of(
    compute: ComputeNode,
    devices: Iterable[PciDevice] | None = None,
    named: Mapping[str, str] | None = None,
    numa_topology: Any = None,
) -> HostTopology:
    """The hardware and usage that a ``nova.objects.ComputeNode`` reports.

    ``devices`` are the ``PciDevice`` objects of that node, or rows of theirs,
    if the caller has them. A pool of Nova counts free devices only, and goes
    when the last one is taken: without ``devices`` a pool is as large as what
    is free, and nothing of it is used. A pool that is gone has lost its
    physical network, which no device carries.

    Cells come by id, pages by size, pools by key. Empty page pools and empty
    device pools are left out.

    :param named: the host's failure domains by kind
    :param numa_topology: what :func:`numa_topology_of` returns, if the caller
        has it
    :raises MalformedComputeError: whatever is wrong with the compute node
    """
    if numa_topology is None:
        numa_topology = numa_topology_of(compute)
    try:
        cells = _cells(numa_topology)
        pools, taken = _pools(compute, devices or ())
        return HostTopology(
            name=compute.hypervisor_hostname,
            uuid=compute.uuid,
            cells=tuple(map(_cell, cells)),
            pools=pools,
            usage=_usage(cells, taken),
            domains=dict(named or {}),
        )
    except Exception as error:
        raise _malformed(compute, error) from error


def numa_topology_of(compute: ComputeNode) -> Any:
    """The ``nova.objects.NUMATopology`` that a compute node reports, if any.

    Decoding it takes most of the time of reading a compute node.

    :raises MalformedComputeError: it cannot be decoded
    """
    try:
        text = compute.numa_topology if 'numa_topology' in compute else None
        return objects.NUMATopology.obj_from_db_obj(text) if text else None
    except Exception as error:
        raise _malformed(compute, error) from error


def _malformed(
    compute: ComputeNode, error: Exception
) -> MalformedComputeError:
    # Versioned objects raise what they like over JSON from elsewhere.
    return MalformedComputeError(
        f'compute node {_name(compute)}: {describe_error(error)}'
    )


def _name(compute: ComputeNode) -> str:
    known = [
        str(getattr(compute, name))
        for name in ('hypervisor_hostname', 'uuid')
        if name in compute and getattr(compute, name)
    ]
    return ' '.join(known) or 'without a name'


def _cells(numa_topology: Any) -> list[Any]:
    cells = numa_topology.cells if numa_topology else ()
    return sorted(cells, key=lambda cell: cell.id)


def _dedicated(cell: Any) -> frozenset[int]:
    # Nova-computes older than Train report none apart.
    return frozenset(cell.pcpuset) if 'pcpuset' in cell else frozenset()


def _cell(cell: Any) -> CellTopology:
    network = cell.network_metadata if 'network_metadata' in cell else None
    dedicated = _dedicated(cell)
    usable = dedicated | cell.cpuset
    cores = [core & usable for core in cell.siblings if core & usable]
    # A CPU that no core claims is a core of its own.
    alone = usable.difference(*cores)
    return CellTopology(
        id=cell.id,
        memory_mib=cell.memory,
        dedicated_cpus=len(dedicated),
        shared_cpus=len(cell.cpuset),
        cores=len(cores) + len(alone),
        socket=cell.socket if 'socket' in cell else None,
        pages=tuple(
            _pages(pages)
            for pages in sorted(cell.mempages, key=lambda p: p.size_kb)
            if pages.total
        ),
        physnets=node_labels.without_labels(
            network.physnets if network else ()
        ),
        tunneled=network.tunneled if network else False,
    )


def _pages(pages: Any) -> PageCapacity:
    reserved = pages.reserved if 'reserved' in pages else 0
    reserved = min(reserved, pages.total)
    return PageCapacity(pages.size_kb, pages.total - reserved, reserved)


def _usage(cells: list[Any], taken: dict[str, int]) -> HostUsage:
    pages = {
        (cell.id, pages.size_kb): pages.used
        for cell in cells
        for pages in cell.mempages
    }
    return HostUsage(
        dedicated_cpus=_positive({c.id: len(c.pinned_cpus) for c in cells}),
        shared_cpus=_positive({c.id: c.cpu_usage for c in cells}),
        memory_mib=_positive({c.id: c.memory_usage for c in cells}),
        pages=_positive(pages),
        devices=_positive(taken),
    )


def _positive(amounts: dict[_Key, int]) -> dict[_Key, int]:
    return {key: amount for key, amount in amounts.items() if amount > 0}


@dataclasses.dataclass(frozen=True)
class _PoolKey:
    """The identity of a pool, without its physical network."""

    vendor_id: str
    product_id: str
    dev_type: str
    numa_node: int | None
    address: str | None


_Counts = collections.Counter[tuple[_PoolKey, str | None]]


def _pools(
    compute: ComputeNode, devices: Iterable[PciDevice]
) -> tuple[tuple[PoolTopology, ...], dict[str, int]]:
    """Pools by key, and how many devices of each are taken."""
    free: _Counts = collections.Counter()
    for pool in _reported(compute):
        place = _PoolKey(
            pool.vendor_id.lower(),
            pool.product_id.lower(),
            pool.tags.get('dev_type') or fields.PciDeviceType.STANDARD,
            pool.numa_node if 'numa_node' in pool else None,
            pool.tags.get('address'),
        )
        # Pools that differ in other tags only are one to a topology.
        free[place, pool.tags.get('physical_network')] += pool.count
    taken = collections.Counter(
        _pool_of(device, free) for device in devices if device.status in _TAKEN
    )
    pools: dict[str, PoolTopology] = {}
    used: dict[str, int] = {}
    for place, physnet in free.keys() | taken.keys():
        busy = taken[place, physnet]
        if total := free[place, physnet] + busy:
            pool = _pool(place, physnet, total)
            pools[pool.key] = pool
            used[pool.key] = busy
    return tuple(pools[key] for key in sorted(pools)), used


def _reported(compute: ComputeNode) -> Iterable[Any]:
    pools = compute.pci_device_pools if 'pci_device_pools' in compute else None
    if isinstance(pools, str):
        pools = pci_device_pool.from_pci_stats(pools)
    return pools or ()


def _pool_of(
    device: PciDevice, free: '_Counts'
) -> tuple['_PoolKey', str | None]:
    """The pool that a taken device came from."""
    place = _PoolKey(
        device.vendor_id.lower(),
        device.product_id.lower(),
        device.dev_type,
        _numa_node(device),
        device.parent_addr or device.address,
    )
    # Old nova-computes report pools without addresses.
    anywhere = dataclasses.replace(place, address=None)
    for candidate in (place, anywhere):
        physnets = [physnet for at, physnet in free if at == candidate]
        if physnets:
            return candidate, min(physnets, key=lambda name: name or '')
    return place, None


def _numa_node(device: PciDevice) -> int | None:
    try:
        node: int | None = device.numa_node
    except NotImplementedError:
        # An object without the field: made before there was one.
        return None
    return node


def _pool(place: _PoolKey, physnet: str | None, total: int) -> PoolTopology:
    return PoolTopology(
        vendor_id=place.vendor_id,
        product_id=place.product_id,
        dev_type=place.dev_type,
        total=total,
        numa_node=place.numa_node,
        parent=place.address,
        physnet=physnet,
    )
