"""Pools of devices while some are taken from them."""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses

from nfv_sched.fit.request import PF
from nfv_sched.fit.request import VDPA
from nfv_sched.fit.request import VF
from nfv_sched.model import DeviceClaim
from nfv_sched.model import DevicePool


def left_after(
    pools: Sequence[DevicePool],
    taken: Sequence[DeviceClaim],
    known: dict[tuple[int, int], DevicePool],
) -> Sequence[DevicePool]:
    """The pools that nova-compute reports once devices were taken.

    The functions of a card that went with others are gone, and so are pools
    that lost their last device that way; a pool of which all devices were
    taken stays, with none. As PciDeviceStats.consume_requests leaves them.

    :param known: pools of these of which some were taken before, by index
        and count; those that are left are added
    """
    if not taken:
        return pools
    left = []
    for index, count in counts_after(pools, taken):
        pool = pools[index]
        if pool.count != count:
            pool = known.get((index, count)) or pool.evolve(count=count)
            known[index, count] = pool
        left.append(pool)
    return tuple(left)


def counts_after(
    pools: Sequence[DevicePool], taken: Iterable[DeviceClaim]
) -> list[tuple[int, int]]:
    """The pools that are left, by index, and how many devices each has."""
    state = PoolState(pools)
    for claim in taken:
        state.allocate(claim.pool, claim.count)
    return [(pool, state.counts[pool]) for pool in state.present]


@dataclasses.dataclass(slots=True)
class PoolState:
    """Free devices per pool while requests are applied.

    Nova keeps the count and the devices of a pool apart and leaves a count
    behind when a pool goes with its last device; so does this.
    """

    pools: Sequence[DevicePool]
    counts: list[int] = dataclasses.field(init=False)
    devices: list[int] = dataclasses.field(init=False)
    present: list[int] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.counts = [pool.count for pool in self.pools]
        self.devices = list(self.counts)
        self.present = list(range(len(self.pools)))

    def decrease(self, pool: int, count: int) -> int:
        """Take up to ``count`` devices by number; return how many lack."""
        if self.counts[pool] > count:
            self.counts[pool] -= count
            return 0
        self.present.remove(pool)
        return count - self.counts[pool]

    def allocate(self, pool: int, count: int) -> bool:
        """Take devices; False where Nova finds none to take."""
        self.counts[pool] -= count
        for _ in range(count):
            if not self.devices[pool]:
                return False
            self.devices[pool] -= 1
            for other in self._dependents(pool):
                self._remove_one(other)
        return True

    def _dependents(self, pool: int) -> list[int]:
        """One entry per device that goes when one of ``pool`` is taken.

        The parents of the devices of a pool without an address are unknown:
        those exclusions show only in the claim itself.
        """
        taken = self.pools[pool]
        if taken.address is None:
            return []
        if taken.dev_type == PF:
            kinds: tuple[str, ...] = (VF, VDPA)
        elif taken.dev_type in (VF, VDPA):
            kinds = (PF,)
        else:
            return []
        return [
            other
            for other in self.present
            if self.pools[other].dev_type in kinds
            and self.pools[other].address == taken.address
            for _ in range(self.devices[other])
        ]

    def _remove_one(self, pool: int) -> None:
        self.devices[pool] -= 1
        if self.counts[pool] > 1:
            self.counts[pool] -= 1
        elif pool in self.present:
            self.present.remove(pool)
