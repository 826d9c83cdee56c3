"""Why a guest gets no host, how nearly it would, and what would help.

Asks the very pipeline that schedules, host by host, and writes nothing.
"""

from nfv_sched.explaining.explain import Explainer
from nfv_sched.explaining.values import Condition
from nfv_sched.explaining.values import Explanation
from nfv_sched.explaining.values import Finding
from nfv_sched.explaining.values import Lack

__all__ = [
    'Condition',
    'Explainer',
    'Explanation',
    'Finding',
    'Lack',
]
