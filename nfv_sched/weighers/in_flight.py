"""Hosts to which guests are on their way weigh less.

What a scheduler knows of a host is what its nova-compute has reported, and
the claims of guests that were sent a moment ago are not in there yet.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import itertools
import logging
from typing import Any

from nfv_sched import fit
from nfv_sched.scheduler import multipliers
from nfv_sched.scheduler.forecasts import forecast_cache
from nfv_sched.scheduler.in_flight import in_flight
from nfv_sched.weighers.base import AbsoluteWeigher

LOG = logging.getLogger(__name__)


class InFlightWeigher(AbsoluteWeigher):
    """Weigh each host by the share of its room that guests in flight leave.

    In flight are guests that this scheduler has sent to the host and that
    are not in what it has reported; room is for guests like this one. The
    weight is ``left / (room + 1)``: of two hosts to which nobody is on the
    way the one with more room weighs more, for another scheduler may have
    sent a guest to its last place. Schedulers that fill all hosts evenly
    fill none of them twice, without knowing of each other.

    All weigh 0 while nothing is in flight, and for guests that ask for
    nothing. Guests are seen off by :class:`~nfv_sched.filters.numa_fit.
    NUMAFitFilter`.
    """

    option = multipliers.IN_FLIGHT

    def weigh_objects(
        self, weighed_obj_list: Sequence[Any], weight_properties: Any
    ) -> list[float]:
        """A weight for each host, in order."""
        nothing = [0.0] * len(weighed_obj_list)
        fit_request = self.fit_request(weighed_obj_list, weight_properties)
        if fit_request is None:
            return nothing
        flight = in_flight()
        states = [weighed.obj for weighed in weighed_obj_list]
        try:
            flight.settle()
            if not flight:
                return nothing
            return flight.left(
                fit_request, states, _headrooms(fit_request, states)
            )
        except Exception:
            # A boot must not fail because of a preference.
            LOG.exception('%s weighs nothing', type(self).__name__)
            return nothing


def _headrooms(
    fit_request: fit.FitRequest, states: Sequence[Any]
) -> Iterator[int | None]:
    """For how many such guests hosts have room, where it is known."""
    found, _ = forecast_cache().look(fit_request, states)
    shapes = next((one.shapes for one in found if one), ())
    for place, shape in enumerate(shapes):
        if shape.shape == fit_request.shape:
            return (one.before[place] if one else None for one in found)
    return itertools.repeat(None, len(states))
