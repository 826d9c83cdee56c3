"""Why a guest gets no host, how nearly it would, and what would help.

Asks the very pipeline that schedules, host by host, and writes nothing.
"""

from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.values import Blocker
from nfv_sched.dryrun.values import Condition
from nfv_sched.dryrun.values import Explanation
from nfv_sched.dryrun.values import HostFinding

__all__ = [
    'Condition',
    'DryRunScheduler',
    'Explanation',
    'HostFinding',
    'Blocker',
]
