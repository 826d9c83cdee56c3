"""A host's report against its published topology.

The claim decides on what nova-compute reported, so a published topology is
of use only where it describes the same hardware.
"""

from collections.abc import Iterator

from nfv_sched.model import Cell
from nfv_sched.model import CellTopology
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.model import PoolTopology


def differences(host: Host, topology: HostTopology) -> tuple[str, ...]:
    """Where report and tree disagree on hardware, in words."""
    reported = {cell.id: cell for cell in host.cells}
    published = {cell.id: cell for cell in topology.cells}
    found = [
        f'NUMA node {cell} is {where}'
        for cells, others, where in (
            (reported, published, 'not published'),
            (published, reported, 'no longer reported'),
        )
        for cell in sorted(set(cells) - set(others))
    ]
    for cell in sorted(set(reported) & set(published)):
        found.extend(
            f'NUMA node {cell} has {mine} {what}, published are {theirs}'
            for what, mine, theirs in _facts(reported[cell], published[cell])
            if mine != theirs
        )
    found.extend(
        f'devices {pool.vendor_id}:{pool.product_id} on '
        f'{_node(pool)} are not published'
        for pool in host.pools
        if not any(_same_place(pool, other) for other in topology.pools)
    )
    return tuple(found)


def _facts(
    cell: Cell, tree: CellTopology
) -> Iterator[tuple[str, object, object]]:
    yield 'MiB of memory', cell.memory_mib, tree.memory_mib
    yield 'dedicated CPUs', len(cell.dedicated_cpus), tree.dedicated_cpus
    yield 'shared CPUs', len(cell.shared_cpus), tree.shared_cpus
    yield 'as socket', cell.socket, tree.socket
    yield 'as physnets', sorted(cell.physnets), sorted(tree.physnets)
    yield 'as tunnel end', cell.tunneled, tree.tunneled
    yield (
        'usable pages by size',
        {
            pool.size_kib: pool.total - pool.reserved
            for pool in cell.pages
            if pool.total > pool.reserved
        },
        {pool.size_kib: pool.usable for pool in tree.pages if pool.usable},
    )


def _node(pool: DevicePool) -> str:
    if pool.numa_node is None:
        return 'no NUMA node'
    return f'NUMA node {pool.numa_node}'


def _same_place(pool: DevicePool, published: PoolTopology) -> bool:
    return (
        pool.vendor_id.lower() == published.vendor_id.lower()
        and pool.product_id.lower() == published.product_id.lower()
        and pool.dev_type == published.dev_type
        and pool.numa_node == published.numa_node
        and pool.address in (None, published.parent)
    )


def with_parents(host: Host, topology: HostTopology) -> Host:
    """Give pools without an address the one that the tree has for them.

    Only where one published pool can be meant: then a physical function and
    its virtual functions are known to exclude each other.
    """
    if all(pool.address is not None for pool in host.pools):
        return host
    return host.evolve(
        pools=tuple(_with_parent(pool, topology) for pool in host.pools)
    )


def with_roots(host: Host, topology: HostTopology) -> Host:
    """Give pools the published PCIe root of their address."""
    roots = topology.pcie_roots()
    return host.evolve(
        pools=tuple(
            pool.evolve(pcie_root=root)
            if pool.address is not None and (root := roots.get(pool.address))
            else pool
            for pool in host.pools
        )
    )


def _with_parent(pool: DevicePool, topology: HostTopology) -> DevicePool:
    meant = {
        other.parent for other in topology.pools if _same_place(pool, other)
    }
    if pool.address is not None or len(meant) != 1:
        return pool
    return pool.evolve(address=meant.pop())
