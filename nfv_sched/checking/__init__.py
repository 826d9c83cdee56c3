"""Checks of a deployment: results with codes of oslo.upgradecheck and a fix.

``nfv-sched check`` reads the facts and prints the results.
"""

from nfv_sched.checking.run import CheckInput
from nfv_sched.checking.run import CHECKS
from nfv_sched.checking.run import NamedResult
from nfv_sched.checking.run import Part
from nfv_sched.checking.run import run
from nfv_sched.checking.run import worst

__all__ = ['CHECKS', 'CheckInput', 'NamedResult', 'Part', 'run', 'worst']
