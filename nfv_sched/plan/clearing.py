"""The fewest instances that leave one host, so that another one fits it.

For few moves no solver is needed: of hosts that take an instance by itself,
as many are enough as instances move.
"""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import itertools

from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.plan.options import Arrivals
from nfv_sched.plan.options import Option
from nfv_sched.plan.ordering import moving_of
from nfv_sched.plan.ordering import MovingInstance
from nfv_sched.plan.ordering import order
from nfv_sched.plan.planner import PlannedCloud
from nfv_sched.plan.projected_host import ProjectedHost
from nfv_sched.plan.projected_host import RequestClass
from nfv_sched.plan.projected_host import Resident
from nfv_sched.plan.values import Method
from nfv_sched.plan.values import Plan
from nfv_sched.plan.values import Step

#: The most instances to move: more is not worth one instance.
MAX_MOVES = 3
#: Choices that are tried per host.
MAX_TRIES = 2000


class HostClearing:
    """Finds what has to leave hosts.

    :param cloud: whose residents may move
    :param asked: what the instance asks that is to fit
    """

    def __init__(self, cloud: PlannedCloud, asked: RequestClass) -> None:
        self._cloud = cloud
        self._asked = asked
        # By class, the hosts that take one.
        self._takers: dict[RequestClass, list[str]] = {}

    def plan(self, host: str) -> Plan | None:
        """The fewest moves, then those with the least memory, and the boot.

        Choices of up to MAX_MOVES instances are tried, at most MAX_TRIES.

        :param host: which has to take the instance in the end
        """
        residents = [
            each
            for each in self._cloud.residents.get(host, ())
            if each.asks is not None
        ]
        enough: list[frozenset[str]] = []
        tried = 0
        for count in range(1, min(MAX_MOVES, len(residents)) + 1):
            choices = sorted(
                itertools.combinations(residents, count), key=_memory
            )
            for leaving in choices:
                names = frozenset(each.uuid for each in leaving)
                # These would do, but do not all find another host.
                if any(fewer <= names for fewer in enough):
                    continue
                tried += 1
                if tried > MAX_TRIES:
                    return None
                if fits_without(self._cloud, self._asked, host, leaving):
                    steps = self._steps(host, leaving)
                    if steps:
                        return Plan(steps)
                    enough.append(names)
        return None

    def _steps(
        self, host: str, leaving: Sequence[Resident]
    ) -> tuple[Step, ...]:
        """The moves, and the boot; empty if not all find another host."""
        for destinations in self._destinations(host, leaving):
            classes = [each.asks for each in leaving if each.asks is not None]
            options = {
                host: Option(tuple(leaving), Arrivals((len(classes),))),
            }
            for number, name in enumerate(destinations):
                known = options.get(name, Option()).arrivals.order
                options[name] = Option((), Arrivals((*known, number)))
            ledger = self._cloud.ledger.branch()
            ordered = order(
                {
                    name: self._cloud.projected_hosts[name].branch(ledger)
                    for name in options
                },
                [*classes, self._asked],
                options,
                [*moving_of(options), self._new()],
            )
            if not ordered.stuck:
                return ordered.steps
        return ()

    def _new(self) -> MovingInstance:
        return MovingInstance(
            self._asked,
            Method.BOOT,
            'new',
            self._asked.flavor,
            self._asked.memory_mib,
        )

    def _destinations(
        self, host: str, leaving: Sequence[Resident]
    ) -> Iterator[tuple[str, ...]]:
        """The hosts that take all of them together."""
        takers = [
            [name for name in self._takers_of(each.asks) if name != host]
            for each in leaving
            if each.asks is not None
        ]
        ledger = self._cloud.ledger
        yield from self._places(leaving, takers, {}, ledger)

    def _places(
        self,
        leaving: Sequence[Resident],
        takers: Sequence[Sequence[str]],
        taken: Mapping[str, ProjectedHost],
        ledger: PlacementLedger,
    ) -> Iterator[tuple[str, ...]]:
        if not leaving:
            yield ()
            return
        asks = leaving[0].asks
        if asks is None:
            return
        for name in takers[0]:
            after = ledger.branch()
            hosts = {
                each: projected.branch(after)
                for each, projected in taken.items()
            }
            target = hosts.get(name)
            if target is None:
                target = self._cloud.projected_hosts[name].branch(after)
            claimed = target.attempt(asks)
            if isinstance(claimed, str):
                continue
            target.arrive(asks, claimed)
            for more in self._places(
                leaving[1:], takers[1:], {**hosts, name: target}, after
            ):
                yield name, *more

    def _takers_of(self, asks: RequestClass) -> list[str]:
        """Hosts that take an instance by itself, as many as can matter."""
        if asks not in self._takers:
            takes = (
                name
                for name in asks.candidates
                if not isinstance(
                    self._cloud.projected_hosts[name].attempt(asks), str
                )
            )
            # The host itself may be one of them.
            self._takers[asks] = list(itertools.islice(takes, MAX_MOVES + 1))
        return self._takers[asks]


def fits_without(
    cloud: PlannedCloud,
    asked: RequestClass,
    host: str,
    leaving: Sequence[Resident],
) -> bool:
    """Whether an instance fits a host once others have left it."""
    state = cloud.projected_hosts[host].branch()
    for resident in leaving:
        state.leave(resident)
    return not isinstance(state.attempt(asked), str)


def _memory(leaving: Sequence[Resident]) -> tuple[int, list[str]]:
    return (
        sum(each.memory_mib for each in leaving),
        [each.name for each in leaving],
    )
