"""What a compute's own kernel says of its hardware, read from sysfs."""

from nfv_sched.sysfs.files import MalformedSysfs
from nfv_sched.sysfs.machine import Machine
from nfv_sched.sysfs.machine import read
from nfv_sched.sysfs.nodes import Node
from nfv_sched.sysfs.nodes import Pages
from nfv_sched.sysfs.pci import Device

__all__ = [
    'Device',
    'Machine',
    'MalformedSysfs',
    'Node',
    'Pages',
    'read',
]
