"""The guests and devices of compute nodes, as a cell's database has them.

Read with few queries for many nodes, and without Nova's ways of loading
instances: those mend old records on sight, and nothing here ever writes.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import functools
from typing import Any

from nova import objects
from nova.db.main import api as main_db
from nova.db.main import models
from nova.objects import fields
from nova.objects import instance_numa
from oslo_serialization import jsonutils
import sqlalchemy as sa

from nfv_sched.model import CellPlacement
from nfv_sched.model import GuestCell

_GONE = (fields.PciDeviceStatus.REMOVED, fields.PciDeviceStatus.DELETED)


@dataclasses.dataclass(frozen=True, slots=True)
class Running:
    """An instance, on the compute node ``node`` of the service ``host``.

    ``cells`` and ``placement`` belong together, guest cell by guest cell.
    ``problem`` says why they could not be read.
    """

    uuid: str
    name: str
    flavor: str
    host: str
    node: str
    cells: tuple[GuestCell, ...] = ()
    placement: tuple[CellPlacement, ...] = ()
    problem: str | None = None


def running_on(context: Any, hosts: Collection[str]) -> list[Running]:
    """The instances of compute services, by name.

    :param context: targeted at the cell
    """
    return [_running(row) for row in _instances(context, list(hosts))]


@main_db.pick_context_manager_reader  # type: ignore[untyped-decorator]
def _instances(context: Any, hosts: list[str]) -> list[Any]:
    instance, extra = models.Instance, models.InstanceExtra
    return list(
        context.session.execute(
            sa.select(
                instance.uuid,
                instance.display_name,
                instance.host,
                instance.node,
                extra.flavor,
                extra.numa_topology,
            )
            .outerjoin(
                extra,
                sa.and_(
                    extra.instance_uuid == instance.uuid, extra.deleted == 0
                ),
            )
            .where(instance.deleted == 0)
            .where(instance.host.in_(hosts))
            .order_by(instance.host, instance.display_name, instance.uuid)
        )
    )


def _running(row: Any) -> Running:
    cells: tuple[GuestCell, ...] = ()
    placement: tuple[CellPlacement, ...] = ()
    problem = None
    try:
        if row.numa_topology:
            topology = _topology(row.numa_topology)
            cells, placement = _placed(topology.cells)
        flavor = _flavor_name(row.flavor)
    except Exception as error:
        # Versioned objects raise what they like over JSON from elsewhere.
        problem = f'guest {row.uuid}: {type(error).__name__}: {error}'
        flavor = ''
    return Running(
        row.uuid,
        row.display_name or '',
        flavor,
        row.host,
        row.node or row.host,
        cells,
        placement,
        problem,
    )


@functools.lru_cache(maxsize=1024)
def _flavor_name(text: str | None) -> str:
    """The name in ``instance_extra.flavor``; most guests share a flavor."""
    if not text:
        return ''
    return str(jsonutils.loads(text)['cur']['nova_object.data']['name'])


def _topology(text: str) -> Any:
    topology = objects.InstanceNUMATopology.obj_from_primitive(
        jsonutils.loads(text)
    )
    # In memory only: dedicated CPUs were among the others before Victoria.
    instance_numa.InstanceNUMATopology._migrate_legacy_dedicated_instance_cpuset(  # noqa: SLF001
        topology
    )
    return topology


def _placed(
    cells: Iterable[Any],
) -> tuple[tuple[GuestCell, ...], tuple[CellPlacement, ...]]:
    asked, given = [], []
    for index, cell in enumerate(cells):
        # Not a field, but a view of one.
        pinning = (
            cell.cpu_pinning if 'cpu_pinning_raw' in cell else None
        ) or {}
        asked.append(
            GuestCell(
                index,
                cell.memory,
                frozenset(cell.cpuset),
                frozenset(_get(cell, 'pcpuset') or ()),
                _get(cell, 'pagesize') or None,
                _get(cell, 'cpu_policy'),
                _get(cell, 'cpu_thread_policy'),
            )
        )
        given.append(
            CellPlacement(
                index,
                cell.id,
                tuple(sorted(pinning.items())),
                frozenset(_get(cell, 'cpuset_reserved') or ()),
                _get(cell, 'pagesize') or None,
            )
        )
    return tuple(asked), tuple(given)


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceRow:
    """What is needed of a ``nova.objects.PciDevice``, in its words.

    A cloud has hundreds of thousands, of which Nova's objects take seconds
    to make.
    """

    address: str
    vendor_id: str
    product_id: str
    dev_type: str
    status: str
    numa_node: int | None
    parent_addr: str | None
    instance_uuid: str | None

    def __contains__(self, name: str) -> bool:
        """Whether a field is set: always, as far as there is one."""
        return name in self.__slots__


def devices_of(
    context: Any, nodes: Collection[int]
) -> Mapping[int, list[DeviceRow]]:
    """The devices of compute nodes, by the nodes' ids.

    :param context: targeted at the cell
    """
    found: dict[int, list[DeviceRow]] = {node: [] for node in nodes}
    for node, *facts in _devices(context, list(nodes)):
        device = DeviceRow(*facts)
        if device.status not in _GONE:
            found[node].append(device)
    return found


@main_db.pick_context_manager_reader  # type: ignore[untyped-decorator]
def _devices(context: Any, nodes: list[int]) -> list[Any]:
    device = models.PciDevice
    columns = [
        getattr(device, field.name) for field in dataclasses.fields(DeviceRow)
    ]
    return list(
        context.session.execute(
            sa.select(device.compute_node_id, *columns)
            .where(device.deleted == 0)
            .where(device.compute_node_id.in_(nodes))
            .order_by(device.address)
        )
    )


def _get(obj: Any, name: str) -> Any:
    """A field of a versioned object, None where it is not set."""
    return getattr(obj, name) if name in obj else None
