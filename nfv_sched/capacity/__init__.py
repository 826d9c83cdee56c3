"""How many more guests fit, by repeating the claims that would be made."""

from nfv_sched.capacity.count import Capacity
from nfv_sched.capacity.count import Counter
from nfv_sched.capacity.count import HostCount
from nfv_sched.capacity.mixed import mixed
from nfv_sched.capacity.mixed import Mixture

__all__ = ['Capacity', 'Counter', 'HostCount', 'Mixture', 'mixed']
