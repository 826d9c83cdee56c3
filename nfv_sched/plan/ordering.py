"""The order of moves in which each claim succeeds."""

import collections
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from nfv_sched.plan.options import Option
from nfv_sched.plan.projected_host import held_after
from nfv_sched.plan.projected_host import ProjectedHost
from nfv_sched.plan.projected_host import RequestClass
from nfv_sched.plan.projected_host import Resident
from nfv_sched.plan.values import Method
from nfv_sched.plan.values import Step


@dataclasses.dataclass(frozen=True, slots=True)
class MovingInstance:
    """An instance that needs a host.

    ``source`` is where it is, None for one that is booted; ``resident`` is
    None where it frees nothing there.
    """

    asked: RequestClass
    method: Method
    name: str
    flavor: str
    memory_mib: int
    uuid: str | None = None
    source: str | None = None
    resident: Resident | None = None


def moving_of(options: Mapping[str, Option]) -> list[MovingInstance]:
    """The instances that leave their hosts, by what was chosen for each."""
    return [
        MovingInstance(
            each.asks,
            each.method,
            each.name,
            each.flavor,
            each.memory_mib,
            each.uuid,
            host,
            each,
        )
        for host, option in options.items()
        for each in option.leaving
        if each.asks is not None
    ]


@dataclasses.dataclass(frozen=True, slots=True)
class Ordered:
    """Steps of which each claim succeeds, and who could not be ordered."""

    steps: tuple[Step, ...]
    stuck: tuple[MovingInstance, ...]


def order(
    projected_hosts: Mapping[str, ProjectedHost],
    classes: Sequence[RequestClass],
    options: Mapping[str, Option],
    moving: Iterable[MovingInstance],
    closed: Collection[str] = (),
) -> Ordered:
    """Carry out what was chosen for each host, claim by claim.

    A move waits for those that make its room. Where moves wait for each
    other in a circle one instance goes to a third host first, and on to its
    destination later. Evacuations come last: what is moved beside them is
    moved before the hosts are lost.

    :param projected_hosts: the hosts by name, which are changed
    :param classes: by their numbers in the options
    :param options: what was chosen for each host
    :param moving: all that leave a host or need one; there may be more
        than there are places
    :param closed: hosts that no instance may go to, not even for a while
    """
    pending = _assign(classes, options, moving)
    return _Ordering(projected_hosts, pending, frozenset(closed)).run()


@dataclasses.dataclass(slots=True)
class _Pending:
    instance: MovingInstance
    destination: str
    #: Where it is now, and what it holds there.
    at: str | None
    resident: Resident | None
    parked: bool = False


class _Ordering:
    def __init__(
        self,
        projected_hosts: Mapping[str, ProjectedHost],
        pending: Iterable[_Pending],
        closed: frozenset[str],
    ) -> None:
        self._closed = closed
        self._projected_hosts = projected_hosts
        self._pending: list[_Pending] = []
        self._stages: tuple[list[_Pending], list[_Pending]] = ([], [])
        for each in pending:
            evacuated = each.instance.method is Method.EVACUATION
            self._stages[evacuated].append(each)
        self._steps: list[Step] = []
        # The steps that changed each host.
        self._changed: dict[str, list[int]] = collections.defaultdict(list)
        # All steps that have to be done before each step.
        self._before: dict[int, frozenset[int]] = {}

    def run(self) -> Ordered:
        stuck: list[_Pending] = []
        for stage in self._stages:
            self._pending = stage
            while self._pending:
                if not self._advance() and not self._park():
                    break
            stuck += self._pending
        return Ordered(
            tuple(self._steps), tuple(pending.instance for pending in stuck)
        )

    def _advance(self) -> bool:
        """Make all moves that succeed now; whether there was one."""
        moved = False
        for pending in list(self._pending):
            if self._move(pending, pending.destination):
                self._pending.remove(pending)
                moved = True
        return moved

    def _move(self, pending: _Pending, destination: str) -> bool:
        projected = self._projected_hosts[destination]
        instance = pending.instance
        claimed = projected.attempt(instance.asked)
        if isinstance(claimed, str):
            return False
        predicted = projected.arrive(instance.asked, claimed)
        source = pending.at
        # Both hosts hold it until the move is confirmed.
        if pending.resident is not None and source is not None:
            self._projected_hosts[source].leave(pending.resident)
        number = len(self._steps) + 1
        after = self._direct(
            number,
            {
                *self._changed[destination],
                *(self._changed[source] if source and pending.parked else ()),
            },
        )
        self._steps.append(
            Step(
                number,
                instance.method,
                instance.uuid,
                instance.name,
                instance.flavor,
                source or instance.source,
                destination,
                predicted,
                instance.memory_mib if instance.method is Method.LIVE else 0,
                after,
            )
        )
        for host in filter(None, (source, destination)):
            self._changed[host].append(number)
        pending.at = destination
        pending.resident = Resident(
            instance.uuid or '',
            instance.name,
            instance.flavor,
            instance.memory_mib,
            held_after(instance.asked.fit_request, claimed),
            instance.asked,
            group=instance.asked.group.uuid if instance.asked.group else None,
        )
        return True

    def _direct(self, number: int, earlier: set[int]) -> tuple[int, ...]:
        """Of the steps before one those that no other of them waits for."""
        waited_for = frozenset[int]().union(
            *(self._before[each] for each in earlier)
        )
        self._before[number] = waited_for | earlier
        return tuple(sorted(earlier - waited_for))

    def _park(self) -> bool:
        """Move one that is in the way of another to a third host."""
        wanted = {pending.destination for pending in self._pending}
        taken = wanted | self._closed
        for pending in self._pending:
            if (
                pending.at not in wanted
                or pending.parked
                # Which of the devices it takes there is not known.
                or pending.instance.asked.fit_request.guest.devices
            ):
                continue
            for name in self._projected_hosts:
                if name in taken or name == pending.at:
                    continue
                if self._move(pending, name):
                    pending.parked = True
                    return True
        return False


def _assign(
    classes: Sequence[RequestClass],
    options: Mapping[str, Option],
    moving: Iterable[MovingInstance],
) -> Iterator[_Pending]:
    """A destination for each instance, host by host in order of claims."""
    waiting: dict[RequestClass, collections.deque[MovingInstance]] = (
        collections.defaultdict(collections.deque)
    )
    for instance in moving:
        waiting[instance.asked].append(instance)
    for host, option in options.items():
        for number in option.arrivals.order:
            queue = waiting[classes[number]]
            if not queue:
                # There is more room than is needed.
                continue
            # No class both leaves a host and arrives there.
            instance = queue.popleft()
            yield _Pending(instance, host, instance.source, instance.resident)


def unassigned(
    classes: Sequence[RequestClass],
    options: Mapping[str, Option],
    moving: Sequence[MovingInstance],
) -> list[MovingInstance]:
    """The instances without a place in the options, last of their class."""
    places = collections.Counter(
        classes[number]
        for option in options.values()
        for number in option.arrivals.order
    )
    left = []
    for instance in moving:
        if places[instance.asked]:
            places[instance.asked] -= 1
        else:
            left.append(instance)
    return left
