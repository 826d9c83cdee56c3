"""All that sysfs says of a machine, as one value."""

import dataclasses
import pathlib

from nfv_sched.sysfs.cpus import Cpus
from nfv_sched.sysfs.cpus import read_cpus
from nfv_sched.sysfs.files import Folder
from nfv_sched.sysfs.files import MalformedSysfs
from nfv_sched.sysfs.nodes import Node
from nfv_sched.sysfs.nodes import read_nodes
from nfv_sched.sysfs.pci import Device
from nfv_sched.sysfs.pci import read_devices


@dataclasses.dataclass(frozen=True, slots=True)
class Machine:
    """Nodes come by id, devices by address.

    ``problems`` say which devices could not be read.
    """

    cpus: Cpus
    nodes: tuple[Node, ...]
    devices: tuple[Device, ...]
    problems: tuple[str, ...] = ()


def read(root: pathlib.Path = pathlib.Path('/sys')) -> Machine:
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
    return Machine(cpus, nodes, devices, problems)
