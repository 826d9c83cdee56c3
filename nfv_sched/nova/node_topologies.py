"""The topologies of compute nodes, as they are published."""

from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched.model import HostTopology
from nfv_sched.nova import cell_databases
from nfv_sched.nova import compute_nodes
from nfv_sched.nova import node_versions
from nfv_sched.nova.compute_topology import MalformedComputeError
from nfv_sched.nova.compute_topology import topology_of


@dataclasses.dataclass(frozen=True, slots=True)
class TopologyPage:
    """Topologies that were read together.

    ``problems`` are those of compute nodes that could not be read, by uuid:
    their own, or the one of their Nova cell.
    """

    hosts: Sequence[HostTopology]
    problems: Mapping[str, str]


def read_topologies(
    scan: node_versions.Scan, wanted: Collection[str], page: int = 500
) -> Iterator[TopologyPage]:
    """Read the topologies of the compute nodes ``wanted``, in pages.

    :param wanted: uuids
    """
    context = cell_databases.admin_context()
    for cell, versions in scan.cells:
        uuids = [uuid for uuid in versions if uuid in wanted]
        read = 0
        problems: list[str] = []
        with cell_databases.visit(context, cell, problems) as targeted:
            for nodes in compute_nodes.read_pages(targeted, uuids, page):
                yield _topology_page(nodes, scan.domains)
                read += page
        for problem in problems:
            yield TopologyPage((), dict.fromkeys(uuids[read:], problem))


def _topology_page(
    page: compute_nodes.NodePage, domains: Mapping[str, Mapping[str, str]]
) -> TopologyPage:
    hosts = []
    problems = dict(page.problems)
    for node, devices in page.nodes:
        try:
            hosts.append(topology_of(node, devices, domains.get(node.host)))
        except MalformedComputeError as error:
            problems[node.uuid] = str(error)
    return TopologyPage(hosts, problems)


@dataclasses.dataclass(frozen=True, slots=True)
class CloudTopology:
    """The topology of every compute node of every Nova cell.

    ``problems`` say which cells and compute nodes could not be read;
    ``names`` are the hypervisor hostnames of all compute nodes by uuid,
    readable or not, and ``complete`` is whether they really are all: every
    cell answered.
    """

    hosts: Sequence[HostTopology]
    names: Mapping[str, str]
    problems: Sequence[str]
    complete: bool


def read_all(kinds: Sequence[str] = ()) -> CloudTopology:
    """Read the topologies of all compute nodes.

    :param kinds: of failure domains to read: one query for all hosts
    :raises nfv_sched.nova.cell_databases.NoDatabaseError: nova.conf names no
        API database
    """
    scan = node_versions.scan(kinds)
    names = {
        uuid: version.name for uuid, version in scan.node_versions.items()
    }
    hosts: list[HostTopology] = []
    # A cell that fails is one problem, not one per compute node.
    problems = dict.fromkeys(scan.problems)
    for page in read_topologies(scan, names):
        hosts.extend(page.hosts)
        problems.update(dict.fromkeys(page.problems.values()))
    return CloudTopology(hosts, names, tuple(problems), scan.complete)
