"""Survey OpenStack's APIs: published trees, and the instances of Nova's API.

For machines that do not reach Nova's databases. The trees have the hardware;
what instances have of its NUMA nodes comes from ``GET /servers/ID/topology``,
as it is now. Devices are known as of the last publishing.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import itertools
from typing import Any
from typing import NamedTuple
from typing import TypeVar

from keystoneauth1 import exceptions as ksa_errors

from nfv_sched.model import CellTopology
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.placement import parallel
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import InstanceCell
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey
from nfv_sched.survey.values import SurveyedInstance

K = TypeVar('K')

#: That of ``GET /servers/ID/topology``.
MICROVERSION = '2.78'

#: What these APIs do not have.
UNKNOWN = (
    'which CPUs are free: only their number is known',
    'which devices instances have: those in use are as of the last publishing',
    'CPU thread policies of images: the siblings of CPUs that instances with '
    'such an image isolate count as of the last publishing',
    'hosts that were never published',
)

_ISOLATE = 'isolate'
_THREADS = 'hw:cpu_thread_policy'
_EMULATOR = 'hw:emulator_threads_policy'
#: Of migrations that hold nothing any more.
_ENDED = frozenset(
    (
        'cancelled',
        'completed',
        'confirmed',
        'done',
        'error',
        'failed',
        'reverted',
    )
)


class APIError(Exception):
    """Nova's API does not tell; the text says what it answered."""


def add_instances(
    trees: Survey,
    client: Any,
    *,
    wanted: Callable[[str, str], bool] = lambda host, node: True,
    workers: int = parallel.MAX_CONCURRENCY,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Survey:
    """Add what Nova's API tells to a survey of Placement.

    Usage of NUMA nodes becomes that of the instances that are there now; what
    was published of it is kept as ``published_usage``.

    :param client: a keystoneauth adapter for the compute API of an
        administrator
    :param wanted: whether a host is worth a call for each of its instances,
        by the names of its nova-compute and of its hypervisor; other hosts
        stay as published
    :param tell: called with the numbers of instances read and to be read
    :raises APIError: the API does not answer, or not to an administrator
    """
    nodes = {host.topology.name for host in trees.hosts}
    try:
        answers = _read(client, nodes, wanted, workers, tell)
    except (ksa_errors.ClientException, ValueError, LookupError) as error:
        raise APIError(f"Nova's API: {type(error).__name__}: {error}") from (
            error
        )
    hosts = [
        _host(host, answers) if host.topology.name in answers.nodes else host
        for host in trees.hosts
    ]
    return dataclasses.replace(
        trees, source=Source.APIS, hosts=tuple(hosts), unknown=UNKNOWN
    )


#: A server, and its NUMA nodes.
_Server = tuple[Mapping[str, Any], tuple[InstanceCell, ...]]


class _Answers(NamedTuple):
    """What Nova's API says about a cloud.

    ``nodes`` are the hypervisors whose servers were read, ``services`` are by
    host, ``by_node`` the servers by hypervisor; ``names`` are those of all
    servers by uuid.
    """

    nodes: Collection[str]
    services: Mapping[str, tuple[bool, str]]
    by_node: Mapping[str, Sequence[_Server]]
    moves: Sequence[Mapping[str, Any]]
    names: Mapping[str, str]


def _read(
    client: Any,
    nodes: Collection[str],
    wanted: Callable[[str, str], bool],
    workers: int,
    tell: Callable[[int, int], None],
) -> _Answers:
    """Ask for everything, and for the servers of wanted hypervisors."""
    services = _services(client)
    servers = [
        server
        for server in _pages(
            client, '/servers/detail', 'servers', {'all_tenants': 'true'}
        )
        if server.get('OS-EXT-SRV-ATTR:hypervisor_hostname')
    ]
    moves = list(_moves(client))
    read_nodes = {node for node in nodes if wanted(node, node)} | {
        node
        for server in servers
        if (node := _node_of(server)) in nodes
        and wanted(server['OS-EXT-SRV-ATTR:host'], node)
    }
    here = [server for server in servers if _node_of(server) in read_nodes]
    by_node: dict[str, list[_Server]] = {}
    read = _Servers(client)
    for number, (server, cells) in enumerate(
        parallel.results(read.topology, here, workers), 1
    ):
        tell(number, len(here))
        if cells is not None:
            by_node.setdefault(_node_of(server), []).append((server, cells))
    names = {server['id']: str(server['name']) for server in servers}
    return _Answers(read_nodes, services, by_node, moves, names)


def _node_of(server: Mapping[str, Any]) -> str:
    return str(server['OS-EXT-SRV-ATTR:hypervisor_hostname'])


def _get(client: Any, path: str, **params: str) -> Any:
    return client.get(
        path,
        params=params,
        microversion=MICROVERSION,
        headers={'Accept': 'application/json'},
    ).json()


def _pages(
    client: Any, path: str, key: str, params: Mapping[str, str]
) -> Iterator[Mapping[str, Any]]:
    """All records of a list that comes in pages."""
    marker: dict[str, str] = {}
    while True:
        answer = _get(client, path, **params, **marker)
        records = answer[key]
        yield from records
        if not records or not answer.get(f'{key}_links'):
            return
        last = records[-1]
        marker = {'marker': str(last.get('uuid') or last['id'])}


def _services(client: Any) -> dict[str, tuple[bool, str]]:
    """By host whether its nova-compute is usable, and its zone."""
    answer = _get(client, '/os-services', binary='nova-compute')
    return {
        service['host']: (
            service['status'] == 'enabled' and service['state'] == 'up',
            str(service['zone']),
        )
        for service in answer['services']
    }


def _moves(client: Any) -> Iterator[Mapping[str, Any]]:
    """The migrations that are not over."""
    for move in _pages(client, '/os-migrations', 'migrations', {}):
        if move['status'] not in _ENDED:
            yield move


class _Servers:
    """Reads servers one by one; from several threads at a time."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def topology(
        self, server: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], tuple[InstanceCell, ...] | None]:
        """A server, and its NUMA nodes; None once it is gone."""
        try:
            answer = _get(self._client, f'/servers/{server["id"]}/topology')
        except ksa_errors.NotFound:
            return server, None
        extra = server['flavor'].get('extra_specs', {})
        return server, tuple(
            _cell(number, node, answer.get('pagesize_kb'), extra)
            for number, node in enumerate(answer['nodes'])
        )


def _cell(
    number: int,
    node: Mapping[str, Any],
    page_size: int | None,
    extra: Mapping[str, str],
) -> InstanceCell:
    """One guest NUMA node of an answer of ``GET /servers/ID/topology``."""
    pinning = tuple(
        sorted(
            (int(guest), int(host))
            for guest, host in (node['cpu_pinning'] or {}).items()
        )
    )
    return InstanceCell(
        number,
        int(node['host_node']),
        int(node['memory_mb']),
        pinning,
        shared=len(node['vcpu_set'] or ()) - len(pinning),
        page_size_kib=page_size,
        isolated=extra.get(_THREADS) == _ISOLATE,
    )


def _host(host: HostSurvey, answers: _Answers) -> HostSurvey:
    servers = answers.by_node.get(host.topology.name, ())
    names = {server['OS-EXT-SRV-ATTR:host'] for server, _ in servers}
    # Without instances only the hypervisor's name is known, which is nearly
    # always that of the service.
    name = min(names, default=host.topology.name)
    usable, zone = answers.services.get(name, (None, None))
    topology = host.topology
    usage = _usage(topology, servers)
    return dataclasses.replace(
        host,
        host=name,
        topology=dataclasses.replace(topology, usage=usage),
        published_usage=topology.usage,
        residents=tuple(
            SurveyedInstance(
                str(server['id']),
                str(server['name']),
                str(server['flavor']['original_name']),
                cells,
                changing=bool(server.get('OS-EXT-STS:task_state')),
            )
            for server, cells in sorted(
                servers, key=lambda each: str(each[0]['id'])
            )
        ),
        enabled=usable,
        availability_zone=zone,
        migrating=_leaving(topology.name, servers, answers),
    )


def _leaving(
    node: str, servers: Sequence[_Server], answers: _Answers
) -> dict[str, SurveyedInstance]:
    """The instances elsewhere that a migration keeps resources for."""
    here = {server['id'] for server, _ in servers}
    return {
        str(move['uuid']): SurveyedInstance(
            str(move['instance_uuid']),
            answers.names.get(move['instance_uuid'], ''),
            '',
            changing=True,
        )
        for move in answers.moves
        if node in (move['source_node'], move['dest_node'])
        and move['instance_uuid'] not in here
    }


def _usage(
    topology: HostTopology,
    servers: Iterable[_Server],
) -> HostUsage:
    """What instances have of each NUMA node, as nova-compute counts it."""
    dedicated: dict[int, int] = {}
    shared: dict[int, int] = {}
    memory: dict[int, int] = {}
    pages: dict[tuple[int, int], int] = {}
    known = {cell.id: cell for cell in topology.cells}
    for server, cells in servers:
        extra = server['flavor'].get('extra_specs', {})
        pinned = any(cell.pinning for cell in cells)
        for cell in cells:
            number = cell.host_cell
            host = known.get(number) or CellTopology(number)
            emulator = (
                extra.get(_EMULATOR) == _ISOLATE
                and pinned
                and not cell.guest_cell
            )
            cpus = len(cell.pinning) + emulator
            # With isolation each takes its whole core.
            threads = host.threads_per_core if cell.isolated else 1
            _add(dedicated, number, cpus * threads)
            _add(shared, number, cell.shared)
            _add(memory, number, cell.memory_mib)
            smallest = min((each.size_kib for each in host.pages), default=0)
            for each in host.pages:
                _add(
                    pages,
                    (number, each.size_kib),
                    cell.pages(each.size_kib, smallest),
                )
    return HostUsage(dedicated, shared, memory, pages, topology.usage.devices)


def _add(amounts: dict[K, int], key: K, amount: int) -> None:
    if amount:
        amounts[key] = amounts.get(key, 0) + amount


def mirrored(usage: HostUsage) -> tuple[Mapping[Any, int], ...]:
    """The amounts of NUMA nodes that were published and are read now."""
    return (
        usage.dedicated_cpus,
        usage.shared_cpus,
        usage.memory_mib,
        usage.pages,
    )


def greater_usage(left: HostUsage, right: HostUsage) -> HostUsage:
    """The greater of two amounts of everything."""
    return HostUsage(
        *(
            {
                key: max(one.get(key, 0), other.get(key, 0))
                for key in itertools.chain(one, other)
            }
            for one, other in zip(
                (*mirrored(left), left.devices),
                (*mirrored(right), right.devices),
                strict=True,
            )
        )
    )
