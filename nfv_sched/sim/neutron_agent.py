"""The providers that neutron creates for its SR-IOV agents in Placement."""

from collections.abc import Iterator
from typing import Any

from nova.scheduler.client import report
import os_resource_classes
import os_traits

from nfv_sched.sim import numa_devices
from nfv_sched.sim.machine import Machine
from nfv_sched.sim.machine import Nic

#: What ``[ml2_sriov] vnic_type_prohibit_list`` leaves by default.
_VNIC_TYPES = ('direct', 'direct-physical', 'macvtap')


def publish_bandwidth(
    context: Any, placement: Any, host: str, compute: str, machine: Machine
) -> None:
    """Create a provider of each interface with a guaranteed bandwidth.

    Names and traits are those of neutron_lib.placement.

    :param placement: keystoneauth adapter of Placement
    :param compute: the uuid of the compute node, whose provider exists
    """
    nics = [
        (place, nic, inventories)
        for place, nic in enumerate(machine.nics)
        if (inventories := dict(_inventories(nic)))
    ]
    if not nics:
        return
    client = report.SchedulerReportClient(adapter=placement)
    tree = client.get_provider_tree_and_ensure_root(context, compute)
    agent = f'{host}:NIC Switch agent'
    tree.new_child(agent, compute)
    for place, nic, inventories in nics:
        interface = f'{agent}:{numa_devices.interface_name(place)}'
        tree.new_child(interface, agent)
        tree.update_inventory(interface, inventories)
        texts = [f'VNIC_TYPE_{vnic_type}' for vnic_type in _VNIC_TYPES]
        if nic.physnet:
            texts.append(f'PHYSNET_{nic.physnet}')
        traits = [os_traits.normalize_name(text) for text in texts]
        tree.update_traits(interface, traits)
    client.update_from_provider_tree(context, tree)


def _inventories(nic: Nic) -> Iterator[tuple[str, dict[str, int]]]:
    for name, amount in (
        (os_resource_classes.NET_BW_EGR_KILOBIT_PER_SEC, nic.egress_kbps),
        (os_resource_classes.NET_BW_IGR_KILOBIT_PER_SEC, nic.ingress_kbps),
    ):
        if amount:
            yield name, {'total': amount, 'max_unit': amount}
