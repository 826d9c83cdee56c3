"""One simulated nova-compute: Nova's resource tracker on a machine."""

from typing import Any

from nova import objects
from nova.compute import resource_tracker
from nova.compute import vm_states
import nova.conf
from nova.scheduler.client import report

from nfv_sched.sim import compat
from nfv_sched.sim import driver
from nfv_sched.sim import numa_devices
from nfv_sched.sim import settings
from nfv_sched.sim.machine import Machine

CONF = nova.conf.CONF
compat.make_provider_trees_copyable()


class _ReportClient(report.SchedulerReportClient):  # type: ignore[misc]
    """Spares Placement a request per guest of the host in every claim.

    Nova reads their allocations each time, and needs them only to move PCI
    devices into Placement.
    """

    def get_allocations_for_provider_tree(
        self, context: Any, nodename: str
    ) -> dict[str, Any]:
        if not CONF.pci.report_in_placement:
            return {}
        found: dict[str, Any] = super().get_allocations_for_provider_tree(
            context, nodename
        )
        return found


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
        # The tracker keeps its own copy; the scheduler must not see any.
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

    @property
    def node(self) -> Any:
        """The ``objects.ComputeNode`` as last stored."""
        return self._tracker.compute_nodes[self.host]

    @property
    def topology(self) -> Any:
        """The ``objects.NUMATopology`` with what is used at the moment."""
        return objects.NUMATopology.obj_from_db_obj(self.node.numa_topology)

    @property
    def devices(self) -> list[Any]:
        """The ``objects.PciDevice`` that guests may have or have."""
        return list(self._tracker.pci_tracker.pci_devs)

    def devices_of(self, uuid: str) -> list[Any]:
        """The ``objects.PciDevice`` of one instance."""
        return list(self._tracker.pci_tracker.allocations.get(uuid, ()))

    def claim(self, instance: Any, limits: Any) -> None:
        """Claim what the instance needs, and store it.

        :raises nova.exception.NovaException: it does not fit after all
        """
        allocations = self._report.get_allocs_for_consumer(
            self._context, instance.uuid
        )['allocations']
        # Nobody boots from a volume: saves a query for one.
        self._tracker.is_bfv[instance.uuid] = False
        self._tracker.instance_claim(
            self._context, instance, self.host, allocations, limits
        )

    def abort(self, instance: Any) -> None:
        """Forget an instance whose claim failed, perhaps half way.

        As nova-compute does: the instance goes, the next periodic update
        counts again what is used.
        """
        self._tracker.is_bfv.pop(instance.uuid, None)
        instance.destroy()
        self._report.delete_allocation_for_instance(
            self._context, instance.uuid, force=True
        )
        self._tracker.update_available_resource(self._context, self.host)

    def release(self, instance: Any) -> None:
        """Give everything back, in Placement too, as on deletion."""
        instance.vm_state = vm_states.DELETED
        instance.task_state = None
        instance.save()
        instance.destroy()
        self._tracker.update_usage(self._context, instance, self.host)
        self._report.delete_allocation_for_instance(
            self._context, instance.uuid, force=True
        )
