"""What a claim would leave of a host, as far as weighers need it."""

from collections.abc import Iterable
from collections.abc import Iterator
from typing import NamedTuple

from nfv_sched.fit.apply_claim import apply_claim
from nfv_sched.fit.apply_claim import StatesAfter
from nfv_sched.fit.headroom import HostHeadroom
from nfv_sched.fit.headroom import HostHeadrooms
from nfv_sched.fit.headroom import Shapes
from nfv_sched.fit.locality import Distances
from nfv_sched.fit.locality import Locality
from nfv_sched.fit.locality import locality
from nfv_sched.fit.request import FitRequest
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import Guest
from nfv_sched.model import Host
from nfv_sched.model import NodeChoice


class Forecast(NamedTuple):
    """The state of a host after a claim, as far as weighers need it.

    ``before`` and ``left`` are the headrooms before the claim and after it,
    one for each of the expected ``shapes``, as of
    :class:`~nfv_sched.fit.headroom.HostHeadroom`.
    """

    shapes: tuple[FitRequest, ...]
    before: tuple[int, ...]
    left: tuple[int, ...]
    locality: Locality


def forecast(
    guest: Guest,
    host: Host,
    outcome: ClaimOutcome,
    shapes: Shapes,
    distances: Distances,
) -> Forecast:
    """The forecast for a claim with a known outcome.

    :param shapes: the expected ones
    :param distances: between the host's cells, where they are known
    """
    counts = [
        HostHeadroom(request, host, smooth=shapes.smooth)
        for request in shapes.requests
    ]
    left = apply_claim(guest, host, outcome)
    return Forecast(
        shapes.requests,
        tuple(count.now for count in counts),
        tuple(count.after(left) for count in counts),
        locality(guest, host, outcome, distances),
    )


def forecasts(
    guest: Guest,
    host: Host,
    outcomes: Iterable[ClaimOutcome],
    shapes: Shapes,
    distances: Distances,
) -> Iterator[Forecast]:
    """As :func:`forecast`, for several outcomes of a claim in turn.

    What they have in common is counted once.
    """
    headrooms = HostHeadrooms(shapes, host)
    states = StatesAfter(guest, host)
    for outcome in outcomes:
        yield Forecast(
            shapes.requests,
            headrooms.now,
            headrooms.after(states.after(outcome)),
            locality(guest, host, outcome, distances),
        )


class NodeForecast(NamedTuple):
    """The forecast for a claim that is restricted to one set of nodes.

    ``room`` is how many instances like this one the nodes take, by counts;
    known for instances of one node.
    """

    choice: NodeChoice
    nodes: frozenset[int]
    room: int
    forecast: Forecast


class HostForecast(NamedTuple):
    """What a claim leaves of a host.

    ``unrestricted`` is for the nodes that the claim takes by itself,
    ``by_nodes`` for each set of nodes to which it can be restricted.
    ``headroom`` is how many such instances fit before the claim, by counts.
    ``nodes`` are the ids of the host nodes that the claim takes by itself, by
    guest node.
    """

    unrestricted: Forecast
    headroom: int
    by_nodes: tuple[NodeForecast, ...] = ()
    nodes: tuple[int, ...] = ()
