"""The compute nodes of all Nova cells, and which of them changed.

The databases are only read. What is published is read through Nova's objects
or models; changes are detected by a few columns of all rows, since Nova's
objects always read whole rows.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
from typing import Any

from nova import context as nova_context
from nova import objects
from nova import servicegroup
import nova.conf
from nova.db.main import models
from oslo_utils import timeutils
import sqlalchemy as sa

from nfv_sched.model import HostTopology
from nfv_sched.nova import cell_databases
from nfv_sched.nova import failure_domains
from nfv_sched.nova import instances
from nfv_sched.nova import pci_devices
from nfv_sched.nova.compute_topology import MalformedComputeError
from nfv_sched.nova.compute_topology import read_failure_domains
from nfv_sched.nova.compute_topology import topology_of

#: Seconds for which a changed row may change again without a new time: MySQL
#: keeps whole seconds, and clocks of computes differ.
SETTLE_SECONDS = 30.0

#: Differs after a compute node changed.
Version = tuple[object, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class NodeVersion:
    """A compute node and the version of its rows.

    ``mark`` is another one after the node, one of its devices or its failure
    domains changed. Unless it is ``settled`` they may change once more and
    leave it as it is.
    """

    uuid: str
    host: str
    name: str
    mark: Version
    settled: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Scan:
    """All compute nodes by uuid, by cell.

    ``problems`` say which cells could not be read; ``complete`` is whether
    every cell answered, so that a compute node that is not here is gone.
    """

    cells: tuple[tuple[Any, Mapping[str, NodeVersion]], ...]
    domains: Mapping[str, Mapping[str, str]]
    problems: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every cell answered."""
        return not self.problems

    @property
    def node_versions(self) -> dict[str, NodeVersion]:
        """The compute nodes of all cells."""
        return {
            uuid: node_version
            for _, found in self.cells
            for uuid, node_version in found.items()
        }


@dataclasses.dataclass(frozen=True, slots=True)
class NodePage:
    """Compute nodes that were read; ``problems`` by uuid or cell."""

    hosts: tuple[HostTopology, ...]
    problems: Mapping[str, str]


def scan(kinds: Sequence[str] = (), page: int = 500) -> Scan:
    """Scan all compute nodes, a page of rows at a time.

    :param kinds: of failure domains to read: one query for all hosts
    :raises nfv_sched.nova.cell_databases.NoDatabaseError: nova.conf names no
        API database
    """
    context = cell_databases.admin_context()
    named = read_failure_domains(context, kinds)
    cells = []
    problems = []
    for cell in cell_databases.cells(context):
        try:
            with nova_context.target_cell(context, cell) as targeted:
                found = list(_scan_cell(targeted, named, page))
        except Exception as error:
            # Whatever a database that is down raises.
            problems.append(cell_databases.problem(cell, error))
        else:
            cells.append((cell, {one.uuid: one for one in found}))
    return Scan(tuple(cells), named, tuple(problems))


def read_nodes(
    found: Scan, wanted: Collection[str], page: int = 500
) -> Iterator[NodePage]:
    """Read the compute nodes with the uuids ``wanted``, in pages."""
    context = nova_context.get_admin_context()
    for cell, node_versions in found.cells:
        mine = [uuid for uuid in node_versions if uuid in wanted]
        for start in range(0, len(mine), page):
            uuids = mine[start : start + page]
            try:
                with nova_context.target_cell(context, cell) as targeted:
                    read_page = _read_page(targeted, uuids, found.domains)
            except Exception as error:
                problem = cell_databases.problem(cell, error)
                yield NodePage((), dict.fromkeys(mine[start:], problem))
                break
            yield read_page


def _read_page(
    context: Any,
    uuids: Sequence[str],
    named: Mapping[str, Mapping[str, str]],
) -> NodePage:
    problems: dict[str, str] = {}
    pages = list(
        cell_databases.split_on_error(
            lambda some: _topology_page(
                _nodes_with_devices(context, some), named
            ),
            uuids,
            problems,
        )
    )
    for page in pages:
        problems.update(page.problems)
    return NodePage(
        tuple(host for page in pages for host in page.hosts), problems
    )


def _scan_cell(
    context: Any, named: Mapping[str, Mapping[str, str]], page: int
) -> Iterator[NodeVersion]:
    after = 0
    while rows := _rows(context, after, page):
        first, after = rows[0].id, rows[-1].id
        devices = {
            row[0]: tuple(row[1:])
            for row in _device_versions(context, first, after)
        }
        now = timeutils.utcnow()
        for row in rows:
            mine = devices.get(row.id, ())
            where = tuple(sorted(named.get(row.host, {}).items()))
            times = [
                one
                for one in (row.updated_at, row.created_at, *mine)
                if isinstance(one, datetime.datetime)
            ]
            age = (now - max(times, default=now)).total_seconds()
            yield NodeVersion(
                row.uuid,
                row.host,
                row.hypervisor_hostname,
                (row.id, row.updated_at, row.created_at, mine, where),
                age > SETTLE_SECONDS,
            )


def _rows(context: Any, after: int, page: int) -> Any:
    """A page of compute nodes after an id."""
    node = models.ComputeNode
    return cell_databases.rows(
        context,
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
        .limit(page),
    )


def _device_versions(context: Any, first: int, last: int) -> Any:
    """How many devices each of these compute nodes has, and their times."""
    device = models.PciDevice
    return cell_databases.rows(
        context,
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
        .group_by(device.compute_node_id),
    )


def _nodes_with_devices(
    context: Any, uuids: Sequence[str]
) -> list[tuple[Any, Sequence[Any]]]:
    """Compute nodes, each with its devices: two queries."""
    nodes = objects.ComputeNodeList.get_all_by_uuids(context, uuids)
    devices = pci_devices.devices_of(context, [node.id for node in nodes])
    return [(node, devices[node.id]) for node in nodes]


def _topology_page(
    nodes: Sequence[tuple[Any, Sequence[Any]]],
    named: Mapping[str, Mapping[str, str]],
) -> NodePage:
    hosts = []
    problems = {}
    for node, devices in nodes:
        try:
            hosts.append(topology_of(node, devices, named.get(node.host)))
        except MalformedComputeError as error:
            problems[node.uuid] = str(error)
    return NodePage(tuple(hosts), problems)


@dataclasses.dataclass(frozen=True, slots=True)
class ComputeNodes:
    """Every compute node of every cell.

    ``problems`` say which cells and compute nodes could not be read;
    ``names`` are the hypervisor hostnames of all compute nodes by uuid,
    readable or not, and ``complete`` is whether they really are all: every
    cell answered.
    """

    hosts: tuple[HostTopology, ...]
    names: Mapping[str, str]
    problems: tuple[str, ...]
    complete: bool


def read_all(kinds: Sequence[str] = ()) -> ComputeNodes:
    """Read the databases of all cells, devices included.

    :param kinds: of failure domains to read: one query for all hosts
    :raises nfv_sched.nova.cell_databases.NoDatabaseError: nova.conf names no
        API database
    """
    found = scan(kinds)
    names = {one.uuid: one.name for one in found.node_versions.values()}
    hosts: list[HostTopology] = []
    # A cell that fails is one problem, not one per compute node.
    problems = dict.fromkeys(found.problems)
    for page in read_nodes(found, names):
        hosts.extend(page.hosts)
        problems.update(dict.fromkeys(page.problems.values()))
    return ComputeNodes(tuple(hosts), names, tuple(problems), found.complete)


CONF = nova.conf.CONF

#: Compute nodes per query.
PAGE = 200


@dataclasses.dataclass(frozen=True, slots=True)
class ComputeNodeRecord:
    """One ``nova.objects.ComputeNode`` with all that belongs to it.

    ``service`` is its ``nova.objects.Service``, None if it has none; ``up``
    is whether that sent a heartbeat recently.
    """

    compute: Any
    service: Any
    up: bool
    devices: tuple[pci_devices.DeviceRow, ...]
    guests: tuple[instances.InstanceRow, ...]


class CloudReader:
    """Reads all cells, once.

    ``problems`` grows while :meth:`nodes` is read.

    :raises nfv_sched.nova.cell_databases.NoDatabaseError: nova.conf names no
        API database
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._context = cell_databases.admin_context()
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
        return failure_domains.domains_by_host(self._aggregates, kinds)

    def nodes(
        self, uuids: Collection[str] | None = None
    ) -> Iterator[ComputeNodeRecord]:
        """Every compute node, or those of these uuids."""
        for cell in cell_databases.cells(self._context):
            try:
                with nova_context.target_cell(self._context, cell) as targeted:
                    yield from self._of_cell(targeted, uuids)
            except Exception as error:
                # Whatever a database that is down raises.
                self.problems.append(cell_databases.problem(cell, error))

    def _of_cell(
        self, context: Any, uuids: Collection[str] | None
    ) -> Iterator[ComputeNodeRecord]:
        services = {
            service.host: service
            for service in objects.ServiceList.get_by_binary(
                context, 'nova-compute', include_disabled=True
            )
        }
        wanted = _node_uuids(context) if uuids is None else list(uuids)
        problems: dict[str, str] = {}
        for start in range(0, len(wanted), PAGE):
            some = wanted[start : start + PAGE]
            for nodes in cell_databases.split_on_error(
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
    ) -> Iterator[ComputeNodeRecord]:
        devices = pci_devices.devices_of(context, [node.id for node in page])
        guests: dict[tuple[str, str], list[instances.InstanceRow]] = {}
        for one in instances.instances_on(
            context, {node.host for node in page}
        ):
            guests.setdefault((one.host, one.node), []).append(one)
            if one.problem:
                self.problems.append(one.problem)
        for node in page:
            service = services.get(node.host)
            yield ComputeNodeRecord(
                node,
                service,
                service is not None and self._group.service_is_up(service),
                tuple(devices[node.id]),
                tuple(guests.get((node.host, node.hypervisor_hostname), ())),
            )


def _node_uuids(context: Any) -> list[str]:
    """The compute nodes of a cell."""
    node = models.ComputeNode
    query = sa.select(node.uuid).where(node.deleted == 0).order_by(node.id)
    return [row.uuid for row in cell_databases.rows(context, query)]
