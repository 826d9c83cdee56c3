"""The hardware of a machine as its sysfs shows it, as one value."""

import dataclasses
import pathlib

from nfv_sched.sysfs.cpus import Cpus
from nfv_sched.sysfs.cpus import read_cpus
from nfv_sched.sysfs.files import Folder
from nfv_sched.sysfs.files import MalformedSysfs
from nfv_sched.sysfs.nodes import read_nodes
from nfv_sched.sysfs.nodes import SysfsNode
from nfv_sched.sysfs.pci import read_devices
from nfv_sched.sysfs.pci import SysfsDevice


@dataclasses.dataclass(frozen=True, slots=True)
class SysfsHost:
    """A machine; nodes are sorted by id, devices by address.

    ``problems`` says which devices and rows of distances could not be read.
    """

    cpus: Cpus
    nodes: tuple[SysfsNode, ...]
    devices: tuple[SysfsDevice, ...]
    problems: tuple[str, ...] = ()


def read(root: pathlib.Path = pathlib.Path('/sys')) -> SysfsHost:
    """The machine whose sysfs is at ``root``; takes a few 100 ms at most.

    :raises MalformedSysfs: the files about CPUs or NUMA nodes are malformed,
        or no CPU is online
    """
    top = Folder(root)
    system = top / 'devices' / 'system'
    cpus = read_cpus(system)
    if not cpus.online:
        raise MalformedSysfs(f'{system.path}: no CPU is online')
    nodes, node_problems = read_nodes(system, cpus.present, cpus.online)
    devices, problems = read_devices(top, frozenset(node.id for node in nodes))
    return SysfsHost(cpus, nodes, devices, node_problems + problems)
