"""The virt driver of a simulated nova-compute; it runs no instances."""

import json
from typing import Any
from typing import ClassVar
import uuid

import nova.conf
from nova.objects import fields
from nova.virt import driver
import os_resource_classes as orc
import os_traits

from nfv_sched.sim import numa_devices
from nfv_sched.sim.machine import Machine

CONF = nova.conf.CONF

_NAMESPACE = uuid.UUID('7f4a2f8e-5f9a-4b0e-9f3e-0b6f5f0c8d11')


def node_uuid(name: str) -> str:
    """The uuid of a compute node, the same in every run."""
    return str(uuid.uuid5(_NAMESPACE, name))


class SimulatedDriver(driver.ComputeDriver):  # type: ignore[misc]
    """The methods that ``nova.compute.resource_tracker`` calls."""

    capabilities: ClassVar[dict[str, bool]] = dict(
        driver.ComputeDriver.capabilities,
        supports_pcpus=True,
        supports_socket_pci_numa_affinity=True,
        supports_image_type_qcow2=True,
        supports_image_type_raw=True,
    )

    def __init__(self, host: str, machine: Machine) -> None:
        super().__init__(None)
        self._host = host
        self._machine = machine

    def get_available_nodes(self, refresh: bool = False) -> list[str]:
        """The only node."""
        return [self._host]

    def get_host_ip_addr(self) -> str:
        """The address that a migration to this host records."""
        return '127.0.0.1'

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        """The values that nova-compute stores in its ComputeNode record."""
        machine = self._machine
        hypervisor = (
            fields.Architecture.X86_64,
            fields.HVType.KVM,
            fields.VMMode.HVM,
        )
        topology = numa_devices.numa_topology(machine)
        return {
            'uuid': node_uuid(nodename),
            'hypervisor_hostname': nodename,
            'hypervisor_type': 'QEMU',
            'hypervisor_version': 8002000,
            'supported_instances': [hypervisor],
            'cpu_info': json.dumps({'arch': 'x86_64', 'vendor': 'Intel'}),
            'vcpus': len(machine.shared) or len(machine.dedicated),
            'vcpus_used': 0,
            'memory_mb': machine.memory_mib,
            'memory_mb_used': CONF.reserved_host_memory_mb,
            'local_gb': machine.disk_gib,
            'local_gb_used': 0,
            'numa_topology': topology._to_json(),  # noqa: SLF001
            'pci_passthrough_devices': json.dumps(
                numa_devices.pci_devices(machine)
            ),
        }

    def update_provider_tree(
        self,
        provider_tree: Any,
        nodename: str,
        allocations: Any = None,
    ) -> None:
        """Set inventories and traits as the libvirt driver does."""
        machine = self._machine
        ratios = self._get_allocation_ratios(
            provider_tree.data(nodename).inventory
        )
        inventory = {
            orc.MEMORY_MB: (
                machine.memory_mib,
                ratios[orc.MEMORY_MB],
                CONF.reserved_host_memory_mb,
            ),
            orc.VCPU: (len(machine.shared), ratios[orc.VCPU], 0),
            orc.PCPU: (len(machine.dedicated), 1.0, 0),
            orc.DISK_GB: (machine.disk_gib, ratios[orc.DISK_GB], 0),
        }
        provider_tree.update_inventory(
            nodename,
            {
                name: {
                    'total': total,
                    'min_unit': 1,
                    'max_unit': total,
                    'step_size': 1,
                    'allocation_ratio': ratio,
                    'reserved': reserved,
                }
                for name, (total, ratio, reserved) in inventory.items()
                if total
            },
        )
        if machine.threads > 1:
            provider_tree.add_traits(nodename, os_traits.HW_CPU_HYPERTHREADING)
