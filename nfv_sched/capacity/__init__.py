"""How many more instances fit, found by repeated hypothetical claims."""

from nfv_sched.capacity.count import Capacity
from nfv_sched.capacity.count import CapacityCounter
from nfv_sched.capacity.count import HostCount
from nfv_sched.capacity.mixture import count_mixture
from nfv_sched.capacity.mixture import Mixture

__all__ = [
    'Capacity',
    'CapacityCounter',
    'HostCount',
    'Mixture',
    'count_mixture',
]
