"""The compute nodes of all Nova cells, with what belongs to them.

The databases are only read.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
from typing import Any
from typing import NamedTuple

from nova import objects
from nova import servicegroup
import nova.conf
from nova.db.main import models
import sqlalchemy as sa

from nfv_sched.nova import cell_databases
from nfv_sched.nova import failure_domains
from nfv_sched.nova import instances
from nfv_sched.nova import migrations
from nfv_sched.nova import pci_devices
from nfv_sched.nova.pci_devices import DeviceRow
from nfv_sched.nova.types import Aggregate
from nfv_sched.nova.types import ComputeNode
from nfv_sched.nova.types import ComputeService

CONF = nova.conf.CONF

#: Compute nodes per query.
PAGE = 200


class NodeRow(NamedTuple):
    """The names and times of a compute node.

    Nova's objects always read whole rows, topologies included.
    """

    id: int
    uuid: str
    host: str
    name: str
    updated_at: datetime.datetime | None
    created_at: datetime.datetime | None


@dataclasses.dataclass(frozen=True, slots=True)
class NodePage:
    """Compute nodes that were read together, each with its devices.

    ``problems`` are those of compute nodes that could not be read, by uuid.
    """

    nodes: Sequence[tuple[ComputeNode, Sequence[DeviceRow]]]
    problems: Mapping[str, str]


def node_rows(context: Any, size: int = 500) -> Iterator[list[NodeRow]]:
    """The names and times of all compute nodes of a Nova cell, in pages.

    :param context: targeted at the Nova cell
    """
    after = 0
    while page := _rows(context, after, size):
        yield page
        after = page[-1].id


def _rows(context: Any, after: int, size: int) -> list[NodeRow]:
    """A page of compute nodes after an id."""
    node = models.ComputeNode
    query = (
        sa.select(
            node.id,
            node.uuid,
            node.host,
            node.hypervisor_hostname,
            node.updated_at,
            node.created_at,
        )
        .where(node.deleted == 0, node.id > after)
        .order_by(node.id)
        .limit(size)
    )
    return [NodeRow(*row) for row in cell_databases.rows(context, query)]


def read_pages(
    context: Any, uuids: Sequence[str], size: int = PAGE
) -> Iterator[NodePage]:
    """Read compute nodes of a Nova cell, with two queries per page.

    :param context: targeted at the Nova cell
    :raises Exception: whatever a database that is down raises
    """
    for start in range(0, len(uuids), size):
        errors: dict[str, str] = {}
        nodes = [
            node
            for part in cell_databases.split_on_error(
                lambda part: _nodes_with_devices(context, part),
                uuids[start : start + size],
                errors,
            )
            for node in part
        ]
        problems = {
            uuid: f'compute node {uuid}: {error}'
            for uuid, error in errors.items()
        }
        yield NodePage(nodes, problems)


def _nodes_with_devices(
    context: Any, uuids: Sequence[str]
) -> list[tuple[ComputeNode, Sequence[DeviceRow]]]:
    nodes = list(objects.ComputeNodeList.get_all_by_uuids(context, uuids))
    devices = pci_devices.devices_of(context, [node.id for node in nodes])
    return [(node, devices[node.id]) for node in nodes]


@dataclasses.dataclass(frozen=True, slots=True)
class ComputeNodeRecord:
    """One ``nova.objects.ComputeNode`` with all that belongs to it.

    ``service`` is its ``nova.objects.Service``, None if it has none; ``up``
    is whether that sent a heartbeat recently. ``migrating`` are the claims
    that migrations hold for instances that are elsewhere.
    """

    compute: ComputeNode
    service: ComputeService | None
    up: bool
    devices: Sequence[DeviceRow]
    guests: Sequence[instances.InstanceRow]
    migrating: Sequence[migrations.MigrationClaim] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class AggregateRecord:
    """A host aggregate: its metadata, and the names of its hosts."""

    name: str
    metadata: Mapping[str, str]
    hosts: tuple[str, ...] = ()


class CloudReader:
    """Reads all Nova cells, once.

    ``problems`` grows while :meth:`nodes` is read, as does ``unread``: the
    names of hosts that are not wanted.

    :raises nfv_sched.nova.cell_databases.NoDatabaseError: nova.conf names no
        API database
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.unread: list[str] = []
        self._context = cell_databases.admin_context()
        self._aggregates: list[Aggregate] = list(
            objects.AggregateList.get_all(self._context)
        )
        self._group = servicegroup.API()

    def zones(self) -> Callable[[str], str]:
        """The availability zone of each host, by its name."""
        named = {
            host: aggregate.metadata['availability_zone']
            for aggregate in self._aggregates
            if 'availability_zone' in aggregate.metadata
            for host in aggregate.hosts
        }
        default = str(CONF.default_availability_zone)
        return lambda host: str(named.get(host, default))

    def aggregates(self) -> list[AggregateRecord]:
        """The host aggregates."""
        return [
            AggregateRecord(
                str(aggregate.name),
                dict(aggregate.metadata),
                tuple(aggregate.hosts),
            )
            for aggregate in self._aggregates
        ]

    def domains(self, kinds: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The failure domains of hosts, by name and kind."""
        return failure_domains.domains_by_host(self._aggregates, kinds)

    def nodes(
        self,
        uuids: Collection[str] | None = None,
        wanted: Callable[[str, str], bool] = lambda host, node: True,
    ) -> Iterator[ComputeNodeRecord]:
        """Every compute node, or those of these uuids.

        :param wanted: whether to read a compute node, by the names of its
            service and of its hypervisor; not asked about ``uuids``
        """
        for cell in cell_databases.cells(self._context):
            with cell_databases.visit(
                self._context, cell, self.problems
            ) as targeted:
                yield from self._of_cell(
                    targeted,
                    self._wanted(targeted, wanted) if uuids is None else uuids,
                )

    def _wanted(
        self, context: Any, wanted: Callable[[str, str], bool]
    ) -> list[str]:
        """The uuids of the wanted compute nodes of a Nova cell."""
        uuids = []
        for page in node_rows(context):
            for row in page:
                if wanted(row.host, row.name):
                    uuids.append(row.uuid)
                else:
                    self.unread.append(row.host)
        return uuids

    def _of_cell(
        self, context: Any, uuids: Collection[str]
    ) -> Iterator[ComputeNodeRecord]:
        services: dict[str, ComputeService] = {
            service.host: service
            for service in objects.ServiceList.get_by_binary(
                context, 'nova-compute', include_disabled=True
            )
        }
        held: dict[tuple[str, str], list[migrations.MigrationClaim]] = {}
        for claim in migrations.in_progress(context):
            held.setdefault((claim.host, claim.node), []).append(claim)
            if claim.instance.problem:
                self.problems.append(claim.instance.problem)
        for page in read_pages(context, list(uuids), PAGE):
            self.problems += page.problems.values()
            yield from self._of_page(context, page, services, held)

    def _of_page(
        self,
        context: Any,
        page: NodePage,
        services: Mapping[str, ComputeService],
        held: Mapping[tuple[str, str], Sequence[migrations.MigrationClaim]],
    ) -> Iterator[ComputeNodeRecord]:
        guests: dict[tuple[str, str], list[instances.InstanceRow]] = {}
        for instance in instances.instances_on(
            context, {node.host for node, _ in page.nodes}
        ):
            guests.setdefault((instance.host, instance.node), []).append(
                instance
            )
            if instance.problem:
                self.problems.append(instance.problem)
        for node, devices in page.nodes:
            service = services.get(node.host)
            yield ComputeNodeRecord(
                node,
                service,
                service is not None and self._group.service_is_up(service),
                devices,
                guests.get((node.host, node.hypervisor_hostname), ()),
                held.get((node.host, node.hypervisor_hostname), ()),
            )
