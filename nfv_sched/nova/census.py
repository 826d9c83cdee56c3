"""Which compute nodes there are in all cells, and which of them changed.

The databases are only read. Compute nodes and devices that are published
come through Nova's objects or its models; what changed is told by a few
columns of all rows, since no object of Nova reads less than a whole row.
"""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime
import itertools
from typing import Any

from nova import context as nova_context
from nova import objects
from nova.db.main import models
from oslo_utils import timeutils
import sqlalchemy as sa

from nfv_sched.model import HostTopology
from nfv_sched.nova import databases
from nfv_sched.nova.computes import failure_domains
from nfv_sched.nova.computes import MalformedComputeError
from nfv_sched.nova.computes import topology_of

#: A row that changed so many seconds ago may change again without a new
#: time: MySQL keeps whole seconds, and clocks of computes differ.
UNSETTLED = 30.0

#: Everything that tells whether a compute node has changed.
Mark = tuple[object, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Sighting:
    """A compute node at a glance.

    ``mark`` is another one after the node, one of its devices or its failure
    domains changed. Unless it is ``settled`` they may change once more and
    leave it as it is.
    """

    uuid: str
    host: str
    name: str
    mark: Mark
    settled: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """All compute nodes by uuid, by cell.

    ``problems`` say which cells could not be read; ``complete`` is whether
    every cell answered, so that a compute node that is not here is gone.
    """

    cells: tuple[tuple[Any, Mapping[str, Sighting]], ...]
    domains: Mapping[str, Mapping[str, str]]
    problems: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every cell answered."""
        return not self.problems

    @property
    def sightings(self) -> dict[str, Sighting]:
        """The compute nodes of all cells."""
        return {
            uuid: sighting
            for _, found in self.cells
            for uuid, sighting in found.items()
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """Compute nodes that were read; ``problems`` by uuid or cell."""

    hosts: tuple[HostTopology, ...]
    problems: Mapping[str, str]


def look(kinds: Sequence[str] = (), page: int = 500) -> Look:
    """Look at all compute nodes, a page of rows at a time.

    :param kinds: of failure domains to read: one query for all hosts
    :raises nfv_sched.nova.databases.NoDatabaseError: nova.conf names no API
        database
    """
    context = databases.admin_context()
    named = failure_domains(context, kinds)
    cells = []
    problems = []
    for cell in databases.cells(context):
        try:
            with nova_context.target_cell(context, cell) as targeted:
                found = list(_glance(targeted, named, page))
        except Exception as error:
            # Whatever a database that is down raises.
            problems.append(databases.problem(cell, error))
        else:
            cells.append((cell, {one.uuid: one for one in found}))
    return Look(tuple(cells), named, tuple(problems))


def read(
    found: Look, wanted: Collection[str], page: int = 500
) -> Iterator[Page]:
    """Read the compute nodes with the uuids ``wanted``, in pages."""
    context = nova_context.get_admin_context()
    for cell, sightings in found.cells:
        mine = [uuid for uuid in sightings if uuid in wanted]
        for start in range(0, len(mine), page):
            uuids = mine[start : start + page]
            try:
                with nova_context.target_cell(context, cell) as targeted:
                    read_page = _read_page(targeted, uuids, found.domains)
            except Exception as error:
                problem = databases.problem(cell, error)
                yield Page((), dict.fromkeys(mine[start:], problem))
                break
            yield read_page


def _read_page(
    context: Any,
    uuids: Sequence[str],
    named: Mapping[str, Mapping[str, str]],
) -> Page:
    problems: dict[str, str] = {}
    pages = list(
        databases.in_parts(
            lambda some: _page(_nodes(context, some), named), uuids, problems
        )
    )
    for page in pages:
        problems.update(page.problems)
    return Page(tuple(host for page in pages for host in page.hosts), problems)


def _glance(
    context: Any, named: Mapping[str, Mapping[str, str]], page: int
) -> Iterator[Sighting]:
    after = 0
    while rows := _rows(context, after, page):
        first, after = rows[0].id, rows[-1].id
        devices = {
            row[0]: tuple(row[1:]) for row in _marks(context, first, after)
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
            yield Sighting(
                row.uuid,
                row.host,
                row.hypervisor_hostname,
                (row.id, row.updated_at, row.created_at, mine, where),
                age > UNSETTLED,
            )


def _rows(context: Any, after: int, page: int) -> Any:
    """A page of compute nodes after an id."""
    node = models.ComputeNode
    return databases.rows(
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


def _marks(context: Any, first: int, last: int) -> Any:
    """How many devices each of these compute nodes has, and their times."""
    device = models.PciDevice
    return databases.rows(
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


def _nodes(
    context: Any, uuids: Sequence[str]
) -> list[tuple[Any, Sequence[Any]]]:
    """Compute nodes, each with its devices: two queries."""
    nodes = objects.ComputeNodeList.get_all_by_uuids(context, uuids)
    rows = _devices(context, [node.id for node in nodes])
    devices = {
        node: list(found)
        for node, found in itertools.groupby(
            rows, lambda row: row.compute_node_id
        )
    }
    return [(node, devices.get(node.id, ())) for node in nodes]


def _devices(context: Any, nodes: Sequence[int]) -> Any:
    """The devices of compute nodes, by node.

    Columns and not objects: a cloud has hundreds of thousands of them, of
    which a topology needs no more than these.
    """
    device = models.PciDevice
    return databases.rows(
        context,
        sa.select(
            device.compute_node_id,
            device.vendor_id,
            device.product_id,
            device.dev_type,
            device.numa_node,
            device.address,
            device.parent_addr,
            device.status,
        )
        .where(device.deleted == 0, device.compute_node_id.in_(nodes))
        .order_by(device.compute_node_id),
    )


def _page(
    nodes: Sequence[tuple[Any, Sequence[Any]]],
    named: Mapping[str, Mapping[str, str]],
) -> Page:
    hosts = []
    problems = {}
    for node, devices in nodes:
        try:
            hosts.append(topology_of(node, devices, named.get(node.host)))
        except MalformedComputeError as error:
            problems[node.uuid] = str(error)
    return Page(tuple(hosts), problems)


@dataclasses.dataclass(frozen=True, slots=True)
class Computes:
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


def read_computes(kinds: Sequence[str] = ()) -> Computes:
    """Read the databases of all cells, devices included.

    :param kinds: of failure domains to read: one query for all hosts
    :raises nfv_sched.nova.databases.NoDatabaseError: nova.conf names no API
        database
    """
    found = look(kinds)
    names = {one.uuid: one.name for one in found.sightings.values()}
    hosts: list[HostTopology] = []
    # A cell that fails is one problem, not one per compute node.
    problems = dict.fromkeys(found.problems)
    for page in read(found, names):
        hosts.extend(page.hosts)
        problems.update(dict.fromkeys(page.problems.values()))
    return Computes(tuple(hosts), names, tuple(problems), found.complete)
