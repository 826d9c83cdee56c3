"""A simulated cloud in one process.

Real: Nova's and Placement's databases (SQLite), Placement, the scheduler, the
claim of nova-compute. Simulated: the hardware, and the messages between the
services.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import contextlib
import pathlib
import tempfile
import threading
import time
from typing import Any

from nova import context as nova_context
from nova import exception
from nova import objects
from nova.compute import utils as compute_utils
from nova.compute import vm_states
from nova.scheduler import manager
from nova.scheduler import utils as scheduler_utils
from nova.scheduler.client import report
import oslo_messaging as messaging
from oslo_utils import uuidutils

from nfv_sched.model import HostTopology
from nfv_sched.nova import compute_topology
from nfv_sched.nova import failure_domains
from nfv_sched.scheduler import process
from nfv_sched.scheduler.decision_journal import DecisionJournal
from nfv_sched.sim import boot_request
from nfv_sched.sim import databases
from nfv_sched.sim import placement
from nfv_sched.sim import settings
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.boot_result import SimulatedBoot
from nfv_sched.sim.boot_result import SimulatedInstance
from nfv_sched.sim.compute import Compute
from nfv_sched.sim.machine import Machine

# Nova's options, databases and caches are global to the process.
_ONE_AT_A_TIME = threading.Lock()


class Cloud:
    """A running cloud; :func:`simulated_cloud` creates it.

    ``computes`` are the hosts by name. ``application`` is Placement as a WSGI
    application, ``placement`` a keystoneauth adapter for it as admin.
    ``profile`` is that of the scheduler in use, with the cloud's options.
    ``cell`` is the Nova cell of all hosts, ``cell_context`` is targeted at it.
    """

    def __init__(
        self,
        cell_url: str,
        application: Any,
        profile: settings.Profile,
        options: Mapping[str, Any],
    ) -> None:
        self._options = options
        self.application = application
        self.placement = placement.client(application)
        self.computes: dict[str, Compute] = {}
        self.context = nova_context.RequestContext(
            user_id='sim', project_id='sim', is_admin=True
        )
        self.cell = objects.CellMapping(
            self.context,
            uuid=uuidutils.generate_uuid(),
            name='cell1',
            transport_url='none:///',
            database_connection=cell_url,
            disabled=False,
        )
        self.cell.create()
        # Like every service, nova-compute uses the database of its own cell.
        self.cell_context = nova_context.get_admin_context()
        nova_context.set_target_cell(self.cell_context, self.cell)
        self._report = report.SchedulerReportClient(adapter=self.placement)
        report.PLACEMENTCLIENT = self._report
        self._flavor_ids: dict[str, int] = {}
        self._schedulers: dict[str, Any] = {}
        self.scheduler = self.use(profile)

    def use(self, profile: settings.Profile) -> Any:
        """Send boots to a scheduler of this profile.

        The cloud's own options come after the profile's. Each profile has
        one ``nova.scheduler.manager.SchedulerManager``, which lives as long
        as the cloud.

        :returns: the scheduler
        """
        profile = profile.with_options(self._options)
        self.profile = profile
        options = settings.profile_options(profile)
        # The thread that reads all instances would race with the cloud, whose
        # computes report their instances to each scheduler.
        options['filter_scheduler.track_instance_changes'] = False
        if profile.name not in self._schedulers:
            with settings.override(options):
                self._schedulers[profile.name] = manager.SchedulerManager()
            for host in self.computes:
                self._introduce(self._schedulers[profile.name], host)
        self.scheduler = self._schedulers[profile.name]
        return self.scheduler

    def add_host(self, name: str, machine: Machine) -> Compute:
        """Start a nova-compute on a machine and map it to the cell."""
        compute = Compute(self.cell_context, name, machine, self.placement)
        self.computes[name] = compute
        objects.HostMapping(
            self.context, host=name, cell_mapping=self.cell
        ).create()
        for scheduler in self._schedulers.values():
            self._introduce(scheduler, name)
        return compute

    def _introduce(self, scheduler: Any, host: str) -> None:
        """Send a scheduler the instances of a host.

        Twice: the first time it reads them from the database, the second
        time it accepts the list and reads the database no more.
        """
        uuids = objects.InstanceList.get_uuids_by_host(self.cell_context, host)
        for _ in range(2):
            scheduler.sync_instance_info(self.context, host, uuids)

    def report_instances(self, host: str) -> None:
        """Send the schedulers the instances of a host."""
        for scheduler in self._schedulers.values():
            self._introduce(scheduler, host)

    def disable(self, host: str) -> None:
        """Disable a nova-compute, so that nothing is scheduled on it."""
        service = objects.Service.get_by_compute_host(self.cell_context, host)
        service.disabled = True
        service.save()

    def add_aggregate(
        self,
        name: str,
        hosts: Sequence[str],
        metadata: Mapping[str, str] | None = None,
    ) -> Any:
        """Create a host aggregate, such as a rack."""
        aggregate = objects.Aggregate(
            self.context, name=name, metadata=dict(metadata or {})
        )
        aggregate.create()
        for host in hosts:
            aggregate.add_host(host)
        for scheduler in self._schedulers.values():
            scheduler.update_aggregates(self.context, [aggregate])
        return aggregate

    def add_group(
        self, name: str, policy: str, max_per_host: int | None = None
    ) -> boot_request.SimulatedGroup:
        """Create a server group.

        :param max_per_host: rule ``max_server_per_host``, anti-affinity only
        """
        rules = (
            {}
            if max_per_host is None
            else {'max_server_per_host': max_per_host}
        )
        group = objects.InstanceGroup(
            self.context,
            name=name,
            policy=policy,
            rules=rules,
            user_id=self.context.user_id,
            project_id=self.context.project_id,
        )
        group.create()
        return boot_request.SimulatedGroup(group.uuid, name, policy)

    def add_flavor(self, flavor: boot_request.SimulatedFlavor) -> None:
        """Store a flavor in the API database, for other processes.

        Once: one that is stored stays. Instances that are booted afterwards
        name it.
        """
        if flavor.name in self._flavor_ids:
            return
        made = boot_request.nova_flavor(self.context, flavor)
        # The id is that of a flavor that is not stored.
        values = {
            name: getattr(made, name)
            for name in made.fields
            if name != 'id' and made.obj_attr_is_set(name)
        }
        stored = objects.Flavor(self.context, **values)
        stored.create()
        self._flavor_ids[flavor.name] = stored.id

    def store_request(self, instance: SimulatedInstance) -> None:
        """Store the request of an instance, for other processes."""
        spec = self.request_spec(
            instance.flavor, group=instance.group, uuids=[instance.uuid]
        )
        spec.create()

    def request_spec(
        self,
        flavor: boot_request.SimulatedFlavor,
        *,
        group: boot_request.SimulatedGroup | None = None,
        **values: Any,
    ) -> Any:
        """The ``objects.RequestSpec`` of a boot, as of nova-conductor.

        :param values: parameters of
            :func:`nfv_sched.sim.boot_request.request_spec`
        :raises nova.exception.NovaException: Nova refuses the request
        """
        record = group and objects.InstanceGroup.get_by_uuid(
            self.context, group.uuid
        )
        spec = boot_request.request_spec(
            self.context, flavor, group=record, **values
        )
        if record:
            scheduler_utils.setup_instance_group(self.context, spec)
        return spec

    def host_states(self, spec: Any = None) -> list[Any]:
        """A new ``HostState`` of every host, sorted by name."""
        states = self.scheduler.host_manager.get_host_states_by_uuids(
            self.context.elevated(), None, spec
        )
        return sorted(states, key=lambda state: str(state.host))

    def topologies(self) -> list[HostTopology]:
        """The hardware and usage of every host, for the publisher."""
        kinds = settings.failure_domain_kinds()
        named = failure_domains.read_domains(self.context, kinds)
        return [
            compute_topology.topology_of(
                compute.node, compute.devices, named.get(name)
            )
            for name, compute in self.computes.items()
        ]

    def candidates(self, spec: Any) -> set[str]:
        """The hosts among Placement's allocation candidates of a request."""
        resources = scheduler_utils.resources_from_request_spec(
            self.context, spec, self.scheduler.host_manager
        )
        _, summaries, _ = self._report.get_allocation_candidates(
            self.context, resources
        )
        return {
            name
            for name, compute in self.computes.items()
            if compute.node.uuid in (summaries or {})
        }

    def boot(  # noqa: PLR0913 - everything in a request
        self,
        flavor: boot_request.SimulatedFlavor,
        *,
        name: str | None = None,
        count: int = 1,
        ports: Sequence[boot_request.Port] | None = None,
        image: Mapping[str, str] | None = None,
        group: boot_request.SimulatedGroup | None = None,
        hints: Mapping[str, Any] | None = None,
    ) -> list[SimulatedInstance]:
        """Boot ``count`` instances in one request.

        Either all are scheduled or none. A failed claim affects one instance
        alone, which is not tried on another host.

        :raises nova.exception.NovaException: Nova refuses the request
        """
        uuids = [uuidutils.generate_uuid() for _ in range(count)]
        if group:
            objects.InstanceGroup.add_members(self.context, group.uuid, uuids)
        spec = self.request_spec(
            flavor,
            ports=ports,
            image=image,
            group=group,
            hints=hints,
            uuids=uuids,
        )
        boot = SimulatedBoot(
            name or flavor.name, flavor, group, spec, tuple(uuids)
        )
        # The scheduler replaces the requested topology by the assigned one.
        requested = spec.numa_topology
        begin = time.perf_counter()
        try:
            selections = self._select_hosts(boot)
        except exception.NoValidHost as error:
            seconds = time.perf_counter() - begin
            return self._all_failed(boot, error, seconds)
        seconds = time.perf_counter() - begin
        return [
            self._claim(boot, uuid, selection[0], requested, seconds)
            for uuid, selection in zip(uuids, selections, strict=True)
        ]

    def _select_hosts(self, boot: SimulatedBoot) -> Sequence[Any]:
        """The scheduler's selections for each instance.

        :raises nova.exception.NovaException: Nova refuses the request, or no
            host is valid
        """
        try:
            selections: Sequence[Any] = self.scheduler.select_destinations(
                self.context,
                spec_obj=boot.spec,
                instance_uuids=list(boot.uuids),
                return_objects=True,
            )
        except messaging.ExpectedException as expected:
            raise expected.exc_info[1] from None
        return selections

    def _all_failed(
        self, boot: SimulatedBoot, error: Exception, schedule_seconds: float
    ) -> list[SimulatedInstance]:
        return [
            self._failed(
                boot,
                uuid,
                Outcome.NO_VALID_HOST,
                error=str(error),
                schedule_seconds=schedule_seconds,
            )
            for uuid in boot.uuids
        ]

    def _claim(
        self,
        boot: SimulatedBoot,
        uuid: str,
        selection: Any,
        requested: Any,
        schedule_seconds: float,
    ) -> SimulatedInstance:
        scheduler_utils.fill_provider_mapping(boot.spec, selection)
        instance = self._instance(boot, uuid, requested)
        compute_utils.update_pci_request_with_placement_allocations(
            self.context,
            self._report,
            instance.pci_requests.requests,
            boot.spec.get_request_group_mapping(),
        )
        compute = self.computes[selection.service_host]
        values: dict[str, Any] = {
            'host': compute.host,
            'schedule_seconds': schedule_seconds,
        }
        # The tracker counts builds by this state, for Nova's IoOpsWeigher:
        # here a build is over before the next request is scheduled.
        instance.vm_state = vm_states.ACTIVE
        begin = time.perf_counter()
        try:
            compute.claim(instance, selection.limits)
        except exception.NovaException as error:
            values['claim_seconds'] = time.perf_counter() - begin
            compute.abort(instance)
            return self._failed(
                boot,
                uuid,
                Outcome.CLAIM_FAILED,
                error=f'{type(error).__name__}: {error}',
                **values,
            )
        values['claim_seconds'] = time.perf_counter() - begin
        for scheduler in self._schedulers.values():
            scheduler.update_instance_info(
                self.context,
                compute.host,
                objects.InstanceList(objects=[instance]),
            )
        return boot.guest(
            uuid,
            Outcome.BOOTED,
            instance=instance,
            devices=tuple(compute.devices_of(uuid)),
            **values,
        )

    def _failed(
        self, boot: SimulatedBoot, uuid: str, outcome: Outcome, **values: Any
    ) -> SimulatedInstance:
        if boot.group:
            objects.InstanceGroup.destroy_members_bulk(self.context, [uuid])
        return boot.guest(uuid, outcome, **values)

    def _instance(self, boot: SimulatedBoot, uuid: str, requested: Any) -> Any:
        """Store the instance in the cell, as nova-conductor does."""
        requests = boot.spec.pci_requests.obj_clone()
        requests.instance_uuid = uuid
        instance = objects.Instance(
            self.cell_context,
            uuid=uuid,
            user_id=self.context.user_id,
            project_id=self.context.project_id,
            display_name=boot.name,
            vm_state=vm_states.BUILDING,
            flavor=boot.spec.flavor,
            instance_type_id=self._flavor_ids.get(boot.flavor.name),
            old_flavor=None,
            new_flavor=None,
            memory_mb=boot.flavor.ram_mib,
            vcpus=boot.flavor.vcpus,
            root_gb=boot.flavor.disk_gib,
            ephemeral_gb=0,
            system_metadata={},
            numa_topology=requested and requested.obj_clone(),
            pci_requests=requests,
        )
        instance.create()
        return instance

    def delete(self, guest: SimulatedInstance) -> None:
        """Delete an instance that runs, and free its resources."""
        # It may have moved.
        compute = self.computes[str(guest.instance.host)]
        compute.release(guest.instance)
        if guest.group:
            objects.InstanceGroup.destroy_members_bulk(
                self.context, [guest.uuid]
            )
        for scheduler in self._schedulers.values():
            scheduler.delete_instance_info(
                self.context, compute.host, guest.uuid
            )


@contextlib.contextmanager
def simulated_cloud(
    profile: settings.Profile = settings.NFV,
    *,
    aliases: Sequence[Mapping[str, str]] = (),
    options: Mapping[str, Any] | None = None,
    folder: pathlib.Path | None = None,
    journal: DecisionJournal | None = None,
) -> Iterator[Cloud]:
    """Run a cloud without hosts; one at a time in a process.

    :param profile: of the first scheduler
    :param aliases: values of ``[pci] alias``
    :param options: Nova options, named ``option`` or ``group.option``, which
        replace those of the profile
    :param folder: an empty folder for the databases; a temporary one if None
    :param journal: for the decisions of its schedulers
    :raises RuntimeError: another cloud is running
    """
    if not _ONE_AT_A_TIME.acquire(blocking=False):
        raise RuntimeError('only one cloud can run in a process')
    objects.register_all()
    options = dict(options or {})
    with contextlib.ExitStack() as stack:
        stack.callback(_ONE_AT_A_TIME.release)
        folder = folder or pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix='nfv-'))
        )
        values = {
            **databases.options(folder),
            **settings.profile_options(profile.with_options(options)),
        }
        stack.enter_context(settings.nova_settings(folder, aliases, values))
        cell_url = stack.enter_context(databases.nova_databases())
        application = stack.enter_context(placement.service(folder))
        stack.callback(setattr, report, 'PLACEMENTCLIENT', None)
        if process.current().serving or journal is not None:
            # Its threads would use the databases and the bus of this cloud.
            stack.enter_context(
                process.replaced(process.SchedulerProcess(journal=journal))
            )
        yield Cloud(cell_url, application, profile, options)
