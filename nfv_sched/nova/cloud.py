"""Every compute node of every cell, page by page, with its guests.

Reads only. What a cell that is down keeps back is told, not raised.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from nova import context as nova_context
from nova import objects
from nova import servicegroup
import nova.conf
from nova.db.main import models
import sqlalchemy as sa

from nfv_sched.nova import databases
from nfv_sched.nova import domains
from nfv_sched.nova import residents

CONF = nova.conf.CONF

#: Compute nodes per query.
PAGE = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """One ``nova.objects.ComputeNode`` with all that belongs to it.

    ``service`` is its ``nova.objects.Service``, None if it has none; ``up``
    is whether that sent a heartbeat of late.
    """

    compute: Any
    service: Any
    up: bool
    devices: tuple[residents.DeviceRow, ...]
    guests: tuple[residents.Running, ...]


class Reader:
    """Reads all cells, once.

    ``problems`` grows while :meth:`nodes` is read.

    :raises nfv_sched.nova.databases.NoDatabaseError: nova.conf names no API
        database
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._context = databases.admin_context()
        self._aggregates = list(objects.AggregateList.get_all(self._context))
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

    def aggregates(self) -> list[tuple[str, dict[str, str]]]:
        """Names and metadata of host aggregates."""
        return [
            (aggregate.name, dict(aggregate.metadata))
            for aggregate in self._aggregates
        ]

    def domains(self, kinds: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """The failure domains of hosts, by name and kind."""
        return domains.of_hosts(self._aggregates, kinds)

    def nodes(self, uuids: Collection[str] | None = None) -> Iterator[Node]:
        """Every compute node, or those of these uuids."""
        for cell in databases.cells(self._context):
            try:
                with nova_context.target_cell(self._context, cell) as targeted:
                    yield from self._of_cell(targeted, uuids)
            except Exception as error:
                # Whatever a database that is down raises.
                self.problems.append(databases.problem(cell, error))

    def _of_cell(
        self, context: Any, uuids: Collection[str] | None
    ) -> Iterator[Node]:
        services = {
            service.host: service
            for service in objects.ServiceList.get_by_binary(
                context, 'nova-compute', include_disabled=True
            )
        }
        wanted = _uuids(context) if uuids is None else list(uuids)
        problems: dict[str, str] = {}
        for start in range(0, len(wanted), PAGE):
            some = wanted[start : start + PAGE]
            for nodes in databases.in_parts(
                lambda few: list(
                    objects.ComputeNodeList.get_all_by_uuids(context, few)
                ),
                some,
                problems,
            ):
                yield from self._of_page(context, nodes, services)
        self.problems += [f'compute node {text}' for text in problems.values()]

    def _of_page(
        self, context: Any, page: list[Any], services: Mapping[str, Any]
    ) -> Iterator[Node]:
        devices = residents.devices_of(context, [node.id for node in page])
        guests: dict[tuple[str, str], list[residents.Running]] = {}
        for one in residents.running_on(context, {node.host for node in page}):
            guests.setdefault((one.host, one.node), []).append(one)
            if one.problem:
                self.problems.append(one.problem)
        for node in page:
            service = services.get(node.host)
            yield Node(
                node,
                service,
                service is not None and self._group.service_is_up(service),
                tuple(devices[node.id]),
                tuple(guests.get((node.host, node.hypervisor_hostname), ())),
            )


def _uuids(context: Any) -> list[str]:
    """The compute nodes of a cell."""
    node = models.ComputeNode
    query = sa.select(node.uuid).where(node.deleted == 0).order_by(node.id)
    return [row.uuid for row in databases.rows(context, query)]
