"""A simulated nova-compute: Nova's resource tracker on a machine."""

from typing import Any

from nova import objects
from nova.compute import resource_tracker
from nova.compute import vm_states
import nova.conf
from nova.scheduler.client import report

from nfv_sched.sim import compat
from nfv_sched.sim import driver
from nfv_sched.sim import neutron_agent
from nfv_sched.sim import numa_devices
from nfv_sched.sim import settings
from nfv_sched.sim.machine import Machine

CONF = nova.conf.CONF
compat.make_provider_trees_copyable()


class _ReportClient(report.SchedulerReportClient):  # type: ignore[misc]
    """A client that skips reads of allocations in claims.

    Nova reads those of every instance of the host in each claim, but uses
    them for PCI devices in Placement only.
    """

    def get_allocations_for_provider_tree(
        self, context: Any, nodename: str
    ) -> dict[str, Any]:
        if not CONF.pci.report_in_placement:
            return {}
        allocations: dict[str, Any] = (
            super().get_allocations_for_provider_tree(context, nodename)
        )
        return allocations


class Compute:
    """A compute service, its node and its provider in Placement.

    :param context: targeted at the cell's database
    :param placement: keystoneauth adapter of Placement
    """

    def __init__(
        self, context: Any, host: str, machine: Machine, placement: Any
    ) -> None:
        self.host = host
        self.machine = machine
        self._context = context
        self._report = _ReportClient(adapter=placement)
        service = objects.Service(
            context, host=host, binary='nova-compute', topic='compute'
        )
        service.create()
        spec = {'pci.device_spec': numa_devices.device_spec(machine)}
        # The tracker keeps a copy. The option is not for the scheduler.
        with settings.override(spec):
            self._tracker = resource_tracker.ResourceTracker(
                host, driver.SimulatedDriver(host, machine), self._report
            )
            self._tracker.set_service_ref(service)
            # One transaction: a host has hundreds of devices.
            with context.db_connection.writer.using(context):
                self._tracker.update_available_resource(
                    context, host, startup=True
                )
        neutron_agent.publish_bandwidth(
            context, placement, host, self.node.uuid, machine
        )

    @property
    def node(self) -> Any:
        """The ``objects.ComputeNode`` as last stored."""
        return self._tracker.compute_nodes[self.host]

    @property
    def topology(self) -> Any:
        """The ``objects.NUMATopology`` with the current usage."""
        return objects.NUMATopology.obj_from_db_obj(self.node.numa_topology)

    @property
    def devices(self) -> list[Any]:
        """The ``objects.PciDevice`` for instances, free or in use."""
        return list(self._tracker.pci_tracker.pci_devs)

    def devices_of(self, uuid: str) -> list[Any]:
        """The ``objects.PciDevice`` of one instance."""
        return list(self._tracker.pci_tracker.allocations.get(uuid, ()))

    def claim(self, instance: Any, limits: Any) -> None:
        """Claim the resources of an instance, and store the result.

        :raises nova.exception.NovaException: the instance does not fit
        """
        allocations = self._report.get_allocs_for_consumer(
            self._context, instance.uuid
        )['allocations']
        # No instance boots from a volume: this saves a query.
        self._tracker.is_bfv[instance.uuid] = False
        self._tracker.instance_claim(
            self._context, instance, self.host, allocations, limits
        )

    def abort(self, instance: Any) -> None:
        """Remove an instance whose claim failed, perhaps partly done.

        As in nova-compute, the instance is destroyed and the next periodic
        update computes the usage.
        """
        self._tracker.is_bfv.pop(instance.uuid, None)
        instance.destroy()
        self._report.delete_allocation_for_instance(
            self._context, instance.uuid, force=True
        )
        self._tracker.update_available_resource(self._context, self.host)

    def claim_move(self, instance: Any, migration: Any, limits: Any) -> None:
        """Claim the resources of an instance that moves here.

        :raises nova.exception.NovaException: the instance does not fit
        """
        allocations = self._report.get_allocs_for_consumer(
            self._context, instance.uuid
        )['allocations']
        self._tracker.resize_claim(
            self._context,
            instance,
            instance.flavor,
            self.host,
            migration,
            allocations,
            image_meta=instance.image_meta,
            limits=limits,
        )

    def confirm_move(self, instance: Any, migration: Any) -> None:
        """Free the resources of an instance that has moved away."""
        self._tracker.drop_move_claim_at_source(
            self._context, instance, migration
        )

    def update(self) -> None:
        """Compute the usage, as nova-compute does once in a minute."""
        self._tracker.update_available_resource(self._context, self.host)

    def release(self, instance: Any) -> None:
        """Free the resources of an instance, as nova-compute on deletion."""
        instance.vm_state = vm_states.DELETED
        instance.task_state = None
        instance.save()
        instance.destroy()
        self._tracker.update_usage(self._context, instance, self.host)
        self._report.delete_allocation_for_instance(
            self._context, instance.uuid, force=True
        )
