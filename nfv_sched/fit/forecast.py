"""What a claim would do to a host: what it takes, and what that costs."""

from typing import NamedTuple

from nfv_sched.fit.apply_claim import apply_claim
from nfv_sched.fit.headroom import headrooms
from nfv_sched.fit.locality import Distances
from nfv_sched.fit.locality import Locality
from nfv_sched.fit.locality import locality
from nfv_sched.fit.request import FitRequest
from nfv_sched.model import ClaimOutcome
from nfv_sched.model import Guest
from nfv_sched.model import Host


class Forecast(NamedTuple):
    """The state of a host after a claim, as far as weighers ask.

    ``before`` and ``left`` are for each of the expected ``shapes`` the guests
    that the host has room for before the claim and after it.
    """

    shapes: tuple[FitRequest, ...]
    before: tuple[int, ...]
    left: tuple[int, ...]
    locality: Locality


def forecast(
    guest: Guest,
    host: Host,
    outcome: ClaimOutcome,
    shapes: tuple[FitRequest, ...],
    distances: Distances,
) -> Forecast:
    """Look at the host as the claim leaves it.

    :param shapes: the guests that are expected
    :param distances: between the host's cells, where they are known
    """
    left = apply_claim(guest, host, outcome)
    counts = [headrooms(shape, host, left) for shape in shapes]
    return Forecast(
        shapes,
        tuple(before for before, _ in counts),
        tuple(after for _, after in counts),
        locality(guest, host, outcome, distances),
    )
