"""Is the package set up right: verdicts, each with what to do about it.

The codes are those of oslo.upgradecheck.
"""

from nfv_sched.checking.run import CheckInput
from nfv_sched.checking.run import CHECKS
from nfv_sched.checking.run import NamedResult
from nfv_sched.checking.run import run
from nfv_sched.checking.run import worst

__all__ = ['CHECKS', 'CheckInput', 'NamedResult', 'run', 'worst']
