"""Does this guest fit this host, where, and if not why.

Pure functions over :mod:`nfv_sched.model`; what is exported here is what
others may call.
"""

from nfv_sched.fit.after import after
from nfv_sched.fit.devices import Providers
from nfv_sched.fit.devices import providers_of
from nfv_sched.fit.evaluate import evaluate
from nfv_sched.fit.evaluate import Evaluation
from nfv_sched.fit.forecast import Forecast
from nfv_sched.fit.forecast import forecast
from nfv_sched.fit.locality import Locality
from nfv_sched.fit.locality import locality
from nfv_sched.fit.mix import Expected
from nfv_sched.fit.mix import Mix
from nfv_sched.fit.question import Portion
from nfv_sched.fit.question import Question
from nfv_sched.fit.room import room
from nfv_sched.fit.shortfalls import Refusal

__all__ = [
    'Evaluation',
    'Expected',
    'Forecast',
    'Locality',
    'Mix',
    'Portion',
    'Providers',
    'Question',
    'Refusal',
    'after',
    'evaluate',
    'forecast',
    'locality',
    'providers_of',
    'room',
]
