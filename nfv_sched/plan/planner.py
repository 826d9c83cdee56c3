"""Plans of moves: the best choice for all hosts, checked claim by claim."""

import collections
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import itertools
import random
import time

from nfv_sched.dryrun.placement_ledger import PlacementLedger
from nfv_sched.plan import solver
from nfv_sched.plan.limits import limits_of
from nfv_sched.plan.options import Arrivals
from nfv_sched.plan.options import Counts
from nfv_sched.plan.options import Option
from nfv_sched.plan.options import OptionFinder
from nfv_sched.plan.options import Options
from nfv_sched.plan.options import subsets
from nfv_sched.plan.ordering import moving_of
from nfv_sched.plan.ordering import MovingInstance
from nfv_sched.plan.ordering import order
from nfv_sched.plan.ordering import Ordered
from nfv_sched.plan.ordering import unassigned
from nfv_sched.plan.projected_host import ProjectedHost
from nfv_sched.plan.projected_host import RequestClass
from nfv_sched.plan.projected_host import Resident
from nfv_sched.plan.projected_host import tell_cores_apart
from nfv_sched.plan.solver import host_choices
from nfv_sched.plan.solver import HostChoices
from nfv_sched.plan.values import Method
from nfv_sched.plan.values import Plan
from nfv_sched.plan.values import Unplaced

#: How often a choice that cannot be ordered is replaced by the next best.
MAX_REPLANS = 20
#: How often each host with too many options is filled in a round, and after
#: how many rounds without a new option the search ends.
FILLS = 4
FRUITLESS_ROUNDS = 3
#: What is short where an instance fits, but instead of others.
OTHERS = 'room for all'
#: What is said without a solver.
FIRST_FIT = (
    'Without it each instance goes to the first host that takes it, and none '
    'makes room: another choice may place more.'
)


@dataclasses.dataclass(frozen=True, slots=True)
class PlannedCloud:
    """The hosts, and the instances on them.

    ``ledger`` is that of all ``projected_hosts``, ``residents`` are by host.
    ``shared`` is what is free of providers that several hosts draw from.
    """

    projected_hosts: Mapping[str, ProjectedHost]
    residents: Mapping[str, Sequence[Resident]]
    ledger: PlacementLedger
    shared: Mapping[tuple[str, str], int] = dataclasses.field(
        default_factory=dict
    )

    def classes(self) -> list[RequestClass]:
        """The classes of all instances that can move."""
        return list(
            dict.fromkeys(
                each.asks
                for residents in self.residents.values()
                for each in residents
                if each.asks is not None
            )
        )


@dataclasses.dataclass(frozen=True, slots=True)
class SearchLimits:
    """The limits of a search.

    ``most_leaving`` is how many instances may leave each host to make room,
    ``seconds`` are for the solver.
    """

    most_leaving: int = 0
    seconds: float = 10.0


#: Only those move that have to, or two of each host, too.
NO_OTHERS = SearchLimits()
SOME_OTHERS = SearchLimits(most_leaving=2)


def relocate(
    cloud: PlannedCloud,
    hosts: Collection[str],
    *,
    lost: bool = False,
    search_limits: SearchLimits = NO_OTHERS,
) -> Plan:
    """Move all instances off some hosts, or as many as find another one.

    Others move only if not all find one without, and none if the hosts are
    lost.

    :param hosts: which are to be empty, and get no instance
    :param lost: whether the hosts are lost, so that instances are evacuated
    """
    stay, moving = _leaving(cloud, hosts, lost=lost)
    request = _Request(cloud, moving, frozenset(hosts), search_limits.seconds)
    plan = request.plan(0)
    if not plan.is_complete and search_limits.most_leaving and not lost:
        other = request.plan(search_limits.most_leaving)
        if len(other.unplaced) < len(plan.unplaced):
            plan = other
    return dataclasses.replace(plan, unplaced=(*stay, *plan.unplaced))


def prepare(
    cloud: PlannedCloud,
    hosts: Collection[str],
    *,
    search_limits: SearchLimits = SOME_OTHERS,
) -> Plan:
    """Move as few as possible, so that instances of lost hosts find a host.

    :param hosts: which may be lost, and get no instance
    :returns: the moves that are made before the loss; what finds no host
        even after them, and without them
    """
    stay, moving = _leaving(cloud, hosts, lost=True)
    request = _Request(cloud, moving, frozenset(hosts), search_limits.seconds)
    without = request.plan(0)
    plan = without
    if not without.is_complete and search_limits.most_leaving:
        plan = request.plan(search_limits.most_leaving)
        if len(plan.unplaced) >= len(without.unplaced):
            plan = dataclasses.replace(without, at_most=plan.at_most)
    return dataclasses.replace(
        plan,
        steps=tuple(
            step for step in plan.steps if step.method is not Method.EVACUATION
        ),
        unplaced=(*stay, *plan.unplaced),
        lost_without=(*stay, *without.unplaced),
    )


def _leaving(
    cloud: PlannedCloud, hosts: Collection[str], *, lost: bool
) -> tuple[list[Unplaced], list[MovingInstance]]:
    """Those that have to stay on some hosts, and those that leave them.

    :param lost: whether the hosts are lost, so that instances are evacuated
    """
    leaving = [
        (host, resident)
        for host in hosts
        for resident in cloud.residents.get(host, ())
    ]
    stay = [
        Unplaced(
            each.uuid, each.name, each.flavor, host, each.stays, each.stays
        )
        for host, each in leaving
        if each.asks is None
    ]
    moving = [
        MovingInstance(
            each.asks,
            Method.EVACUATION if lost else each.method,
            each.name,
            each.flavor,
            each.memory_mib,
            each.uuid,
            host,
            # What was lost frees nothing.
            None if lost else each,
        )
        for host, each in leaving
        if each.asks is not None
    ]
    return stay, moving


def make_room(
    cloud: PlannedCloud,
    asked: RequestClass,
    count: int,
    *,
    search_limits: SearchLimits = SOME_OTHERS,
) -> Plan:
    """Move as few instances as possible, so that more of a class fit.

    :param asked: what the new instances ask
    :param count: how many more are to fit
    """
    moving = [
        MovingInstance(
            asked,
            Method.BOOT,
            f'new {number}',
            asked.flavor,
            asked.memory_mib,
        )
        for number in range(1, count + 1)
    ]
    request = _Request(cloud, moving, frozenset(), search_limits.seconds)
    plan = request.plan(0)
    if not plan.is_complete and search_limits.most_leaving:
        plan = request.plan(search_limits.most_leaving)
    return plan


class _Request:
    """What is asked of the planner: instances that need a host."""

    def __init__(
        self,
        cloud: PlannedCloud,
        moving: Sequence[MovingInstance],
        closed: frozenset[str],
        seconds: float,
    ) -> None:
        self._cloud = cloud
        self._moving = moving
        self._closed = closed
        self._seconds = seconds
        self._asked = frozenset(each.asked for each in moving)
        asked = [each.asked for each in moving]
        self._classes = list(dict.fromkeys([*asked, *cloud.classes()]))
        self._number = {each: n for n, each in enumerate(self._classes)}

    def plan(self, most_leaving: int) -> Plan:
        """As :meth:`_best`, or without a solver what is tried first."""
        if not self._moving:
            return Plan(at_most=0)
        try:
            return self._best(most_leaving)
        except solver.NoSolverError as error:
            options, finder = self._options(0)
            first_fit = self._first_fit(options, finder)
            plan, _ = self._ordered(
                {host: Option((), each) for host, each in first_fit.items()}
            )
            return dataclasses.replace(plan, notes=(f'{error}. {FIRST_FIT}',))

    def _best(self, most_leaving: int) -> Plan:
        """A plan.

        :param most_leaving: how many may leave each host to make room
        """
        options, finder = self._options(most_leaving)
        # Of hosts with too many options it is not known what they take once
        # instances have left.
        proved = not most_leaving or all(each.all for each in options.values())
        least = self._at_least_unplaced(options, finder) if proved else 0
        options = self._more_options(options, finder, least)
        choices = self._choices(options)
        problem = self._problem(choices)
        best: Plan | None = None
        for _ in range(MAX_REPLANS):
            solution = solver.solve(problem, seconds=self._seconds)
            if solution is None:
                break
            plan, ordered = self._ordered(solution.options)
            if best is None or len(plan.unplaced) < len(best.unplaced):
                best = plan
            if not ordered.stuck:
                break
            problem = dataclasses.replace(
                problem,
                forbidden=(*problem.forbidden, _changed(solution.options)),
            )
        if best is None:
            why = 'no plan was found in time'
            best = Plan(
                unplaced=tuple(
                    _unplaced(each, 'time', why) for each in self._moving
                )
            )
        proved = proved or best.is_complete
        at_most = len(self._moving) - least if proved else None
        return dataclasses.replace(best, at_most=at_most)

    def _options(
        self, most_leaving: int
    ) -> tuple[dict[str, Options], OptionFinder]:
        """The options of the hosts that can change, as far as they are few."""
        leaving = self._leaving_options(most_leaving) if most_leaving else {}
        wanted = self._wanted(
            resident
            for each in leaving.values()
            for option in each.found
            for resident in option.leaving
        )
        finder = self._finder(wanted, most_leaving)
        options = {}
        for host, projected in self._cloud.projected_hosts.items():
            if host in self._closed:
                continue
            found = finder.options(projected)
            if host in leaving:
                more = leaving[host]
                found = Options(
                    (*found.found, *more.found), found.all and more.all
                )
            if len(found.found) > 1 or found.found[0].arrivals.order:
                options[host] = found
        return options, finder

    def _leaving_options(self, most_leaving: int) -> dict[str, Options]:
        """The options in which instances leave a host to make room on it."""
        movable = self._movable()
        finder = self._finder(
            self._wanted(
                each
                for residents in movable.values()
                for each in residents
                if each.asks in self._asked
            ),
            most_leaving,
        )
        by_core = tell_cores_apart(each.fit_request for each in self._asked)
        enough = self._wanted(())
        return {
            host: _worthwhile(
                finder.leaving_options(
                    self._cloud.projected_hosts[host],
                    subsets(residents, most_leaving, by_core=by_core),
                    enough,
                    self._seconds / len(self._cloud.projected_hosts),
                )
            )
            for host, residents in movable.items()
        }

    def _movable(self) -> dict[str, list[Resident]]:
        """By open host, those that may find another host.

        Hosts that others leave take only what they make room for: the others
        go to hosts that take them as they are.
        """
        takers: dict[RequestClass, list[str]] = {}
        for asked in self._classes:
            takes = (
                host
                for host, projected in self._cloud.projected_hosts.items()
                if host not in self._closed
                and not isinstance(projected.attempt(asked), str)
            )
            # The host itself may be one of them.
            takers[asked] = list(itertools.islice(takes, 2))
        return {
            host: [
                each
                for each in self._cloud.residents.get(host, ())
                if each.asks is not None
                and (
                    each.asks in self._asked
                    or any(taker != host for taker in takers[each.asks])
                )
            ]
            for host in self._cloud.projected_hosts
            if host not in self._closed
        }

    def _wanted(self, leaving: Iterable[Resident]) -> Counts:
        """How many of each class may need a host.

        :param leaving: instances that may leave to make room
        """
        wanted = collections.Counter(each.asked for each in self._moving)
        residents = {each.uuid: each.asks for each in leaving}
        wanted.update(asks for asks in residents.values() if asks is not None)
        return tuple(wanted[each] for each in self._classes)

    def _finder(self, wanted: Counts, most_leaving: int) -> OptionFinder:
        return OptionFinder(
            self._classes,
            wanted,
            frozenset(self._number[asked] for asked in self._asked),
            frozenset(provider for provider, _ in self._cloud.shared),
            # No host is left without need: each takes one that is wanted.
            most_leaving * len(self._moving),
        )

    def _more_options(
        self, options: Mapping[str, Options], finder: OptionFinder, least: int
    ) -> dict[str, Options]:
        """Options of hosts that have too many: those that seem worth most.

        Column generation: what room for each class is worth is found from the
        options so far, and hosts are filled with what is worth most, until
        that brings nothing, or no more than the least are left.

        :param least: how many find no host in any case
        """
        more = dict(options)
        unfinished = [host for host, each in options.items() if not each.all]
        if not unfinished:
            return more
        for host, arrivals in self._first_fit(options, finder).items():
            more[host] = more[host].with_arrivals([arrivals])
        # Not for secrets: another plan each time would be a riddle.
        dice = random.Random(0)  # noqa: S311
        deadline = time.monotonic() + self._seconds
        fruitless = 0
        while fruitless < FRUITLESS_ROUNDS and time.monotonic() < deadline:
            problem = self._problem(self._choices(more))
            solution = solver.solve(problem, seconds=self._seconds)
            if solution is not None and solution.unplaced <= least:
                break
            prices = solver.prices(problem)
            fruitless += 1
            for host in unfinished:
                for _ in range(FILLS):
                    worth = [
                        (price * dice.uniform(0.5, 1.5), dice.random(), number)
                        for number, price in enumerate(prices)
                    ]
                    filled = finder.fill(
                        self._cloud.projected_hosts[host],
                        [number for *_, number in sorted(worth)[::-1]],
                    )
                    before = more[host]
                    more[host] = before.with_arrivals([filled])
                    if len(more[host].found) > len(before.found):
                        fruitless = 0
        return more

    def _first_fit(
        self, options: Mapping[str, Options], finder: OptionFinder
    ) -> dict[str, Arrivals]:
        """What hosts take if each goes to the first host, largest first."""
        projected_hosts = {
            host: self._cloud.projected_hosts[host].branch()
            for host in options
        }
        taken = dict.fromkeys(options, Arrivals())
        for instance in sorted(
            self._moving, key=lambda each: -each.memory_mib
        ):
            asked = instance.asked
            for host, projected in projected_hosts.items():
                claimed = projected.attempt(asked)
                if not isinstance(claimed, str):
                    projected.arrive(asked, claimed)
                    taken[host] = finder.longer(
                        taken[host], self._number[asked], claimed
                    )
                    break
        return taken

    def _at_least_unplaced(
        self, options: Mapping[str, Options], finder: OptionFinder
    ) -> int:
        """How many find no host, whatever is chosen."""
        finished = {host: each for host, each in options.items() if each.all}
        limits = tuple(
            limits_of(self._cloud.projected_hosts[host], self._classes, finder)
            for host, each in options.items()
            if not each.all
        )
        problem = self._problem(self._choices(finished))
        return solver.at_least_unplaced(
            solver.Relaxation(problem, limits), seconds=self._seconds
        )

    def _choices(
        self, options: Mapping[str, Options]
    ) -> tuple[HostChoices, ...]:
        """The choices, those of hosts with the same options as one."""
        alike: dict[object, list[str]] = {}
        for host, each in options.items():
            key: object = host
            if all(not option.leaving for option in each.found):
                key = tuple(
                    (
                        option.arrivals.order,
                        tuple(sorted(option.arrivals.takes.items())),
                    )
                    for option in each.found
                )
            alike.setdefault(key, []).append(host)
        return tuple(
            host_choices(hosts, options[hosts[0]].found, self._classes)
            for hosts in alike.values()
        )

    def _problem(
        self, choices: tuple[HostChoices, ...]
    ) -> solver.ChoiceProblem:
        demand = collections.Counter(each.asked for each in self._moving)
        return solver.ChoiceProblem(
            choices,
            tuple(demand[each] for each in self._classes),
            self._cloud.shared,
        )

    def _ordered(self, options: Mapping[str, Option]) -> tuple[Plan, Ordered]:
        """The steps for what was chosen, and who finds no place."""
        moving = [*moving_of(options), *self._moving]
        ledger = self._cloud.ledger.branch()
        projected_hosts = {
            host: projected.branch(ledger)
            for host, projected in self._cloud.projected_hosts.items()
        }
        ordered = order(
            projected_hosts, self._classes, options, moving, self._closed
        )
        unplaced = [
            self._unplaced(projected_hosts, each)
            for each in (
                *ordered.stuck,
                *unassigned(self._classes, options, moving),
            )
        ]
        plan = Plan(ordered.steps, tuple(unplaced))
        return plan, ordered

    def _unplaced(
        self,
        projected_hosts: Mapping[str, ProjectedHost],
        instance: MovingInstance,
    ) -> Unplaced:
        """An instance without a place: what most hosts lack for it.

        :param projected_hosts: after the plan
        """
        asked = instance.asked
        short: collections.Counter[str] = collections.Counter()
        excluded: collections.Counter[str] = collections.Counter()
        for host, projected in projected_hosts.items():
            if host in self._closed:
                continue
            if host in asked.excluded:
                excluded[asked.excluded[host]] += 1
                continue
            claimed = projected.attempt(asked)
            # Where it fits it would be in the way of others.
            short[claimed if isinstance(claimed, str) else OTHERS] += 1
        if short:
            most = _most_common(short)
            return _unplaced(
                instance, most, f'no host has room: most are short of {most}'
            )
        most = _most_common(excluded) if excluded else 'there is no other host'
        kind, colon, _ = most.partition(': ')
        return _unplaced(
            instance,
            kind if colon else 'hosts',
            f'no host may take it: {most}',
        )


def _most_common(counts: collections.Counter[str]) -> str:
    return max(sorted(counts), key=lambda name: counts[name])


def _changed(options: Mapping[str, Option]) -> dict[str, Option]:
    return {
        host: option
        for host, option in options.items()
        if option.leaving or option.arrivals.order
    }


def _worthwhile(options: Options) -> Options:
    """Without those in which none arrives.

    Of the options with the same arrivals, in which the same classes leave,
    the one stays that moves the least memory.
    """
    best: dict[object, Option] = {}
    for option in options.found:
        if not option.arrivals.order:
            continue
        key = (
            tuple(sorted(id(each.asks) for each in option.leaving)),
            tuple(sorted(option.arrivals.order)),
        )
        known = best.get(key)
        if known is None or _memory(option) < _memory(known):
            best[key] = option
    return Options(tuple(best.values()), options.all)


def _memory(option: Option) -> int:
    return sum(each.memory_mib for each in option.leaving)


def _unplaced(instance: MovingInstance, short: str, why: str) -> Unplaced:
    return Unplaced(
        instance.uuid,
        instance.name,
        instance.flavor,
        instance.source,
        short,
        why,
    )
