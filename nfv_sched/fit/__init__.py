"""Whether a guest fits a host, where, and why not.

Pure functions over :mod:`nfv_sched.model`. Callers outside of this package
use what is exported here.
"""

from nfv_sched.fit.apply_claim import apply_claim
from nfv_sched.fit.demand import Demand
from nfv_sched.fit.demand import DemandHistogram
from nfv_sched.fit.devices import Providers
from nfv_sched.fit.evaluate import evaluate
from nfv_sched.fit.evaluate import Evaluation
from nfv_sched.fit.forecast import Forecast
from nfv_sched.fit.forecast import forecast
from nfv_sched.fit.forecast import HostForecast
from nfv_sched.fit.forecast import NodeForecast
from nfv_sched.fit.headroom import headroom
from nfv_sched.fit.locality import Locality
from nfv_sched.fit.locality import locality
from nfv_sched.fit.reasons import Refusal
from nfv_sched.fit.request import FitRequest
from nfv_sched.fit.request import PerCellDemand

__all__ = [
    'Evaluation',
    'Demand',
    'Forecast',
    'Locality',
    'DemandHistogram',
    'HostForecast',
    'NodeForecast',
    'PerCellDemand',
    'Providers',
    'FitRequest',
    'Refusal',
    'apply_claim',
    'evaluate',
    'forecast',
    'locality',
    'headroom',
]
