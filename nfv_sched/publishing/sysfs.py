"""Publish what the compute node's own sysfs adds to its tree."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
import functools
import pathlib

from nfv_sched import sysfs
from nfv_sched.model import CellTopology
from nfv_sched.model import FunctionTopology
from nfv_sched.model import HostTopology
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import HostPublishReport
from nfv_sched.placement.publisher import publish_supplement
from nfv_sched.publishing.l3_caches import l3_by_node
from nfv_sched.publishing.pass_report import PassReport


def supplement_of(
    machine: sysfs.SysfsHost,
    name: str,
    uuid: str,
    dedicated: AbstractSet[int] = frozenset(),
) -> HostTopology:
    """The facts of a host that nova-compute does not report.

    L3 caches are numbered as if none were published. Of the devices that have
    neither VFs nor a link, those behind a bridge are published: the hundreds
    of others are parts of the processor and the chipset.

    :param dedicated: the CPUs that nova-compute may take offline and back
        online with each instance, which are not counted as offline
    """
    l3 = l3_by_node(machine, {})
    bridges = {
        bridge for device in machine.devices for bridge in device.bridges
    }
    return HostTopology(
        name=name,
        uuid=uuid,
        cells=tuple(
            CellTopology(
                id=node.id,
                distances=node.distances,
                l3=l3[node.id],
                offline_cpus=len(node.offline - dedicated),
            )
            for node in machine.nodes
        ),
        functions=tuple(
            FunctionTopology(
                device.address,
                device.sriov_total,
                device.link_mbps,
                device.pcie_root,
                device.numa_node,
            )
            for device in machine.devices
            if device.physfn is None and device.address not in bridges
            if device.link_mbps or device.sriov_total or device.bridges
        ),
    )


def publish_machine(
    client: PlacementClient,
    machine: sysfs.SysfsHost,
    name: str,
    uuid: str,
    dedicated: AbstractSet[int],
) -> HostPublishReport:
    """Publish what the machine's sysfs adds to the tree of a host.

    :param dedicated: see :func:`supplement_of`
    """
    return publish_supplement(
        client,
        supplement_of(machine, name, uuid, dedicated),
        functools.partial(l3_by_node, machine),
    )


class SysfsSource:
    """Passes over one host: the local one.

    :param name: the hypervisor hostname
    :param uuid: the compute node's uuid
    :param root: the directory of sysfs
    :param dedicated: see :func:`supplement_of`
    """

    def __init__(
        self,
        name: str,
        uuid: str,
        root: pathlib.Path = pathlib.Path('/sys'),
        dedicated: AbstractSet[int] = frozenset(),
    ) -> None:
        self._name = name
        self._uuid = uuid
        self._dedicated = dedicated
        self._root = root

    def run(
        self,
        client: PlacementClient,
        report: PassReport,
        may_continue: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make one pass and count it in ``report``.

        :raises nfv_sched.sysfs.MalformedSysfs: the files about CPUs or NUMA
            nodes are malformed; what is published stays
        """
        del may_continue
        report.kind = 'full'
        report.hosts = 1
        machine = sysfs.read(self._root)
        report.problems += machine.problems
        host = publish_machine(
            client, machine, self._name, self._uuid, self._dedicated
        )
        report.count(host)
        if host.error is not None:
            report.problems.append(f'{self._name}: {host.error}')
        report.finished = host.error is None
