"""The instances of compute nodes, and the hosts of instances.

Read with few queries for many nodes, and without Nova's own loading of
instances: that updates old records, and nothing here writes.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import logging
from typing import Any

from nova import context as nova_context
from nova import objects
from nova.compute import vm_states
from nova.db.api import api as api_db
from nova.db.api import models as api_models
from nova.db.main import models
from nova.objects import instance_numa
from oslo_serialization import jsonutils
import sqlalchemy as sa

from nfv_sched.model import CellClaim
from nfv_sched.model import DeviceRequest
from nfv_sched.model import GuestCell
from nfv_sched.nova import cell_databases
from nfv_sched.nova import request_spec
from nfv_sched.nova.redact import describe_error

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True)
class InstanceRow:
    """An instance, on the compute node ``node`` of the service ``host``.

    ``cells`` and ``placement`` belong together, guest cell by guest cell.
    ``problem`` says why they could not be read. ``changing`` is whether Nova
    is doing something with it: its records may be of different moments.
    """

    uuid: str
    name: str
    flavor: str
    host: str
    node: str
    cells: tuple[GuestCell, ...] = ()
    placement: tuple[CellClaim, ...] = ()
    problem: str | None = None
    devices: tuple[DeviceRequest, ...] = ()
    changing: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class StoredInstance:
    """What nova-compute has stored of an instance, in Nova's objects.

    ``task_state`` is that of ``nova.compute.task_states``; ``topology`` is
    an ``InstanceNUMATopology`` as it was claimed last, None without one;
    ``pci_requests`` are ``InstancePCIRequests``. ``host`` is the one that the
    instance is on, ``vm_state`` that of ``nova.compute.vm_states``.
    """

    task_state: str | None
    topology: Any
    pci_requests: Any
    host: str | None = None
    vm_state: str | None = None


def instances_on(context: Any, hosts: Collection[str]) -> list[InstanceRow]:
    """The instances of compute services, by name.

    :param context: targeted at the Nova cell
    """
    return [_instance_row(row) for row in _rows_on(context, hosts)]


def _rows_on(context: Any, hosts: Collection[str]) -> Any:
    instance, extra = models.Instance, models.InstanceExtra
    query = (
        _select(
            instance.uuid,
            instance.display_name,
            instance.host,
            instance.node,
            instance.task_state,
            instance.vm_state,
            extra.flavor,
            extra.numa_topology,
            extra.pci_requests,
        )
        .outerjoin(
            extra,
            sa.and_(extra.instance_uuid == instance.uuid, extra.deleted == 0),
        )
        .where(instance.host.in_(hosts))
        .order_by(instance.host, instance.display_name, instance.uuid)
    )
    return cell_databases.rows(context, query)


def hosts_of_all(
    context: Any, hosts: Collection[str] | None = None
) -> list[tuple[str, str]]:
    """Every instance that has a host, and that host.

    :param context: targeted at the Nova cell
    :param hosts: whose instances to read, None for all
    """
    instance = models.Instance
    query = _select(instance.uuid, instance.host).where(
        instance.host.is_not(None)
        if hosts is None
        else instance.host.in_(sorted(hosts))
    )
    rows = cell_databases.rows(context, query)
    return [(row.uuid, row.host) for row in rows]


def _hosts_of(
    context: Any, uuids: Sequence[str], project: str | None
) -> dict[str, str | None]:
    """The hosts of instances, and of those of a project."""
    instance = models.Instance
    wanted = instance.uuid.in_(uuids)
    if project is not None:
        wanted = sa.or_(wanted, instance.project_id == project)
    not_failed = instance.vm_state.is_distinct_from(vm_states.ERROR)
    query = (
        _select(instance.uuid, instance.host)
        .where(sa.or_(instance.host.is_not(None), not_failed))
        .where(wanted)
    )
    rows = cell_databases.rows(context, query)
    return {row.uuid: row.host for row in rows}


def _stored(context: Any, uuid: str) -> list[Any]:
    """The row of an instance, none in a cell where it is not."""
    instance, extra = models.Instance, models.InstanceExtra
    query = (
        _select(
            instance.task_state,
            instance.host,
            instance.vm_state,
            extra.numa_topology,
            extra.pci_requests,
        )
        .outerjoin(
            extra,
            sa.and_(extra.instance_uuid == instance.uuid, extra.deleted == 0),
        )
        # The copy that a resize makes in another cell.
        .where(instance.hidden.is_distinct_from(sa.true()))
        .where(instance.uuid == uuid)
    )
    return list(cell_databases.rows(context, query))


def _select(*columns: Any) -> Any:
    """A query for columns of the instances that are not deleted."""
    return sa.select(*columns).where(models.Instance.deleted == 0)


def _instance_row(row: Any) -> InstanceRow:
    cells: tuple[GuestCell, ...] = ()
    placement: tuple[CellClaim, ...] = ()
    devices: tuple[DeviceRequest, ...] = ()
    problem = None
    try:
        if row.numa_topology:
            cells, placement = claimed_cells(_topology(row.numa_topology))
        flavor = flavor_name(row.flavor)
        devices = _device_requests(row.uuid, row.pci_requests)
    except Exception as error:
        # Versioned objects raise what they like over JSON from elsewhere.
        problem = f'instance {row.uuid}: {type(error).__name__}: {error}'
        flavor = ''
    return InstanceRow(
        row.uuid,
        row.display_name or '',
        flavor,
        row.host,
        row.node or row.host,
        cells,
        placement,
        problem,
        devices,
        row.task_state is not None or row.vm_state == vm_states.BUILDING,
    )


def _device_requests(uuid: str, text: str | None) -> tuple[DeviceRequest, ...]:
    if not text:
        return ()
    requests = objects.InstancePCIRequests.obj_from_db(None, uuid, text)
    return tuple(map(request_spec.device_request, requests.requests))


@functools.lru_cache(maxsize=1024)
def flavor_name(text: str | None) -> str:
    """The name in ``instance_extra.flavor``; most instances share a flavor."""
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


def claimed_cells(
    topology: Any,
) -> tuple[tuple[GuestCell, ...], tuple[CellClaim, ...]]:
    """The guest cells of an ``InstanceNUMATopology``, and their claims."""
    guest_cells, claims = [], []
    for index, cell in enumerate(topology.cells):
        # Not a field, but a view of one.
        pinning = (
            cell.cpu_pinning if 'cpu_pinning_raw' in cell else None
        ) or {}
        guest_cells.append(
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
        claims.append(
            CellClaim(
                index,
                cell.id,
                tuple(sorted(pinning.items())),
                frozenset(_get(cell, 'cpuset_reserved') or ()),
                _get(cell, 'pagesize') or None,
            )
        )
    return tuple(guest_cells), tuple(claims)


def _get(obj: Any, name: str) -> Any:
    """A field of a versioned object, None where it is not set."""
    return getattr(obj, name) if name in obj else None


def find_hosts(
    uuids: Iterable[str], project: str | None = None
) -> dict[str, str | None]:
    """The hosts of instances in any cell, None for those without one yet.

    One query, put to all cells at once. With a ``project`` its other
    instances are included.
    """
    problems: list[str] = []
    hosts: dict[str, str | None] = {}
    for answer in cell_databases.query_at_once(
        _hosts_of, list(uuids), project, problems=problems
    ):
        hosts.update(answer)
    for problem in problems:
        _warn(problem)
    return hosts


def find_stored(uuid: str, cell: str | None) -> StoredInstance | None:
    """What nova-compute has stored of an instance; None without an answer.

    One query, by an index.

    :param cell: the uuid of its Nova cell; None to ask all
    """
    problems: list[str] = []
    stored = None
    try:
        for rows in cell_databases.query_at_once(
            _stored, uuid, problems=problems, only=cell
        ):
            for row in rows:
                stored = StoredInstance(
                    row.task_state,
                    row.numa_topology and _topology(row.numa_topology),
                    objects.InstancePCIRequests.obj_from_db(
                        None, uuid, row.pci_requests
                    ),
                    row.host,
                    row.vm_state,
                )
    except Exception as error:
        # Versioned objects raise what they like over JSON from elsewhere.
        problems.append(describe_error(error))
    if stored is None and problems:
        LOG.warning(
            'What instance %s has is not known, its move is decided like a '
            'boot: %s',
            uuid,
            '; '.join(problems),
        )
    return stored


def group_members(
    uuids: Iterable[str], project: str | None
) -> Mapping[str, frozenset[str]] | None:
    """The members of server groups, one query; None without an answer.

    The uuid of an instance stands for itself as the only member. Groups of
    other projects than ``project`` are left out.
    """
    try:
        members: dict[str, frozenset[str]] = _in_api(
            nova_context.get_admin_context(), list(uuids), project
        )
    except Exception as error:
        # Whatever a database that is down raises.
        _warn(f'the API database cannot be read: {describe_error(error)}')
        return None
    return members


@api_db.context_manager.reader  # type: ignore[untyped-decorator]
def _in_api(
    context: Any, uuids: list[str], project: str | None
) -> dict[str, frozenset[str]]:
    group = api_models.InstanceGroup
    member = api_models.InstanceGroupMember
    guest = api_models.InstanceMapping
    groups = (
        sa.select(group.uuid, member.instance_uuid)
        .outerjoin(member, member.group_id == group.id)
        .where(group.uuid.in_(uuids))
    )
    if project is not None:
        groups = groups.where(group.project_id == project)
    guests = sa.select(guest.instance_uuid, guest.instance_uuid).where(
        guest.instance_uuid.in_(uuids)
    )
    members_by_uuid: dict[str, set[str]] = {}
    for uuid, instance in context.session.execute(
        sa.union_all(groups, guests)
    ):
        members_by_uuid.setdefault(uuid, set()).update(
            filter(None, [instance])
        )
    return {
        uuid: frozenset(members) for uuid, members in members_by_uuid.items()
    }


def scheduled_or_booting(
    uuids: Collection[str],
) -> tuple[dict[str, str | None], frozenset[str]]:
    """The hosts of instances, and those that no Nova cell has yet.

    An instance is claimed in Placement before it is created in a cell.

    :returns: hosts by uuid, None for an instance without one; and the uuids
        of build requests
    :raises Exception: whatever a database that is down raises
    """
    problems: list[str] = []
    hosts: dict[str, str | None] = {}
    for answer in cell_databases.query_at_once(
        _hosts_of, list(uuids), None, problems=problems
    ):
        hosts.update(answer)
    if problems:
        raise cell_databases.UnreadableCellError('; '.join(problems))
    booting: frozenset[str] = _build_requests(
        nova_context.get_admin_context(), list(uuids)
    )
    return hosts, booting


@api_db.context_manager.reader  # type: ignore[untyped-decorator]
def _build_requests(context: Any, uuids: list[str]) -> frozenset[str]:
    request = api_models.BuildRequest
    query = sa.select(request.instance_uuid).where(
        request.instance_uuid.in_(uuids)
    )
    return frozenset(context.session.execute(query).scalars())


def uuids_of_name(context: Any, name: str) -> list[str]:
    """The instances of a name in any cell, the newest one first.

    With those without a host. Deleted ones, as long as they are stored, are
    returned only where there are no others.

    :raises UnreadableCellError: a Nova cell cannot be read
    """
    instance = models.Instance
    query = sa.select(
        instance.uuid, instance.created_at, instance.deleted
    ).where(instance.display_name == name)
    problems: list[str] = []
    there: dict[str, Any] = {}
    deleted: dict[str, Any] = {}
    for cell in objects.CellMappingList.get_all(context):
        with cell_databases.visit(context, cell, problems) as targeted:
            for row in cell_databases.rows(targeted, query):
                found = deleted if row.deleted else there
                found[row.uuid] = row.created_at
    if problems:
        raise cell_databases.UnreadableCellError('; '.join(problems))
    named = there or deleted
    return sorted(named, key=lambda uuid: named[uuid], reverse=True)


def _warn(problem: str) -> None:
    LOG.warning(
        'The hosts of some instances are not known, only instances on the '
        'filtered hosts count: %s',
        problem,
    )
