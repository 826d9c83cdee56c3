"""All that sysfs says of a machine, as one value."""

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
    """Nodes come by id, devices by address.

    ``problems`` say which devices could not be read.
    """

    cpus: Cpus
    nodes: tuple[SysfsNode, ...]
    devices: tuple[SysfsDevice, ...]
    problems: tuple[str, ...] = ()


def read(root: pathlib.Path = pathlib.Path('/sys')) -> SysfsHost:
    """The machine whose sysfs is at ``root``; no more than a few 100 ms.

    :raises MalformedSysfs: CPUs or nodes cannot be understood, or there are
        none
    """
    top = Folder(root)
    system = top / 'devices' / 'system'
    cpus = read_cpus(system)
    if not cpus.online:
        raise MalformedSysfs(f'{system.path}: no CPU is online')
    nodes = read_nodes(system, cpus.present, cpus.online)
    devices, problems = read_devices(top, frozenset(n.id for n in nodes))
    return SysfsHost(cpus, nodes, devices, problems)
