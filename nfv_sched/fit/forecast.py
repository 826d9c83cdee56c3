"""What a claim would do to a host: what it takes, and what that costs."""

from typing import NamedTuple

from nfv_sched.fit.after import after
from nfv_sched.fit.locality import Locality
from nfv_sched.fit.locality import locality
from nfv_sched.fit.question import Question
from nfv_sched.fit.remoteness import Distances
from nfv_sched.fit.room import rooms
from nfv_sched.model import Guest
from nfv_sched.model import Host
from nfv_sched.model import Placement


class Forecast(NamedTuple):
    """The state of a host after a claim, as far as weighers ask.

    ``before`` and ``left`` are for each of the expected ``shapes`` the guests
    that the host has room for before the claim and after it.
    """

    shapes: tuple[Question, ...]
    before: tuple[int, ...]
    left: tuple[int, ...]
    locality: Locality


def forecast(
    guest: Guest,
    host: Host,
    placement: Placement,
    shapes: tuple[Question, ...],
    distances: Distances,
) -> Forecast:
    """Look at the host as the claim leaves it.

    :param shapes: the guests that are expected
    :param distances: between the host's cells, where they are known
    """
    left = after(guest, host, placement)
    counts = [rooms(shape, host, left) for shape in shapes]
    return Forecast(
        shapes,
        tuple(before for before, _ in counts),
        tuple(after for _, after in counts),
        locality(guest, host, placement, distances),
    )
