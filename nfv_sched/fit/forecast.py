"""What a claim would do to a host: what it takes, and what that costs."""

from collections.abc import Sequence
from typing import NamedTuple

from nfv_sched.fit.after import after
from nfv_sched.fit.question import Question
from nfv_sched.fit.remoteness import Distances
from nfv_sched.fit.remoteness import remoteness
from nfv_sched.fit.room import room
from nfv_sched.model import Guest
from nfv_sched.model import Host
from nfv_sched.model import Placement


class Forecast(NamedTuple):
    """The state of a host after a claim, as far as weighers ask.

    ``before`` and ``left`` are for each expected shape the guests that the
    host has room for before the claim and after it. ``remote`` is the mean
    remoteness of the devices from the guest's cells, from 0 to below 1;
    ``together`` the share of the devices that sit on a physical function
    with another one of the guest; ``occupied`` the share of the guest's
    cells that have free devices which it did not ask for.
    """

    before: tuple[int, ...]
    left: tuple[int, ...]
    remote: float = 0.0
    together: float = 0.0
    occupied: float = 0.0


def forecast(
    guest: Guest,
    host: Host,
    placement: Placement,
    shapes: Sequence[Question],
    distances: Distances,
) -> Forecast:
    """Look at the host as the claim leaves it.

    :param shapes: the guests that are expected
    :param distances: between the host's cells, where they are known
    """
    left = after(guest, host, placement)
    chosen = {cell.host_cell for cell in placement.cells}
    taken = [
        (host.pools[one.pool], one.count)
        for one in placement.devices
        if one.count
    ]
    devices = sum(count for _, count in taken)
    remote = together = occupied = 0.0
    if taken:
        functions = {
            pool.address or index for index, (pool, _) in enumerate(taken)
        }
        together = 1 - min(len(functions), devices) / devices
    if taken and chosen:
        remote = (
            sum(
                count
                * remoteness(chosen, pool.numa_node, host.cells, distances)
                for pool, count in taken
            )
            / devices
        )
    if chosen and not guest.devices:
        near = {pool.numa_node for pool in host.pools if pool.count > 0}
        occupied = len(chosen & near) / len(chosen)
    return Forecast(
        tuple(room(shape, host) for shape in shapes),
        tuple(room(shape, left) for shape in shapes),
        remote,
        together,
        occupied,
    )
