"""Whether nova-api would move instances, and how."""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from nova import objects
from nova.compute import vm_states
from nova.db.main import models
from oslo_serialization import jsonutils
import sqlalchemy as sa

from nfv_sched.nova import cell_databases
from nfv_sched.nova import stored_requests
from nfv_sched.nova.redact import describe_error

#: States in which nova-api moves instances (``API.live_migrate``,
#: ``API.resize``).
_LIVE = (vm_states.ACTIVE, vm_states.PAUSED)
_COLD = (vm_states.ACTIVE, vm_states.STOPPED)
#: Databases accept a limited number of parameters in a query.
_AT_ONCE = 500


@dataclasses.dataclass(frozen=True, slots=True)
class Movability:
    """What is copied, and why an instance cannot be moved.

    ``live`` and ``cold`` say why not live and not cold; empty where Nova does
    it. ``memory_mib`` is that of the flavor. ``stored`` is the same for
    instances that claim alike if their requests are alike: what a move takes
    from the instance itself, see :mod:`nfv_sched.nova.move_claims`.
    """

    memory_mib: int
    live: str = ''
    cold: str = ''
    stored: str = ''


def read(
    uuids: Collection[str],
) -> tuple[dict[str, Movability], list[str]]:
    """The movability of instances in any Nova cell.

    :returns: by uuid, and a line for each cell or instance that could not be
        read
    """
    problems: list[str] = []
    found: dict[str, Movability] = {}
    wanted = sorted(uuids)
    for begin in range(0, len(wanted), _AT_ONCE):
        part = wanted[begin : begin + _AT_ONCE]
        for rows in cell_databases.query_at_once(
            _rows, part, problems=problems
        ):
            for row in rows:
                try:
                    found[row.uuid] = _movability(row)
                except Exception as error:
                    # Versioned objects raise what they like over JSON from
                    # elsewhere.
                    problems.append(
                        f'instance {row.uuid}: {describe_error(error)}'
                    )
    return found, problems


def _rows(context: Any, uuids: Sequence[str]) -> list[Any]:
    instance, extra = models.Instance, models.InstanceExtra
    query = (
        sa.select(
            instance.uuid,
            instance.vm_state,
            instance.task_state,
            instance.memory_mb,
            extra.flavor,
            extra.numa_topology,
            extra.pci_requests,
        )
        .outerjoin(
            extra,
            sa.and_(extra.instance_uuid == instance.uuid, extra.deleted == 0),
        )
        .where(instance.deleted == 0)
        .where(instance.uuid.in_(uuids))
    )
    return list(cell_databases.rows(context, query))


def _movability(row: Any) -> Movability:
    memory = int(row.memory_mb or 0)
    if row.task_state is not None:
        why = f'Nova is busy with it ({row.task_state})'
        return Movability(memory, why, why)
    extra_specs = _extra_specs(row.flavor)
    if extra_specs.get('accel:device_profile'):
        # block_accelerators of nova.compute.api.
        why = 'Nova does not move instances with Cyborg accelerators'
        return Movability(memory, why, why)
    live = cold = ''
    if row.vm_state not in _COLD:
        cold = f'Nova does not migrate an instance that is {row.vm_state}'
    if row.vm_state not in _LIVE:
        live = f'Nova does not migrate live what is {row.vm_state}'
    else:
        live = next(_obstacles(row, extra_specs), '')
    return Movability(memory, live, cold, _stored(row))


def _stored(row: Any) -> str:
    """The page sizes and the PCI requests of an instance."""
    topology = jsonutils.loads(row.numa_topology or '{}')
    cells = stored_requests.plain(topology).get('cells', ())
    requests = jsonutils.loads(row.pci_requests or '[]')
    text: str = jsonutils.dumps(
        [
            [cell.get('pagesize') for cell in cells],
            stored_requests.plain(requests),
        ],
        sort_keys=True,
    )
    return text


def _obstacles(row: Any, extra_specs: Mapping[str, str]) -> Iterator[str]:
    """Why an instance that runs cannot move live."""
    if extra_specs.get('hw:mem_encryption', '').lower() in ('true', '1'):
        # reject_mem_enc_instances of nova.compute.api.
        yield 'its memory is encrypted'
    if extra_specs.get('hw:pmem'):
        # LibvirtDriver.check_can_live_migrate_destination.
        yield 'it has persistent memory'
    if not row.pci_requests:
        return
    requests = objects.InstancePCIRequests.obj_from_db(
        None, row.uuid, row.pci_requests
    )
    for request in requests.requests:
        # LiveMigrationTask._check_can_migrate_pci.
        if request.source == request.NEUTRON_PORT:
            if any(spec.get('dev_type') == 'type-PF' for spec in request.spec):
                yield 'a port has a whole physical function'
        elif not request.is_live_migratable():
            yield (
                f'devices of alias {request.alias_name} are not requested '
                'as live_migratable'
            )


def _extra_specs(text: str | None) -> Mapping[str, str]:
    if not text:
        return {}
    flavor = jsonutils.loads(text)['cur']['nova_object.data']
    specs: Mapping[str, str] = flavor.get('extra_specs') or {}
    return specs
