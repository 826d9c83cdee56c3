"""How near a guest gets to its devices, and whose devices it sits beside."""

from typing import NamedTuple

from nfv_sched.fit.remoteness import Distances
from nfv_sched.fit.remoteness import remoteness
from nfv_sched.model import Guest
from nfv_sched.model import Host
from nfv_sched.model import Placement


class Locality(NamedTuple):
    """Where a claim takes devices and cells, as far as that is good or bad.

    ``remote`` is the mean remoteness of the devices from the guest's cells,
    from 0 to below 1; ``together`` the share of the devices that sit on a
    physical function with another one of the guest; ``occupied`` the share
    of the cells of a guest without devices that have free ones.
    """

    remote: float = 0.0
    together: float = 0.0
    occupied: float = 0.0

    def badness(self, *, apart: bool) -> float:
        """What is bad for a guest with devices, from 0 to 1.

        :param apart: whether they should be on different physical functions
        """
        return (self.remote + self.together) / 2 if apart else self.remote


def locality(
    guest: Guest, host: Host, placement: Placement, distances: Distances
) -> Locality:
    """The locality of a predicted claim.

    :param distances: between the host's cells, where they are known
    """
    chosen = {cell.host_cell for cell in placement.cells}
    taken = [(host.pools[one.pool], one.count) for one in placement.devices]
    devices = sum(count for _, count in taken)
    remote = together = occupied = 0.0
    if devices:
        functions = {
            pool.address or index for index, (pool, _) in enumerate(taken)
        }
        together = 1 - min(len(functions), devices) / devices
    if devices and chosen:
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
    return Locality(remote, together, occupied)
