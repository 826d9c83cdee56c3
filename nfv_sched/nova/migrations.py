"""The claims that migrations hold on hosts where the instance is not.

While an instance moves, nova-compute counts it on both hosts: on the other one
by the migration's record and the instance's migration context
(nova.compute.resource_tracker ``_update_usage_from_migration``).
"""

import dataclasses
from typing import Any

from nova import objects
from nova.db.main import models
import sqlalchemy as sa

from nfv_sched.nova import cell_databases
from nfv_sched.nova import instances
from nfv_sched.nova.instances import InstanceRow

#: States in which a migration holds nothing
#: (nova.db.main.api ``migration_get_in_progress_by_host_and_node``).
_ENDED = (
    'cancelled',
    'completed',
    'confirmed',
    'done',
    'error',
    'failed',
    'reverted',
)
# Fields of nova.objects.MigrationContext.
_OLD, _NEW = 'old_numa_topology', 'new_numa_topology'


@dataclasses.dataclass(frozen=True, slots=True)
class MigrationClaim:
    """What a migration holds on a host for an instance that is elsewhere.

    ``uuid`` is that of the migration, which is the consumer of the instance's
    allocations on the source. ``instance`` has the NUMA topology that is
    claimed on ``host`` and ``node``.
    """

    uuid: str
    host: str
    node: str
    instance: InstanceRow


def in_progress(context: Any) -> list[MigrationClaim]:
    """The claims of all migrations that have not ended.

    One query. A resize to the same host holds the topology that the instance
    does not have.

    :param context: targeted at the Nova cell
    """
    migration, instance = models.Migration, models.Instance
    extra = models.InstanceExtra
    query = (
        sa.select(
            migration.uuid.label('migration_uuid'),
            migration.source_compute,
            migration.source_node,
            migration.dest_compute,
            migration.dest_node,
            instance.uuid,
            instance.display_name,
            instance.host,
            instance.task_state,
            instance.instance_type_id,
            migration.old_instance_type_id,
            extra.flavor,
            extra.numa_topology,
            extra.migration_context,
        )
        .join(instance, instance.uuid == migration.instance_uuid)
        .outerjoin(
            extra,
            sa.and_(extra.instance_uuid == instance.uuid, extra.deleted == 0),
        )
        .where(migration.deleted == 0, instance.deleted == 0)
        .where(migration.status.not_in(_ENDED))
        .order_by(migration.id)
    )
    return [
        claim
        for row in cell_databases.rows(context, query)
        for claim in _claims(row)
    ]


def _claims(row: Any) -> list[MigrationClaim]:
    source = row.source_compute, row.source_node or row.source_compute
    destination = row.dest_compute, row.dest_node or row.dest_compute
    if source == destination:
        # The instance has one of the flavors, the other one is held.
        resized = row.instance_type_id != row.old_instance_type_id
        return [_claim(row, *source, _OLD if resized else _NEW)]
    return [
        _claim(row, host, node, field)
        for (host, node), field in ((source, _OLD), (destination, _NEW))
        if host and host != row.host
    ]


def _claim(row: Any, host: str, node: str, field: str) -> MigrationClaim:
    instance = InstanceRow(
        row.uuid,
        row.display_name or '',
        '',
        host,
        node,
        changing=row.task_state is not None,
    )
    try:
        flavor = instances.flavor_name(row.flavor)
        instance = dataclasses.replace(instance, flavor=flavor)
        if row.migration_context:
            moving = objects.MigrationContext.obj_from_db_obj(
                row.migration_context
            )
            topology = getattr(moving, field) if field in moving else None
            if topology is not None:
                cells, placement = instances.claimed_cells(topology)
                instance = dataclasses.replace(
                    instance, cells=cells, placement=placement
                )
    except Exception as error:
        # Versioned objects raise what they like over JSON from elsewhere.
        problem = f'instance {row.uuid}: {type(error).__name__}: {error}'
        instance = dataclasses.replace(instance, problem=problem)
    return MigrationClaim(row.migration_uuid, host, node, instance)
