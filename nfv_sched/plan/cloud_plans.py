"""Plans of a cloud, as commands and Watcher ask for them."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses

from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.model import Guest
from nfv_sched.nova import request_template
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.types import RequestSpec
from nfv_sched.plan import consolidation
from nfv_sched.plan import defragment
from nfv_sched.plan import planner
from nfv_sched.plan.defragment import ExpectedShape
from nfv_sched.plan.planner import PlannedCloud
from nfv_sched.plan.planner import SearchLimits
from nfv_sched.plan.projected_host import RequestClass
from nfv_sched.plan.reading import ANY_METHOD
from nfv_sched.plan.reading import CloudReading
from nfv_sched.plan.values import Method
from nfv_sched.plan.values import Plan
from nfv_sched.survey.values import Survey

#: Called with the number of instances read, and of all.
Tell = Callable[[int, int], None]

#: How instances may move, by what is asked for.
METHODS = {
    'any': ANY_METHOD,
    'live': (Method.LIVE,),
    'cold': (Method.COLD,),
}


_NO_DEMAND = (
    'No instances are expected: none runs, and no flavor asks for dedicated '
    'CPUs, pages or devices.'
)


@contextlib.contextmanager
def _silent() -> Iterator[Tell]:
    yield lambda done, total: None


class CloudPlans:
    """Plans of the cloud that a scheduler and a survey have read.

    ``problems`` say what else could not be read.

    :param survey: taken with ``scheduler``
    :param methods: how instances may move, first what is preferred
    :param progress: shows how many instances are read
    """

    def __init__(
        self,
        scheduler: DryRunScheduler,
        survey: Survey,
        *,
        methods: Sequence[Method] = ANY_METHOD,
        search_limits: SearchLimits = planner.SOME_OTHERS,
        progress: Callable[
            [], contextlib.AbstractContextManager[Tell]
        ] = _silent,
    ) -> None:
        self._scheduler = scheduler
        self._limits = search_limits
        self._progress = progress
        self._reading = CloudReading(scheduler, survey, methods=methods)

    @property
    def problems(self) -> Sequence[str]:
        """What could not be read."""
        return self._reading.problems

    def drain(self, hosts: Collection[str]) -> Plan:
        """Empty hosts; others move where they have to make room.

        :param hosts: names of compute nodes
        """
        # The others are only read if they have to make room.
        cloud, _ = self._read(hosts)
        plan = planner.relocate(
            cloud, hosts, search_limits=SearchLimits(0, self._limits.seconds)
        )
        if not plan.is_complete and self._limits.most_leaving:
            cloud, _ = self._read()
            plan = planner.relocate(cloud, hosts, search_limits=self._limits)
        return plan

    def survive(self, hosts: Collection[str]) -> Plan:
        """Where the instances of lost hosts go.

        :param hosts: names of compute nodes
        """
        cloud, _ = self._read(hosts, lost=hosts)
        return planner.relocate(
            cloud, hosts, lost=True, search_limits=self._limits
        )

    def prepare(self, hosts: Collection[str]) -> Plan:
        """The fewest moves after which the loss of hosts costs least.

        :param hosts: names of compute nodes
        """
        cloud, _ = self._read(lost=hosts)
        return planner.prepare(cloud, hosts, search_limits=self._limits)

    def room(self, name: str, spec: RequestSpec, count: int) -> Plan:
        """Move as few instances as possible, so that more of one kind fit.

        :param name: of the flavor
        :param spec: the request of one of the new instances
        """
        cloud, [asked] = self._read(new=[(name, spec)])
        return planner.make_room(
            cloud, asked, count, search_limits=self._limits
        )

    def defragment(
        self, moves: int, flavors: Sequence[tuple[str, RequestSpec, int]] = ()
    ) -> Plan:
        """Regain the most room by few moves.

        :param moves: the most moves
        :param flavors: names, requests and weights of what room is for;
            without any the demand that the weighers expect
        :raises nfv_sched.nova.boot_request.BadRequestError: a flavor asks for
            nothing that is counted
        """
        cloud, asked = self._read(
            new=[(name, spec) for name, spec, _ in flavors]
        )
        if flavors:
            weights = [weight for *_, weight in flavors]
            expected = _of_flavors(asked, weights)
        else:
            expected = self._of_demand(cloud)
        plan = defragment.defragment(
            cloud,
            expected,
            moves,
            most=self._limits.most_leaving,
            seconds=self._limits.seconds,
        )
        if expected:
            return plan
        return dataclasses.replace(plan, notes=(*plan.notes, _NO_DEMAND))

    def consolidate(self, moves: int | None = None) -> Plan:
        """Empty as many hosts as possible.

        :param moves: the most moves; None for any number
        """
        cloud, _ = self._read()
        return consolidation.consolidate(
            cloud, moves, seconds=self._limits.seconds
        )

    def _of_demand(self, cloud: PlannedCloud) -> list[ExpectedShape]:
        demand = self._scheduler.expected_demand()
        # Disabled hosts take no instances.
        hosts = frozenset(
            host for each in cloud.classes() for host in each.candidates
        )
        return [
            ExpectedShape(shape_text(shape.guest), shape, share, hosts)
            for shape, share in zip(demand.shapes, demand.shares, strict=True)
        ]

    def _read(
        self,
        movable: Collection[str] | None = None,
        new: Sequence[tuple[str, RequestSpec]] = (),
        lost: Collection[str] = (),
    ) -> tuple[PlannedCloud, list[RequestClass]]:
        """As :meth:`nfv_sched.plan.reading.CloudReading.cloud`."""
        with self._progress() as tell:
            return self._reading.cloud(movable, new, lost, tell=tell)


def _of_flavors(
    asked: Sequence[RequestClass], weights: Sequence[int]
) -> list[ExpectedShape]:
    """The shapes of flavors.

    :raises nfv_sched.nova.boot_request.BadRequestError: a flavor asks for
        nothing that is counted
    """
    for each in asked:
        if each.fit_request.guest.asks_nothing:
            raise BadRequestError(
                f'flavor {each.flavor} asks for no dedicated CPUs, pages or '
                'devices'
            )
    return [
        ExpectedShape(
            each.flavor,
            each.fit_request,
            weight / sum(weights),
            frozenset(each.candidates),
        )
        for each, weight in zip(asked, weights, strict=True)
    ]


def shape_text(guest: Guest) -> str:
    """What an instance asks for, in short."""
    shared = sum(len(cell.shared) for cell in guest.cells)
    dedicated = sum(len(cell.dedicated) for cell in guest.cells)
    memory = sum(cell.memory_mib for cell in guest.cells)
    devices = sum(request.count for request in guest.devices)
    sizes = {cell.page_size or 0 for cell in guest.cells}
    parts = [
        _counted(len(guest.cells), 'NUMA node'),
        _counted(dedicated, 'dedicated CPU'),
        _counted(shared, 'shared CPU'),
        f'{memory:,} MiB' if memory else '',
        ', '.join(
            f'pages of {request_template.size_text(size)}'
            for size in sorted(sizes)
            if size > 0
        ),
        _counted(devices, 'device'),
    ]
    return ', '.join(filter(None, parts))


def _counted(number: int, noun: str) -> str:
    plural = 's' if number > 1 else ''
    return f'{number} {noun}{plural}' if number else ''
