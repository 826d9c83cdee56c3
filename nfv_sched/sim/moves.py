"""Cold migrations in a simulated cloud: Nova's scheduler, claim and tracker.

As nova-conductor and nova-compute make them, one after another and confirmed
at once. No memory and no disk is copied.
"""

import dataclasses
from typing import Any

from nova import objects
from nova.compute import task_states
from nova.compute import utils as compute_utils
from nova.compute import vm_states
from nova.conductor.tasks import migrate as migrate_task
from nova.objects import fields
from nova.scheduler import utils as scheduler_utils
from nova.scheduler.client import report
import oslo_messaging as messaging

from nfv_sched.sim.boot_result import SimulatedInstance
from nfv_sched.sim.cloud import Cloud


def migrate(
    cloud: Cloud, guest: SimulatedInstance, host: str
) -> SimulatedInstance:
    """Migrate an instance to a host, as an operator asks for it.

    Its RequestSpec has to be stored. The claim on the destination is a
    ``MoveClaim``, on limits of the scheduler in use.

    :raises nova.exception.NovaException: no valid host, or the claim failed
    """
    context, instance = cloud.context, guest.instance
    instance.task_state = task_states.RESIZE_PREP
    instance.save()
    migration = _migration(instance)
    migrate_task.replace_allocation_with_migration(
        context, instance, migration
    )
    client = report.report_client_singleton()
    try:
        selection, spec = _select(cloud, instance, host)
        requests = instance.pci_requests.requests
        compute_utils.update_pci_request_with_placement_allocations(
            context, client, requests, spec.get_request_group_mapping()
        )
        cloud.computes[host].claim_move(instance, migration, selection.limits)
    except Exception:
        instance.task_state = None
        instance.save()
        migrate_task.revert_allocation_for_migration(
            context,
            objects.ComputeNode.get_by_host_and_nodename(
                cloud.cell_context, instance.host, instance.node
            ),
            instance,
            migration,
        )
        raise
    source = cloud.computes[str(instance.host)]
    instance.apply_migration_context()
    instance.host = instance.node = host
    instance.compute_id = cloud.computes[host].node.id
    instance.vm_state = vm_states.ACTIVE
    instance.task_state = None
    instance.old_flavor = instance.flavor
    instance.save()
    source.confirm_move(instance, migration)
    client.delete_allocation_for_instance(context, migration.uuid)
    for compute in (source, cloud.computes[host]):
        compute.update()
        cloud.report_instances(compute.host)
    return dataclasses.replace(guest, host=host, instance=instance)


def _migration(instance: Any) -> Any:
    migration = objects.Migration(
        instance._context,  # noqa: SLF001 - that of its cell
        source_compute=instance.host,
        source_node=instance.node,
        instance_uuid=instance.uuid,
        status='pre-migrating',
        migration_type=fields.MigrationType.MIGRATION,
        old_instance_type_id=instance.flavor.id,
        new_instance_type_id=instance.flavor.id,
        user_id=instance.user_id,
        project_id=instance.project_id,
    )
    migration.create()
    return migration


def _select(cloud: Cloud, instance: Any, host: str) -> tuple[Any, Any]:
    """The selection of the scheduler, and the request that it was for."""
    spec = objects.RequestSpec.get_by_instance_uuid(
        cloud.context, instance.uuid
    )
    spec.reset_forced_destinations()
    spec.ignore_hosts = [instance.host]
    spec.requested_destination = objects.Destination(
        host=host, node=host, cell=cloud.cell
    )
    spec.requested_resources = []
    if spec.pci_requests:
        spec.generate_request_groups_from_pci_requests()
    scheduler_utils.setup_instance_group(cloud.context, spec)
    try:
        selections = cloud.scheduler.select_destinations(
            cloud.context,
            spec_obj=spec,
            instance_uuids=[instance.uuid],
            return_objects=True,
            return_alternates=False,
        )
    except messaging.ExpectedException as expected:
        raise expected.exc_info[1] from None
    selection = selections[0][0]
    scheduler_utils.fill_provider_mapping(spec, selection)
    return selection, spec
