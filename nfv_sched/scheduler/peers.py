"""The schedulers that pick hosts at the same time.

Each knows those whose picks it received recently, see
:mod:`nfv_sched.scheduler.pick_sharing`. All of them know the same ones, a
moment sooner or later, so they can partition the hosts without any agreement.
"""

from collections.abc import Callable
from collections.abc import Sequence

#: Seconds for which a scheduler counts after its last pick.
HEARD = 60.0
#: The most schedulers that are kept.
MOST = 1024


class Peers:
    """This scheduler, and those that were heard of recently.

    :param own: the id of this scheduler in messages
    :param clock: seconds
    """

    def __init__(self, own: str, clock: Callable[[], float]) -> None:
        self._own = own
        self._clock = clock
        # When each was heard of last, the latest at the end.
        self._heard: dict[str, float] = {}

    def hear(self, sender: str) -> None:
        """Record that a pick of a scheduler has arrived."""
        self._heard.pop(sender, None)
        self._heard[sender] = self._clock()
        if len(self._heard) > MOST:
            del self._heard[next(iter(self._heard))]

    def partition(self, hosts: Sequence[str]) -> list[bool]:
        """Whether each of the hosts is in the partition of this scheduler.

        The hosts, in the order of their uuids, are divided into equal
        partitions, one for each scheduler in the order of their ids. Those
        that know of each other and of the same hosts have no host in common.
        If a host is added or removed, each boundary moves by at most one.

        :param hosts: uuids of compute nodes
        """
        since = self._clock() - HEARD
        others = [
            sender
            for sender, heard in self._heard.items()
            if heard >= since and sender != self._own
        ]
        if not others:
            return [True] * len(hosts)
        place, count = sum(map(self._own.__gt__, others)), len(others) + 1
        begin, end = (
            len(hosts) * bound // count for bound in (place, place + 1)
        )
        own = set(sorted(hosts)[begin:end])
        return [host in own for host in hosts]
