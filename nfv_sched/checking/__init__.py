"""Is the package set up right: verdicts, each with what to do about it.

The codes are those of oslo.upgradecheck.
"""

from nfv_sched.checking.run import CHECKS
from nfv_sched.checking.run import Facts
from nfv_sched.checking.run import run
from nfv_sched.checking.run import Verdict
from nfv_sched.checking.run import worst

__all__ = ['CHECKS', 'Facts', 'Verdict', 'run', 'worst']
