"""Plans that empty as many hosts as possible, which can be switched off then.

A host either gives all its instances or takes some, so that every move can be
made by itself. The choice is by claims, as for other plans.
"""

from collections.abc import Mapping
import dataclasses
import math
import random
import time

from nfv_sched.plan import solver
from nfv_sched.plan.options import Option
from nfv_sched.plan.options import OptionFinder
from nfv_sched.plan.options import Options
from nfv_sched.plan.ordering import moving_of
from nfv_sched.plan.ordering import order
from nfv_sched.plan.ordering import Ordered
from nfv_sched.plan.planner import PlannedCloud
from nfv_sched.plan.projected_host import ProjectedHost
from nfv_sched.plan.solver import host_choices
from nfv_sched.plan.values import Plan
from nfv_sched.plan.values import Released

#: How often a host with too many options is filled, in random orders.
FILLS = 8
#: The options of a host that takes nothing, and may take something.
_NONE = Options((Option(),), all=False)


def consolidate(
    cloud: PlannedCloud, moves: int | None = None, *, seconds: float = 10.0
) -> Plan:
    """Empty as many hosts as possible, by as few moves.

    Hosts that are empty take none, unless more become empty by that.

    :param moves: the most moves; None for any number
    :param seconds: for the search of all options of hosts, for that of some
        of the others, and for the solver
    """
    return _Consolidation(cloud, seconds).plan(moves)


class _Consolidation:
    def __init__(self, cloud: PlannedCloud, seconds: float) -> None:
        self._cloud = cloud
        self._seconds = seconds
        self._classes = cloud.classes()
        #: The options of emptying hosts, by host.
        self._emptied = {
            host: Option(tuple(residents))
            for host, residents in cloud.residents.items()
            if residents and all(each.asks is not None for each in residents)
        }
        self._count = sum(
            len(option.leaving) for option in self._emptied.values()
        )

    def plan(self, moves: int | None) -> Plan:
        arrivals = self._arrivals() if self._emptied else {}
        choices, worth = [], []
        for host in self._cloud.projected_hosts:
            options, values = [Option()], [0.0]
            if host in self._emptied:
                options.append(self._emptied[host])
                values.append(1.0)
            empty = not self._cloud.residents.get(host)
            for option in arrivals[host].found if arrivals else ():
                if option.arrivals.order:
                    options.append(option)
                    values.append(-1.0 if empty else 0.0)
            if len(options) > 1:
                choices.append(host_choices([host], options, self._classes))
                worth.append(values)
        problem = solver.ChoiceProblem(
            tuple(choices), (0,) * len(self._classes), self._cloud.shared
        )
        most = self._count if moves is None else moves
        try:
            chosen, bound = (
                solver.regain(problem, worth, most, seconds=self._seconds)
                if self._emptied
                else ({}, 0.0)
            )
        except solver.NoSolverError as error:
            return Plan(
                released=Released((), len(self._cloud.projected_hosts)),
                notes=(f'{error}. Without it no moves are found.',),
            )
        plan = self._ordered(chosen)
        if bound is None or not all(each.all for each in arrivals.values()):
            return plan
        return self._with_bound(plan, bound)

    def _with_bound(self, plan: Plan, bound: float) -> Plan:
        released = plan.released or Released((), 0)
        return dataclasses.replace(
            plan,
            released=dataclasses.replace(
                released, at_most=math.floor(bound + 1e-6)
            ),
        )

    def _arrivals(self) -> dict[str, Options]:
        """What each host may take of the instances that may leave others."""
        leaving = [
            each.asks
            for option in self._emptied.values()
            for each in option.leaving
        ]
        numbers = tuple(range(len(self._classes)))
        finder = OptionFinder(
            self._classes,
            tuple(leaving.count(each) for each in self._classes),
            frozenset(),
            frozenset(provider for provider, _ in self._cloud.shared),
        )
        # Not for secrets: another plan each time would be a riddle.
        dice = random.Random(0)  # noqa: S311
        begin = time.monotonic()
        found = {}
        for host, projected in self._hosts_by_use():
            options = _NONE
            elapsed = time.monotonic() - begin
            if elapsed < self._seconds:
                options = finder.options(projected)
            if not options.all and elapsed < 2 * self._seconds:
                # Those that were found are small, and too many to choose from.
                options = _NONE.with_arrivals(
                    finder.fill(projected, dice.sample(numbers, len(numbers)))
                    for _ in range(FILLS)
                )
            found[host] = options
        return found

    def _hosts_by_use(self) -> list[tuple[str, ProjectedHost]]:
        """The hosts with most instances first, which rather take some."""
        residents = self._cloud.residents
        return sorted(
            self._cloud.projected_hosts.items(),
            key=lambda item: -len(residents.get(item[0], ())),
        )

    def _ordered(self, chosen: Mapping[str, Option]) -> Plan:
        """The steps; a host that cannot be emptied after all is left alone."""
        options = dict(chosen)
        while True:
            ordered = self._order(options)
            if not ordered.stuck:
                break
            for each in ordered.stuck:
                options.pop(each.source or '', None)
        emptied = tuple(
            host for host, option in options.items() if option.leaving
        )
        return Plan(
            ordered.steps,
            released=Released(emptied, len(self._cloud.projected_hosts)),
        )

    def _order(self, options: Mapping[str, Option]) -> Ordered:
        ledger = self._cloud.ledger.branch()
        projected_hosts = {
            host: projected.branch(ledger)
            for host, projected in self._cloud.projected_hosts.items()
        }
        return order(
            projected_hosts,
            self._classes,
            options,
            moving_of(options),
            [host for host, option in options.items() if option.leaving],
        )
