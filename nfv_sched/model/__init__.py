"""What a host has, what a guest asks for, and the verdict.

Frozen values only: nothing here imports Nova or oslo, or does I/O.
"""

from nfv_sched.model.claim import AcceleratorClaim
from nfv_sched.model.claim import CellClaim
from nfv_sched.model.claim import ClaimOutcome
from nfv_sched.model.claim import DeviceClaim
from nfv_sched.model.claim import NodeChoice
from nfv_sched.model.claim import Reason
from nfv_sched.model.claim import Resource
from nfv_sched.model.claim import Verdict
from nfv_sched.model.guest import DeviceRequest
from nfv_sched.model.guest import Guest
from nfv_sched.model.guest import GuestCell
from nfv_sched.model.guest import PAGES_ANY
from nfv_sched.model.guest import PAGES_LARGE
from nfv_sched.model.guest import PAGES_SMALL
from nfv_sched.model.host import Cell
from nfv_sched.model.host import DevicePool
from nfv_sched.model.host import Host
from nfv_sched.model.host import PagePool
from nfv_sched.model.topology import CellTopology
from nfv_sched.model.topology import FunctionTopology
from nfv_sched.model.topology import HostTopology
from nfv_sched.model.topology import HostUsage
from nfv_sched.model.topology import PageCapacity
from nfv_sched.model.topology import PoolTopology

__all__ = [
    'AcceleratorClaim',
    'PAGES_ANY',
    'PAGES_LARGE',
    'PAGES_SMALL',
    'Cell',
    'CellClaim',
    'CellTopology',
    'DeviceClaim',
    'DevicePool',
    'DeviceRequest',
    'FunctionTopology',
    'Guest',
    'GuestCell',
    'Host',
    'HostTopology',
    'HostUsage',
    'NodeChoice',
    'PageCapacity',
    'PagePool',
    'ClaimOutcome',
    'PoolTopology',
    'Reason',
    'Resource',
    'Verdict',
]
