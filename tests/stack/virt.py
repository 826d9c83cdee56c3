"""A virt driver whose guests are records, on hosts with rich topologies.

Nova's FakeDriver does what guests do, SimulatedDriver says what the host has.
"""

import dataclasses
import os
import pathlib
from typing import Any
from typing import ClassVar

import nova.conf
from nova.virt import fake
import nova.virt.node

from nfv_sched.sim import driver
from nfv_sched.sim import machine

CONF = nova.conf.CONF

#: The environment variables that name the hosts of a process, separated by
#: commas, and those of them whose nova.conf declares labels of NUMA nodes.
HOSTS = 'NFV_STACK_HOSTS'
LABELLED = 'NFV_STACK_LABELLED'

MACHINE = machine.load_file(pathlib.Path(__file__).parent / 'machine.yaml')


class Driver(fake.FakeDriver):
    """nova-compute's driver on a host of the kind of ``machine.yaml``."""

    capabilities: ClassVar[dict[str, bool]] = dict(
        driver.SimulatedDriver.capabilities,
        supports_migrate_to_same_host=False,
        supports_evacuate=True,
    )

    def init_host(self, host: str) -> None:
        labelled = host in os.environ[LABELLED].split(',')
        self._hardware = driver.SimulatedDriver(
            host, dataclasses.replace(MACHINE, labelled=labelled)
        )
        self._host = host
        self._set_nodes([host])
        self.resources = fake.Resources(
            vcpus=1000, memory_mb=MACHINE.memory_mib, local_gb=2000
        )
        # nova-compute does not start again without the file; the node's own
        # uuid is given below.
        nova.virt.node.get_local_node_uuid()

    def get_available_nodes(self, refresh: bool = False) -> list[str]:
        return [self._host]

    def get_nodenames_by_uuid(self, refresh: bool = False) -> dict[str, str]:
        return {driver.node_uuid(self._host): self._host}

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        return self._hardware.get_available_resource(nodename)

    def update_provider_tree(
        self, provider_tree: Any, nodename: str, allocations: Any = None
    ) -> None:
        self._hardware.update_provider_tree(
            provider_tree, nodename, allocations
        )

    def post_live_migration(
        self,
        context: Any,
        instance: Any,
        block_device_info: Any,
        migrate_data: Any = None,
    ) -> None:
        """Let go of a guest that has left, which FakeDriver forgets."""
        self.destroy(context, instance, None, block_device_info)

    # Without these Nova makes no NUMA claim on the destination, and the
    # guest keeps the pins that it had on the source.
    def check_can_live_migrate_destination(
        self, context: Any, instance: Any, *args: Any, **kwargs: Any
    ) -> Any:
        data = super().check_can_live_migrate_destination(
            context, instance, *args, **kwargs
        )
        if instance.numa_topology:
            data.dst_supports_numa_live_migration = True
        return data

    def check_can_live_migrate_source(
        self,
        context: Any,
        instance: Any,
        dest_check_data: Any,
        block_device_info: Any = None,
    ) -> Any:
        data = super().check_can_live_migrate_source(
            context, instance, dest_check_data, block_device_info
        )
        if instance.numa_topology:
            data.src_supports_numa_live_migration = True
        return data
