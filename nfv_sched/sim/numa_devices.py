"""A machine as Nova's libvirt driver reports it."""

import json
from typing import Any

from nova import objects

from nfv_sched.nova import node_labels
from nfv_sched.sim.machine import Assign
from nfv_sched.sim.machine import Machine
from nfv_sched.sim.machine import MachineCell
from nfv_sched.sim.machine import Nic


def numa_topology(machine: Machine) -> Any:
    """The machine's ``objects.NUMATopology`` without usage.

    As ``_get_host_numa_topology`` of nova.virt.libvirt.driver: siblings have
    only the CPUs that Nova may use, and cores without such CPUs are left out.
    """
    return objects.NUMATopology(
        cells=[_numa_cell(machine, cell) for cell in machine.cells]
    )


def _numa_cell(machine: Machine, cell: MachineCell) -> Any:
    usable = machine.dedicated | machine.shared
    cores = (set(core & usable) for core in machine.cores(cell))
    return objects.NUMACell(
        id=cell.id,
        socket=cell.socket,
        cpuset=set(cell.cpus & machine.shared),
        pcpuset=set(cell.cpus & machine.dedicated),
        memory=cell.memory_mib,
        cpu_usage=0,
        memory_usage=0,
        pinned_cpus=set(),
        siblings=[core for core in cores if core],
        mempages=_mempages(machine, cell),
        network_metadata=objects.NetworkMetadata(
            physnets=_physnets(machine, cell), tunneled=cell.tunneled
        ),
    )


def _physnets(machine: Machine, cell: MachineCell) -> set[str]:
    """The physical networks that nova.conf declares for a NUMA node."""
    physnets = set(cell.physnets)
    if machine.labelled:
        labels = node_labels.nodes_of_labels([c.id for c in machine.cells])
        physnets.update(
            label for label, nodes in labels.items() if cell.id in nodes
        )
    return physnets


def _mempages(machine: Machine, cell: MachineCell) -> list[Any]:
    base = machine.base_page_kib
    pages = {base: cell.base_pages(base), **cell.pages}
    return [
        objects.NUMAPagesTopology(
            size_kb=size,
            total=total,
            used=0,
            reserved=cell.reserved_pages.get(size, 0),
        )
        for size, total in sorted(pages.items())
    ]


def pci_devices(machine: Machine) -> list[dict[str, Any]]:
    """All functions of all cards, as in ``pci_passthrough_devices``.

    :func:`device_spec` selects those for instances.
    """
    devices = []
    for place, nic in enumerate(machine.nics):
        kind = 'type-PF' if nic.vfs else 'type-PCI'
        if nic.vfs == 0 and nic.assign is Assign.PORTS:
            # libvirt reports a port of an SR-IOV card without VFs like
            # this.
            kind = 'type-PF'
        devices.append(_function(nic, nic.address, nic.product_id, kind))
        devices.extend(
            {
                **_function(nic, address, nic.vf_product_id or '', 'type-VF'),
                'parent_addr': nic.address,
                'parent_ifname': interface_name(place),
            }
            for address in nic.vf_addresses
        )
    return devices


def interface_name(place: int) -> str:
    """The name of the network interface of a machine's card."""
    return f'eth{place}'


def _function(
    nic: Nic, address: str, product_id: str, kind: str
) -> dict[str, Any]:
    return {
        'dev_id': 'pci_' + address.replace(':', '_').replace('.', '_'),
        'address': address,
        'vendor_id': nic.vendor_id,
        'product_id': product_id,
        'numa_node': nic.cell,
        'label': f'label_{nic.vendor_id}_{product_id}',
        'dev_type': kind,
        'parent_addr': None,
        'capabilities': {'network': ['rx', 'tx', 'sg', 'tso']},
    }


def device_spec(machine: Machine) -> list[str]:
    """Values of ``[pci] device_spec`` for the machine's nova-compute.

    VFs are named by their slots. The name of the port would only work if
    Nova found it in the sysfs of the machine that it runs on.
    """
    specs = []
    for nic in machine.nics:
        patterns = []
        if nic.assign in (Assign.PORTS, Assign.BOTH):
            patterns.append(nic.address)
        if nic.assign in (Assign.VFS, Assign.BOTH):
            patterns += sorted(
                {address[:-1] + '*' for address in nic.vf_addresses}
            )
        tags = {'physical_network': nic.physnet} if nic.physnet else {}
        specs += [json.dumps({'address': text, **tags}) for text in patterns]
    return specs
