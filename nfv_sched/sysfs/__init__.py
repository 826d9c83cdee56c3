"""Read the hardware of the local compute node from its sysfs."""

from nfv_sched.sysfs.cpus import SysfsCache
from nfv_sched.sysfs.files import MalformedSysfs
from nfv_sched.sysfs.host import read
from nfv_sched.sysfs.host import SysfsHost
from nfv_sched.sysfs.nodes import SysfsNode
from nfv_sched.sysfs.nodes import SysfsPages
from nfv_sched.sysfs.pci import SysfsDevice

__all__ = [
    'SysfsCache',
    'SysfsDevice',
    'SysfsHost',
    'MalformedSysfs',
    'SysfsNode',
    'SysfsPages',
    'read',
]
