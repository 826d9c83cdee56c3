"""What hosts alone can do: the claim takes the NUMA nodes, as it does.

A search that knows all guests of a filling finds a host for each of them, so
that each claim succeeds in the order of arrival and as many as possible come
before the first rejection. It is no scheduler: it goes back on what it
decided. What it finds is a lower bound on the best choice of hosts. Between
that and the bound of :mod:`benchmarks.packing.bounds` is what the choice of
NUMA nodes takes, or what the search did not find.

A host's state follows from the flavors that it was given, in order. Each
state is computed once.
"""

from collections.abc import Sequence
import random
from typing import Any
from typing import NamedTuple

from benchmarks.packing import bounds
from benchmarks.packing.clouds import Cloud
from benchmarks.packing.computes import Compute
from benchmarks.packing.computes import CPU_RATIO
from benchmarks.packing.computes import RESERVED_MIB
from benchmarks.packing.computes import Shape
from benchmarks.packing.loads import Load
from nfv_sched import fit
from nfv_sched.model import Guest
from nfv_sched.model import Host
from nfv_sched.nova import host_states
from nfv_sched.nova import request_spec
from nfv_sched.sim.machine import Machine

#: How often a place is searched for one guest.
MOST_TRIES = 1500
#: At most so many hosts, and guests of each, are changed in one attempt.
_HOSTS, _GUESTS = 3, 4
#: How often all hosts are tried, not only those that were changed.
_ALL_HOSTS = 0.3


class _Amounts(NamedTuple):
    """What Placement counts on a host."""

    pcpus: int = 0
    vcpus: int = 0
    memory_mib: int = 0

    def plus(self, shape: Shape) -> '_Amounts':
        return _Amounts(
            self.pcpus + shape.pcpus,
            self.vcpus + shape.vcpus,
            self.memory_mib + shape.flavor.ram_mib,
        )

    def within(self, machine: Machine) -> bool:
        return (
            self.pcpus <= len(machine.dedicated)
            and self.vcpus <= len(machine.shared) * CPU_RATIO
            and self.memory_mib <= machine.memory_mib - RESERVED_MIB
        )


class _State:
    """A host after some claims; ``after`` has the states that follow."""

    __slots__ = ('after', 'amounts', 'host', 'machine')

    def __init__(self, machine: Machine, host: Host, amounts: _Amounts):
        self.machine = machine
        self.host = host
        self.amounts = amounts
        self.after: dict[str, _State | None] = {}


class Claims:
    """The claims of guests on the hosts of a cloud, as nova-compute's.

    Use it while :func:`benchmarks.packing.scheduler.configured`.
    """

    def __init__(self, cloud: Cloud, load: Load) -> None:
        self._shapes = {one.name: one for one in bounds.shapes_of(load)}
        self._guests: dict[str, Guest] = {
            name: request_spec.read_guest(one.spec)
            for name, one in self._shapes.items()
        }
        empty: dict[str, _State] = {}
        for machine in cloud.machines:
            if machine.name not in empty:
                state: Any = Compute('host', machine).state
                host = host_states.host_of(state).plain()
                empty[machine.name] = _State(machine, host, _Amounts())
        self._empty = [empty[machine.name] for machine in cloud.machines]

    @property
    def hosts(self) -> int:
        """How many hosts there are."""
        return len(self._empty)

    def succeed(self, host: int, flavors: Sequence[str]) -> bool:
        """Whether a host that is empty takes the guests in this order."""
        state: _State | None = self._empty[host]
        for name in flavors:
            if state is None:
                return False
            if name not in state.after:
                state.after[name] = self._claimed(state, name)
            state = state.after[name]
        return state is not None

    def size(self, name: str) -> tuple[int, int]:
        """What puts flavors in order, those that are hard to place first."""
        shape = self._shapes[name]
        return -shape.devices, -shape.pcpus

    def _claimed(self, state: _State, name: str) -> _State | None:
        shape, machine = self._shapes[name], state.machine
        amounts = state.amounts.plus(shape)
        if not amounts.within(machine) or shape.vcpus > len(machine.shared):
            return None
        guest = self._guests[name]
        outcome = fit.evaluate(guest, state.host).outcome
        if outcome is None:
            return None
        return _State(
            machine, fit.apply_claim(guest, state.host, outcome), amounts
        )


class _Search:
    """Hosts for the guests that have come, all of whose claims succeed.

    ``placed`` has the numbers of the guests on each host, in order.
    """

    def __init__(self, claims: Claims, flavors: Sequence[str]) -> None:
        self.placed: list[list[int]] = [[] for _ in range(claims.hosts)]
        self._claims = claims
        self._flavors = flavors
        # Not for secrets: for the same answer again.
        self._dice = random.Random(0)  # noqa: S311

    def add(self, guest: int, tries: int) -> bool:
        """Find a place for one more guest, by moving others if need be."""
        fullest = sorted(
            range(len(self.placed)), key=lambda host: -len(self.placed[host])
        )
        if self._put(guest, fullest, self.placed):
            return True
        before = self.placed
        for _ in range(tries):
            left = self._attempt(guest)
            if left is None:
                return True
            guest = left
        self.placed = before
        return False

    def _attempt(self, guest: int) -> int | None:
        """Take some guests away and place all again.

        :returns: the guest without a place, which may be another one now;
            None if all have one
        """
        dice = self._dice
        trial = [list(guests) for guests in self.placed]
        hosts = dice.sample(
            range(len(trial)), min(len(trial), dice.randint(1, _HOSTS))
        )
        homeless = [guest]
        for host in hosts:
            count = min(len(trial[host]), dice.randint(1, _GUESTS))
            for number in dice.sample(trial[host], count):
                trial[host].remove(number)
                homeless.append(number)
            if not self._succeed(host, trial[host]):
                return guest
        dice.shuffle(homeless)
        if dice.getrandbits(1):
            homeless.sort(key=self._size)
        left = []
        for number in homeless:
            wide = dice.random() < _ALL_HOSTS
            among = list(range(len(trial))) if wide else list(hosts)
            dice.shuffle(among)
            if not self._put(number, among, trial):
                left.append(number)
                if len(left) > 1:
                    return guest
        self.placed = trial
        return left[0] if left else None

    def _put(
        self, guest: int, hosts: Sequence[int], trial: list[list[int]]
    ) -> bool:
        """Add a guest to the first host where all claims still succeed."""
        for host in hosts:
            guests = sorted([*trial[host], guest])
            if self._succeed(host, guests):
                trial[host] = guests
                return True
        return False

    def _succeed(self, host: int, guests: Sequence[int]) -> bool:
        return self._claims.succeed(
            host, [self._flavors[number] for number in guests]
        )

    def _size(self, guest: int) -> tuple[int, int]:
        return self._claims.size(self._flavors[guest])


def hosts_for(
    cloud: Cloud, load: Load, flavors: Sequence[str], tries: int = MOST_TRIES
) -> list[int]:
    """The hosts of the guests that come before the first rejection.

    :param flavors: of all that come, in order
    :returns: the number of a host for each guest that was placed
    """
    search = _Search(Claims(cloud, load), flavors)
    count = 0
    while count < len(flavors) and search.add(count, tries):
        count += 1
    chosen = [0] * count
    for host, guests in enumerate(search.placed):
        for guest in guests:
            chosen[guest] = host
    return chosen
