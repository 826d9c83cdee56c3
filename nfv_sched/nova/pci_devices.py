"""The PCI devices of compute nodes, as a Nova cell's database has them."""

from collections.abc import Collection
from collections.abc import Mapping
import dataclasses
from typing import Any

from nova.db.main import models
from nova.objects import fields
import sqlalchemy as sa

from nfv_sched.nova import cell_databases

_GONE = (fields.PciDeviceStatus.REMOVED, fields.PciDeviceStatus.DELETED)


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceRow:
    """The fields of a ``nova.objects.PciDevice`` that are read.

    A cloud has hundreds of thousands of devices, and Nova's objects take
    seconds to make.
    """

    address: str
    vendor_id: str
    product_id: str
    dev_type: str
    status: str
    numa_node: int | None
    parent_addr: str | None
    instance_uuid: str | None
    request_id: str | None

    def __contains__(self, name: str) -> bool:
        """Whether a field is set: always, as far as there is one."""
        return name in self.__slots__


def devices_of(
    context: Any, nodes: Collection[int]
) -> Mapping[int, list[DeviceRow]]:
    """The devices of compute nodes, by the nodes' ids.

    :param context: targeted at the Nova cell
    """
    device = models.PciDevice
    columns = [
        getattr(device, field.name) for field in dataclasses.fields(DeviceRow)
    ]
    query = (
        sa.select(device.compute_node_id, *columns)
        .where(device.deleted == 0)
        .where(device.compute_node_id.in_(nodes))
        .order_by(device.address)
    )
    devices: dict[int, list[DeviceRow]] = {node: [] for node in nodes}
    for node, *values in cell_databases.rows(context, query):
        row = DeviceRow(*values)
        if row.status not in _GONE:
            devices[node].append(row)
    return devices


def summaries(
    context: Any, first: int, last: int
) -> Mapping[int, tuple[object, ...]]:
    """How many devices compute nodes have, and when they changed.

    By the ids of the nodes, from the first to the last one.

    :param context: targeted at the Nova cell
    """
    device = models.PciDevice
    query = (
        sa.select(
            device.compute_node_id,
            sa.func.count(device.id),
            sa.func.max(device.updated_at),
            sa.func.max(device.created_at),
        )
        .where(
            device.deleted == 0,
            device.compute_node_id >= first,
            device.compute_node_id <= last,
        )
        .group_by(device.compute_node_id)
    )
    return {
        node: tuple(summary)
        for node, *summary in cell_databases.rows(context, query)
    }
