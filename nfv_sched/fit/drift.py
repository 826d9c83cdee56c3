"""A host's report against its published topology.

The claim decides on what nova-compute reported, so a published topology is
of use only where it describes the same hardware.
"""

from collections.abc import Iterator
import dataclasses

from nfv_sched.model import Cell
from nfv_sched.model import CellTopology
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.model import PoolTopology

#: Facts of a NUMA node that are numbers, in words; None where it has none.
_NUMBERS = {
    'memory_mib': 'MiB of memory',
    'dedicated_cpus': 'dedicated CPUs',
    'shared_cpus': 'shared CPUs',
    'socket': 'as socket',
}


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """A fact on which report and tree disagree.

    ``fact`` is ``numa_node``, ``memory_mib``, ``dedicated_cpus``,
    ``shared_cpus``, ``socket``, ``physnet``, ``tunneled``, ``usable_pages``
    or ``devices``. Of what is there or not ``reported`` and ``published`` are
    1 and 0; of devices only whether they are published is compared.
    """

    fact: str
    numa_node: int | None
    reported: int | None
    published: int | None
    page_size_kib: int | None = None
    physnet: str | None = None
    vendor_id: str | None = None
    product_id: str | None = None

    def __str__(self) -> str:
        node = f'NUMA node {self.numa_node}'
        only = 'not published' if self.reported else 'no longer reported'
        match self.fact:
            case 'numa_node':
                return f'{node} is {only}'
            case 'physnet':
                return f'physnet {self.physnet} of {node} is {only}'
            case 'tunneled':
                return f'that {node} is a tunnel end is {only}'
            case 'devices':
                node = 'no NUMA node' if self.numa_node is None else node
                return (
                    f'devices {self.vendor_id}:{self.product_id} on {node} '
                    'are not published'
                )
            case 'usable_pages':
                what = f'usable pages of {self.page_size_kib} KiB'
            case fact:
                what = _NUMBERS[fact]
        return f'{node} has {self.reported} {what}, published are ' + str(
            self.published
        )


def differences(host: Host, topology: HostTopology) -> tuple[Difference, ...]:
    """Where report and tree disagree on hardware."""
    reported = {cell.id: cell for cell in host.cells}
    published = {cell.id: cell for cell in topology.cells}
    found = [
        Difference('numa_node', cell, int(cell in reported), other)
        for cells, others, other in (
            (reported, published, 0),
            (published, reported, 1),
        )
        for cell in sorted(set(cells) - set(others))
    ]
    for cell in sorted(set(reported) & set(published)):
        found.extend(_differences_of_cell(reported[cell], published[cell]))
    found.extend(
        Difference(
            'devices',
            pool.numa_node,
            1,
            0,
            vendor_id=pool.vendor_id,
            product_id=pool.product_id,
        )
        for pool in host.pools
        if not any(_same_place(pool, other) for other in topology.pools)
    )
    return tuple(found)


def _differences_of_cell(
    cell: Cell, tree: CellTopology
) -> Iterator[Difference]:
    for fact, mine, theirs in (
        ('memory_mib', cell.memory_mib, tree.memory_mib),
        ('dedicated_cpus', len(cell.dedicated_cpus), tree.dedicated_cpus),
        ('shared_cpus', len(cell.shared_cpus), tree.shared_cpus),
        ('socket', cell.socket, tree.socket),
        ('tunneled', int(cell.tunneled), int(tree.tunneled)),
    ):
        if mine != theirs:
            yield Difference(fact, cell.id, mine, theirs)
    for name in sorted(set(cell.physnets) ^ set(tree.physnets)):
        yield Difference(
            'physnet',
            cell.id,
            int(name in cell.physnets),
            int(name in tree.physnets),
            physnet=name,
        )
    usable = {pool.size_kib: pool.total - pool.reserved for pool in cell.pages}
    told = {pool.size_kib: pool.usable for pool in tree.pages}
    for size in sorted({*usable, *told}):
        # More may be reserved than there are.
        pages = max(0, usable.get(size, 0)), max(0, told.get(size, 0))
        if pages[0] != pages[1]:
            yield Difference(
                'usable_pages', cell.id, *pages, page_size_kib=size
            )


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
