"""Survey Nova's databases: all Nova cells that nova.conf leads to."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import datetime

from nfv_sched.fit import drift
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.nova import compute_nodes
from nfv_sched.nova import compute_topology
from nfv_sched.nova import host_states
from nfv_sched.nova import instances
from nfv_sched.nova.types import PciDevice
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import InstanceCell
from nfv_sched.survey.values import Source
from nfv_sched.survey.values import Survey
from nfv_sched.survey.values import SurveyedDevice
from nfv_sched.survey.values import SurveyedInstance

_NO_DISTANCES = (
    'distances between NUMA nodes, which nova-compute does not report: they '
    'are known for hosts that are published in Placement'
)


def read(
    kinds: Sequence[str] = (),
    *,
    uuids: Collection[str] | None = None,
    wanted: Callable[[str, str], bool] = lambda host, node: True,
    tell: Callable[[int], None] | None = None,
) -> Survey:
    """Survey all Nova cells. Nothing is written.

    Call ``nfv_sched.nova.config.configure`` first.

    :param kinds: of failure domains
    :param uuids: of the compute nodes to read, instead of all
    :param wanted: whether to read a compute node, by the names of its
        service and of its hypervisor
    :param tell: called with the number of hosts read so far
    :raises nfv_sched.nova.cell_databases.NoDatabaseError: nova.conf names no
        database
    """
    reader = compute_nodes.CloudReader()
    named = reader.domains(kinds)
    zones = reader.zones()
    problems: list[str] = []
    hosts = []
    for number, node in enumerate(reader.nodes(uuids, wanted), 1):
        try:
            hosts.append(_host(node, named.get(node.compute.host), zones))
        except compute_topology.MalformedComputeError as error:
            problems.append(str(error))
        if tell is not None:
            tell(number)
    return Survey(
        Source.NOVA,
        datetime.datetime.now(datetime.UTC),
        tuple(sorted(hosts, key=lambda host: host.topology.name)),
        (*reader.problems, *problems),
        (_NO_DISTANCES,),
        tuple(reader.unread),
    )


def with_published(
    survey: Survey, published: Mapping[str, HostTopology]
) -> Survey:
    """The survey with the published facts of each host's own sysfs.

    :param survey: from :func:`read`
    :param published: topologies by compute node uuid; those of hosts that
        have drifted are not used
    """
    if not published:
        return survey
    return dataclasses.replace(
        survey,
        hosts=tuple(
            dataclasses.replace(
                host,
                topology=_with_published(
                    host.topology,
                    host.state,
                    published.get(host.topology.uuid),
                ),
            )
            for host in survey.hosts
        ),
        unknown=tuple(
            text for text in survey.unknown if text != _NO_DISTANCES
        ),
    )


def _host(
    node: compute_nodes.ComputeNodeRecord,
    named: Mapping[str, str] | None,
    zones: Callable[[str], str],
) -> HostSurvey:
    compute = node.compute
    numa_topology = compute_topology.numa_topology_of(compute)
    topology = compute_topology.topology_of(
        compute, node.devices, named, numa_topology
    )
    try:
        state = host_states.host_of_compute_node(
            compute, node.service, numa_topology
        )
    except Exception as error:
        raise compute_topology.MalformedComputeError(
            f'compute node {topology.name}: {type(error).__name__}: {error}'
        ) from error
    return HostSurvey(
        compute.host,
        topology,
        state,
        tuple(map(_resident, node.guests)),
        tuple(_devices(node.devices, topology)),
        enabled=node.service is not None
        and node.up
        and not node.service.disabled,
        availability_zone=zones(compute.host),
        migrating={
            claim.uuid: _resident(claim.instance) for claim in node.migrating
        },
    )


def _with_published(
    topology: HostTopology,
    state: Host | None,
    published: HostTopology | None,
) -> HostTopology:
    """The topology, with the published facts of the host's own sysfs."""
    if (
        state is None
        or published is None
        or drift.differences(state, published)
    ):
        return topology
    known = {cell.id: cell for cell in published.cells}
    return dataclasses.replace(
        topology,
        cells=tuple(
            dataclasses.replace(
                cell,
                distances=known[cell.id].distances,
                l3=known[cell.id].l3,
                offline_cpus=known[cell.id].offline_cpus,
            )
            for cell in topology.cells
        ),
        functions=published.functions,
    )


def _resident(row: instances.InstanceRow) -> SurveyedInstance:
    return SurveyedInstance(
        row.uuid,
        row.name,
        row.flavor,
        tuple(
            InstanceCell(
                claimed.guest_cell,
                claimed.host_cell,
                cell.memory_mib,
                claimed.pinning,
                claimed.reserved,
                len(cell.shared),
                claimed.page_size_kib,
                cell.thread_policy == 'isolate',
            )
            for cell, claimed in zip(row.cells, row.placement, strict=True)
        ),
        row.devices,
        row.changing,
    )


def _devices(
    devices: Iterable[PciDevice], topology: HostTopology
) -> list[SurveyedDevice]:
    """The devices; each has the physical network of its pool."""
    physnets = {
        (pool.vendor_id, pool.product_id, pool.parent): pool.physnet
        for pool in topology.pools
    }
    surveyed = []
    for device in devices:
        vendor, product = device.vendor_id.lower(), device.product_id.lower()
        parent = device.parent_addr if 'parent_addr' in device else None
        pool = (vendor, product, parent or device.address)
        surveyed.append(
            SurveyedDevice(
                device.address,
                vendor,
                product,
                device.dev_type,
                device.numa_node if 'numa_node' in device else None,
                parent,
                physnets.get(pool, physnets.get((*pool[:2], None))),
                device.instance_uuid,
                device.status == 'available',
                device.request_id if 'request_id' in device else None,
            )
        )
    return surveyed
