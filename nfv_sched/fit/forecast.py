"""What a claim would leave of a host, as far as weighers need it."""

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
    """The state of a host after a claim, as far as weighers need it.

    ``before`` and ``left`` are the headrooms before the claim and after it,
    one for each of the expected ``shapes``.
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
    """The forecast for a claim with a known outcome.

    :param shapes: the expected ones
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
