"""What of compute nodes a count of their capacity depends on.

A few columns of all rows: which hosts have to be counted again, not what is
on them.
"""

import collections
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

from nova import objects
from nova import servicegroup
import nova.conf
from nova.db.main import models
import sqlalchemy as sa

from nfv_sched.nova import cell_databases
from nfv_sched.nova import failure_domains
from nfv_sched.nova import node_versions
from nfv_sched.nova.node_versions import Version
from nfv_sched.nova.types import Aggregate

CONF = nova.conf.CONF

_BINARY = 'nova-compute'
_ZONE = 'availability_zone'
#: Of AggregateMultiTenancyIsolation, and of Placement's request filter.
_TENANTS = 'filter_tenant_id'
#: What StackHPC's os-capacity says of a host in several such aggregates.
_SEVERAL = 'multiple'


@dataclasses.dataclass(frozen=True, slots=True)
class ScannedHost:
    """A compute node; ``host`` is the name of its nova-compute service.

    ``usable`` is whether the service is there, up and not disabled.
    ``version`` is another one after anything changed in Nova's databases
    that a filter reads; unless it is ``settled``, another change may leave it
    as it is. ``tenants`` is the name of the aggregate that is for some
    projects only, empty without one.
    """

    uuid: str
    host: str
    name: str
    cell: str
    usable: bool
    zone: str
    tenants: str
    domains: Mapping[str, str]
    version: Version
    settled: bool


@dataclasses.dataclass(frozen=True, slots=True)
class CloudScan:
    """All compute nodes by uuid.

    ``problems`` say which Nova cells could not be read: their compute nodes
    are not here. ``cells`` are the uuids of those that were read.
    """

    hosts: Mapping[str, ScannedHost]
    cells: frozenset[str]
    problems: tuple[str, ...] = ()


def scan(kinds: Sequence[str] = ()) -> CloudScan:
    """Scan all Nova cells.

    :param kinds: of failure domains
    :raises nfv_sched.nova.cell_databases.NoDatabaseError: nova.conf names no
        API database
    :raises Exception: whatever an API database that is down raises
    """
    context = cell_databases.admin_context()
    aggregates: list[Aggregate] = list(objects.AggregateList.get_all(context))
    domains = failure_domains.domains_by_host(aggregates, kinds)
    members: dict[str, list[Aggregate]] = collections.defaultdict(list)
    for aggregate in aggregates:
        for host in aggregate.hosts:
            members[host].append(aggregate)
    found = node_versions.scan()
    problems = list(found.problems)
    hosts: dict[str, ScannedHost] = {}
    cells = set()
    for cell, nodes in found.cells:
        with cell_databases.visit(context, cell, problems) as targeted:
            services = dict(_services(targeted))
            hosts.update(
                (
                    uuid,
                    _host(
                        node,
                        (cell.uuid, bool(cell.disabled)),
                        services.get(node.host),
                        members.get(node.host, ()),
                        domains.get(node.host, {}),
                    ),
                )
                for uuid, node in nodes.items()
            )
            cells.add(cell.uuid)
    return CloudScan(hosts, frozenset(cells), tuple(problems))


def _host(
    node: node_versions.NodeVersion,
    cell: tuple[str, bool],
    service: tuple[object, ...] | None,
    aggregates: Sequence[Aggregate],
    domains: Mapping[str, str],
) -> ScannedHost:
    mine = tuple(
        sorted(
            (str(each.name), tuple(sorted(each.metadata.items())))
            for each in aggregates
        )
    )
    metadata = [dict(values) for _, values in mine]
    tenants = [
        name
        for (name, _), values in zip(mine, metadata, strict=True)
        if any(key.startswith(_TENANTS) for key in values)
    ]
    zones = [values[_ZONE] for values in metadata if _ZONE in values]
    uuid, disabled = cell
    return ScannedHost(
        node.uuid,
        node.host,
        node.name,
        uuid,
        service is not None and service[:2] == (True, False) and not disabled,
        zones[0] if zones else str(CONF.default_availability_zone),
        _SEVERAL if len(tenants) > 1 else ''.join(tenants),
        domains,
        (node.mark, node.name, cell, service, mine),
        node.settled,
    )


def _services(context: Any) -> Iterator[tuple[str, tuple[object, ...]]]:
    """The nova-compute services of a cell by host.

    Each with whether it is up, whether it is disabled, and what else filters
    read of it.
    """
    group = servicegroup.API()
    service = models.Service
    query = sa.select(
        service.host,
        service.binary,
        service.disabled,
        service.forced_down,
        service.last_seen_up,
        service.created_at,
        service.version,
    ).where(service.deleted == 0, service.binary == _BINARY)
    for row in cell_databases.rows(context, query):
        up = bool(group.service_is_up(dict(row._mapping)))  # noqa: SLF001 - SQLAlchemy's public name
        yield row.host, (up, bool(row.disabled), row.version)


def flavors_in_use() -> collections.Counter[int]:
    """How many instances with a host each flavor has, by the flavor's id.

    :raises nfv_sched.nova.cell_databases.UnreadableCellError: a Nova cell
        could not be read
    """
    context = cell_databases.admin_context()
    instance = models.Instance
    query = (
        sa.select(instance.instance_type_id, sa.func.count())
        .where(
            instance.deleted == 0,
            instance.host.is_not(None),
            instance.hidden.is_distinct_from(sa.true()),
        )
        .group_by(instance.instance_type_id)
    )
    counts: collections.Counter[int] = collections.Counter()
    problems: list[str] = []
    for cell in cell_databases.cells(context):
        with cell_databases.visit(context, cell, problems) as targeted:
            for flavor, number in cell_databases.rows(targeted, query):
                counts[flavor] += number
    if problems:
        raise cell_databases.UnreadableCellError('; '.join(problems))
    return counts


def most_used_flavors(most: int) -> list[Any]:
    """The ``objects.Flavor`` of most instances, the most frequent first.

    Flavors without instances are last, by name.

    :param most: how many flavors at most
    """
    context = cell_databases.admin_context()
    counts = flavors_in_use()
    flavors = sorted(
        objects.FlavorList.get_all(context),
        key=lambda flavor: (-counts[flavor.id], flavor.name),
    )
    return flavors[:most]
