"""Weigh hosts less while instances are on their way to them.

A scheduler knows of a host what its nova-compute reported, which does not
include the claims of instances that were sent there a moment ago.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import logging

from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.nova.types import WeighedHost
from nfv_sched.scheduler import multipliers
from nfv_sched.scheduler.cycle import RequestCycle
from nfv_sched.weighers.base import AbsoluteWeigher

LOG = logging.getLogger(__name__)


class InFlightWeigher(AbsoluteWeigher):
    """Weigh each host by the share of its headroom that is not spoken for.

    Instances in flight are those that this scheduler has sent to the host
    and that are not in what it reported; headroom is for guests like this
    one. The weight is ``left / (headroom + 1)``: of two hosts without
    instances in flight the one with more headroom weighs more, since another
    scheduler may have sent an instance to its last place. Schedulers that
    fill all hosts evenly fill none of them twice, even without knowing of
    each other. Those that share their picks also partition the hosts: one in
    the partition of another scheduler is taken to have room for one guest
    less.

    All weigh 0 while nothing is in flight, and for guests that ask for
    nothing. :class:`~nfv_sched.filters.numa_fit.NUMAFitFilter` records each
    instance when its host is selected.
    """

    option = multipliers.IN_FLIGHT

    def weigh_objects(
        self,
        weighed_obj_list: Sequence[WeighedHost],
        weight_properties: RequestSpec,
    ) -> list[float]:
        """A weight for each host, in order."""
        nothing = [0.0] * len(weighed_obj_list)
        cycle = self.cycle(weighed_obj_list, weight_properties)
        if cycle is None:
            return nothing
        in_flight = cycle.process.in_flight
        states = [weighed.obj for weighed in weighed_obj_list]
        try:
            in_flight.expire()
            if not in_flight.unsettled():
                return nothing
            return in_flight.left(
                cycle.fit_request,
                states,
                _headrooms(cycle, states),
                cycle.process.published,
            )
        except Exception:
            # A boot must not fail because of a preference.
            LOG.exception('%s weighs nothing', type(self).__name__)
            return nothing


def _headrooms(
    cycle: RequestCycle, states: Sequence[HostState]
) -> Iterator[int | None]:
    """The headroom of hosts for such guests, where it is known."""
    forecasts, _ = cycle.process.forecasts.get_many(
        [(cycle.decide(state), state) for state in states]
    )
    return (known.headroom if known else None for known in forecasts)
