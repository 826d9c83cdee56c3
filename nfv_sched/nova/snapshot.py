"""A compute node's report as a host of plain values.

Unlike :func:`nfv_sched.nova.hosts.host_of` it holds on to nothing of Nova's
and compares by value: for those who look at a cloud, not for requests.
"""

import dataclasses
from typing import Any

from nova import objects
from nova.pci import stats

from nfv_sched.model import Cell
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.model import PagePool
from nfv_sched.nova import hosts


def host_of(compute: Any) -> Host:
    """The host that a ``nova.objects.ComputeNode`` reports.

    As nova-scheduler makes a HostState of it: the cells and pools keep the
    order in which Nova tries them.

    :raises Exception: whatever a malformed record makes Nova's objects raise
    """
    topology = (
        objects.NUMATopology.obj_from_db_obj(compute.numa_topology)
        if compute.numa_topology
        else None
    )
    pools = stats.PciDeviceStats(topology, stats=compute.pci_device_pools)
    return plain(
        Host(
            compute.hypervisor_hostname,
            hosts.cells_of(topology),
            hosts.pools_of(pools.pools),
            compute.cpu_allocation_ratio or 1.0,
            compute.ram_allocation_ratio or 1.0,
        )
    )


def plain(host: Host) -> Host:
    """A host with all that others read late."""
    return Host(
        host.name,
        tuple(map(_cell, host.cells)),
        tuple(DevicePool(**_fields(DevicePool, pool)) for pool in host.pools),
        host.cpu_allocation_ratio,
        host.ram_allocation_ratio,
    )


def _cell(cell: Cell) -> Cell:
    values = _fields(Cell, cell)
    for name in ('shared_cpus', 'dedicated_cpus', 'pinned_cpus', 'physnets'):
        values[name] = frozenset(values[name])
    values['siblings'] = tuple(map(frozenset, cell.siblings))
    values['pages'] = tuple(
        PagePool(pool.size_kib, pool.total, pool.used, pool.reserved)
        for pool in cell.pages
    )
    return Cell(**values)


def _fields(kind: Any, value: Any) -> dict[str, Any]:
    return {
        field.name: getattr(value, field.name)
        for field in dataclasses.fields(kind)
    }
