"""Run scenarios on a simulated cloud with the real scheduler and claim."""

from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import enum
import fnmatch
import random
from typing import Any

from nfv_sched.dryrun.values import Explanation
from nfv_sched.nova.config import NovaException
from nfv_sched.scenario import drain
from nfv_sched.scenario import explain
from nfv_sched.scenario import utilization
from nfv_sched.scenario.values import BootStep
from nfv_sched.scenario.values import DeleteStep
from nfv_sched.scenario.values import DrainStep
from nfv_sched.scenario.values import LoseStep
from nfv_sched.scenario.values import MixStep
from nfv_sched.scenario.values import PlannedGroup
from nfv_sched.scenario.values import Scenario
from nfv_sched.scenario.values import Step
from nfv_sched.sim import moves
from nfv_sched.sim.boot_request import SimulatedGroup
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.boot_result import SimulatedInstance
from nfv_sched.sim.cloud import Cloud


class EventKind(enum.StrEnum):
    """What happened to an instance."""

    PLACED = 'placed'
    REFUSED = 'no valid host'
    CLAIM_FAILED = 'claim failed'
    IMPOSSIBLE = 'refused by Nova'
    DELETED = 'deleted'
    MOVED = 'moved'
    LOST = 'lost'
    STAYED = 'stayed'


#: Events after which an instance has no host.
FAILURES = (
    EventKind.REFUSED,
    EventKind.CLAIM_FAILED,
    EventKind.IMPOSSIBLE,
    EventKind.LOST,
)

_EVENT_KINDS = {
    Outcome.BOOTED: EventKind.PLACED,
    Outcome.NO_VALID_HOST: EventKind.REFUSED,
    Outcome.CLAIM_FAILED: EventKind.CLAIM_FAILED,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One event of one instance.

    ``step`` is the index of the step. ``host`` is the instance's host after
    the event, ``before`` the one before. ``used`` is the share of each
    resource in use after the event.
    """

    step: int
    instance: str
    flavor: str
    kind: EventKind
    host: str | None
    before: str | None
    used: Mapping[str, float]
    error: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class RejectionExplained:
    """Why the first instance of a flavor in a step has no host.

    ``explanation`` is of one instance, ``requested`` the number of instances
    of the request.
    """

    step: int
    instance: SimulatedInstance
    explanation: Explanation
    requested: int = 1

    @property
    def note(self) -> str:
        """A text for requests of which hosts accept one instance alone."""
        fitting = self.explanation.fitting
        if not fitting or self.requested == 1:
            return ''
        hosts = '1 host accepts' if fitting == 1 else f'{fitting} hosts accept'
        return (
            f'{hosts} one such instance; the request is for {self.requested}'
        )


#: Steps that are recorded as one request each.
RequestStep = BootStep | DeleteStep | LoseStep | DrainStep


@dataclasses.dataclass(slots=True)
class _RunningInstance:
    """An instance that runs, with the boot that requested it."""

    instance: SimulatedInstance
    boot: BootStep


def _shuffled(mix: MixStep) -> list[BootStep]:
    # Not for secrets: for the same order with the same seed.
    dice = random.Random(mix.seed)  # noqa: S311
    boots = [boot for boot, _ in mix.boots]
    weights = [weight for _, weight in mix.boots]
    return dice.choices(boots, weights, k=mix.count)


class ScenarioRun:
    """Runs one scenario on one cloud.

    ``events`` and ``requests`` are those so far, ``whys`` the explanations of
    rejections, ``lost`` the names of lost hosts.
    """

    def __init__(self, cloud: Cloud, scenario: Scenario) -> None:
        self.cloud = cloud
        self.scenario = scenario
        self.events: list[Event] = []
        self.requests: list[RequestStep] = []
        self.whys: list[RejectionExplained] = []
        self.lost: list[str] = []
        self._running: list[_RunningInstance] = []
        self._groups: dict[str, SimulatedGroup] = {}
        self._numbers: dict[str, int] = {}
        self._utilization = utilization.Utilization()

    def start_hosts(self) -> Iterator[str]:
        """Start all hosts.

        :returns: their names, each after its start
        """
        members: dict[tuple[str, str], list[str]] = {}
        for host in self.scenario.hosts:
            compute = self.cloud.add_host(host.name, host.machine)
            self._utilization.add_host(host.name, compute)
            for domain in host.domains.items():
                members.setdefault(domain, []).append(host.name)
            yield host.name
        for (kind, name), names in members.items():
            self.cloud.add_aggregate(f'{kind} {name}', names, {kind: name})

    def play(self) -> Iterator[Event]:
        """Run all steps.

        :returns: the events as they happen
        """
        for number, step in enumerate(self.scenario.steps):
            for event in self._play(number, step):
                self.events.append(event)
                yield event

    def _play(self, number: int, step: Step) -> Iterator[Event]:
        match step:
            case MixStep():
                for boot in _shuffled(step):
                    self.requests.append(boot)
                    yield from self._boot(number, boot)
            case BootStep():
                self.requests.append(step)
                yield from self._boot(number, step)
            case DeleteStep():
                self.requests.append(step)
                yield from self._delete(number, step)
            case LoseStep():
                self.requests.append(step)
                yield from self._lose(number, step)
            case DrainStep():
                self.requests.append(step)
                yield from self._drain(number, step)

    # Boots

    def _boot(self, number: int, boot: BootStep) -> Iterator[Event]:
        if boot.together:
            yield from self._request(number, boot, boot.count)
            return
        for _ in range(boot.count):
            yield from self._request(number, boot, 1)

    def _request(
        self, number: int, boot: BootStep, count: int
    ) -> Iterator[Event]:
        name = self._next_name(boot)
        try:
            instances = self._boot_in_cloud(boot, name, count)
        except NovaException as error:
            text = str(error)
            for _ in range(count):
                yield self._impossible(number, boot, name, text)
            return
        for instance in instances:
            if instance.booted:
                self._keep(instance, boot)
            else:
                self._explain(number, instance, boot, count)
            yield self._event_of(
                number, instance, _EVENT_KINDS[instance.outcome]
            )

    def _next_name(self, boot: BootStep) -> str:
        place = self._numbers.get(boot.name, 0)
        self._numbers[boot.name] = place + 1
        return (
            boot.name
            if not place and boot.count == 1
            else (f'{boot.name}-{place}')
        )

    def _boot_in_cloud(
        self, boot: BootStep, name: str, count: int = 1
    ) -> list[SimulatedInstance]:
        return self.cloud.boot(
            boot.flavor,
            name=name,
            count=count,
            group=self._group(boot.group),
            image=boot.image,
            hints=self._hints(boot),
        )

    def _hints(self, boot: BootStep) -> dict[str, list[str]]:
        """The hints, with uuids in place of known names."""
        uuids = {
            running.instance.name: running.instance.uuid
            for running in self._running
        }
        uuids |= {name: group.uuid for name, group in self._groups.items()}
        return {
            hint: [uuids.get(value, value) for value in values]
            for hint, values in boot.hints.items()
        }

    def _group(self, planned: PlannedGroup | None) -> SimulatedGroup | None:
        if planned is None:
            return None
        if planned.name not in self._groups:
            self._groups[planned.name] = self.cloud.add_group(
                planned.name, planned.policy, planned.max_per_host
            )
        return self._groups[planned.name]

    def _keep(self, instance: SimulatedInstance, boot: BootStep) -> None:
        self._running.append(_RunningInstance(instance, boot))
        self._utilization.add(instance)

    def _explain(
        self,
        number: int,
        instance: SimulatedInstance,
        boot: BootStep,
        requested: int = 1,
    ) -> None:
        """Explain a rejection, once for each flavor in each step."""
        name = boot.flavor.name
        if instance.outcome is not Outcome.NO_VALID_HOST or any(
            why.step == number and why.instance.flavor.name == name
            for why in self.whys
        ):
            return
        explanation = explain.explain(
            self.cloud,
            boot.flavor,
            group=self._group(boot.group),
            image=boot.image,
            hints=self._hints(boot),
        )
        self.whys.append(
            RejectionExplained(number, instance, explanation, requested)
        )

    # Deletes and lost hosts

    def _delete(self, number: int, step: DeleteStep) -> Iterator[Event]:
        chosen = [
            running
            for running in self._running
            if any(
                fnmatch.fnmatchcase(running.instance.name, pattern)
                for pattern in step.guests
            )
        ]
        for running in chosen[: step.count]:
            self._end(running)
            yield self._event_of(number, running.instance, EventKind.DELETED)

    def _end(self, running: _RunningInstance) -> None:
        self.cloud.delete(running.instance)
        self._running.remove(running)
        self._utilization.remove(running.instance)

    def _lose(self, number: int, step: LoseStep) -> Iterator[Event]:
        """Boot the instances of lost hosts on other hosts, oldest first.

        All are removed from their hosts and server groups before the first
        is booted again, so that none is in the way of another.
        """
        names = [
            host.name
            for host in self.scenario.hosts
            if step.hits(host) and host.name not in self.lost
        ]
        for name in names:
            self.cloud.disable(name)
            self._utilization.remove_host(name)
        self.lost += names
        moved = [
            running
            for running in self._running
            if running.instance.host in names
        ]
        for running in moved:
            self._end(running)
        for running in moved:
            [instance] = self._boot_in_cloud(
                running.boot, running.instance.name
            )
            if instance.booted:
                self._keep(instance, running.boot)
            else:
                self._explain(number, instance, running.boot)
            yield self._event_of(
                number,
                instance,
                EventKind.MOVED if instance.booted else EventKind.LOST,
                before=running.instance.host,
            )

    def _drain(self, number: int, step: DrainStep) -> Iterator[Event]:
        """Migrate what is on hosts, and what is in its way elsewhere.

        What finds no host, or whose migration fails, stays.
        """
        names = [host.name for host in self.scenario.hosts if step.hits(host)]
        for name in names:
            self.cloud.disable(name)
        with drain.stored(
            [self._request_spec(each) for each in self._running]
        ):
            plan = drain.plan(self.cloud, names)
            by_uuid = {each.instance.uuid: each for each in self._running}
            for planned in plan.steps:
                running = by_uuid[str(planned.instance)]
                yield self._migrate(number, running, planned.destination)
        for left in plan.unplaced:
            instance = by_uuid[str(left.instance)].instance
            yield dataclasses.replace(
                self._event_of(number, instance, EventKind.STAYED),
                error=left.why,
            )

    def _request_spec(self, running: _RunningInstance) -> Any:
        boot = running.boot
        return self.cloud.request_spec(
            boot.flavor,
            uuids=[running.instance.uuid],
            group=self._group(boot.group),
            image=boot.image,
            hints=self._hints(boot),
        )

    def _migrate(
        self, number: int, running: _RunningInstance, host: str
    ) -> Event:
        before = running.instance
        try:
            instance = moves.migrate(self.cloud, before, host)
        except NovaException as error:
            return dataclasses.replace(
                self._event_of(number, before, EventKind.STAYED),
                error=str(error),
            )
        self._utilization.remove(before)
        self._utilization.add(instance)
        running.instance = instance
        return self._event_of(
            number, instance, EventKind.MOVED, before=before.host
        )

    # Events

    def _event_of(
        self,
        number: int,
        instance: SimulatedInstance,
        kind: EventKind,
        before: str | None = None,
    ) -> Event:
        here = kind in (EventKind.PLACED, EventKind.MOVED, EventKind.STAYED)
        if kind is EventKind.DELETED:
            before = instance.host
        return Event(
            number,
            instance.name,
            instance.flavor.name,
            kind,
            instance.host if here else None,
            before,
            self._utilization.used(),
            instance.error or '',
        )

    def _impossible(
        self,
        number: int,
        boot: BootStep,
        name: str,
        error: str,
    ) -> Event:
        """The event of a request that Nova refuses before scheduling."""
        return Event(
            number,
            name,
            boot.flavor.name,
            EventKind.IMPOSSIBLE,
            None,
            None,
            self._utilization.used(),
            error,
        )
