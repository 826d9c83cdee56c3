"""Playing scenarios on a simulated cloud with the real scheduler and claim."""

from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import enum
import fnmatch
import random

from nova import exception

from nfv_sched.dryrun.values import Explanation
from nfv_sched.scenario import utilization
from nfv_sched.scenario.values import BootStep
from nfv_sched.scenario.values import DeleteStep
from nfv_sched.scenario.values import LoseStep
from nfv_sched.scenario.values import MixStep
from nfv_sched.scenario.values import PlannedGroup
from nfv_sched.scenario.values import Scenario
from nfv_sched.scenario.values import Step
from nfv_sched.sim import explain
from nfv_sched.sim.boot_request import SimulatedGroup
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.boot_result import SimulatedInstance
from nfv_sched.sim.cloud import Cloud


class EventKind(enum.StrEnum):
    """What became of a guest."""

    PLACED = 'placed'
    REFUSED = 'no valid host'
    CLAIM_FAILED = 'claim failed'
    IMPOSSIBLE = 'refused by Nova'
    DELETED = 'deleted'
    MOVED = 'moved'
    LOST = 'lost'


#: Ends that nobody wants.
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
    """One thing that happened to one guest.

    ``step`` is the number of the step. ``host`` is where the guest is now,
    ``before`` where it was. ``used`` is the share of each resource that is
    used afterwards.
    """

    step: int
    guest: str
    flavor: str
    fate: EventKind
    host: str | None
    before: str | None
    used: Mapping[str, float]
    error: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class RejectionExplained:
    """Why the first guest of a flavor found no host in a step.

    ``explanation`` is of one guest, ``asked`` how many were asked for in the
    same request.
    """

    step: int
    guest: SimulatedInstance
    explanation: Explanation
    asked: int = 1

    @property
    def note(self) -> str:
        """What to say where hosts would take the guest alone."""
        fitting = self.explanation.fitting
        if not fitting or self.asked == 1:
            return ''
        hosts = '1 host takes' if fitting == 1 else f'{fitting} hosts take'
        return (
            f'{hosts} one such guest; {self.asked} were asked for in one '
            'request'
        )


#: What is asked for, one after another.
RequestStep = BootStep | DeleteStep | LoseStep


@dataclasses.dataclass(slots=True)
class _RunningInstance:
    """A guest that runs, with the boot that asked for it."""

    guest: SimulatedInstance
    boot: BootStep


def _shuffled(mix: MixStep) -> list[BootStep]:
    # Not for secrets: for the same order again.
    dice = random.Random(mix.seed)  # noqa: S311
    boots = [boot for boot, _ in mix.boots]
    weights = [weight for _, weight in mix.boots]
    return dice.choices(boots, weights, k=mix.count)


class ScenarioRun:
    """Plays one scenario on one cloud.

    ``events`` is what has happened so far, ``requests`` what led to it.
    ``whys`` explain refusals, ``lost`` are the hosts that are gone.
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
        self._tally = utilization.Utilization()

    def start_hosts(self) -> Iterator[str]:
        """Start all hosts; yields their names."""
        members: dict[tuple[str, str], list[str]] = {}
        for host in self.scenario.hosts:
            compute = self.cloud.add_host(host.name, host.machine)
            self._tally.add_host(host.name, compute)
            for domain in host.domains.items():
                members.setdefault(domain, []).append(host.name)
            yield host.name
        for (kind, name), names in members.items():
            self.cloud.add_aggregate(f'{kind} {name}', names, {kind: name})

    def play(self) -> Iterator[Event]:
        """Play all steps; yields what happens."""
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
            guests = self._ask(boot, name, count)
        except exception.NovaException as error:
            text = str(error)
            for _ in range(count):
                yield self._event(
                    number, boot, name, EventKind.IMPOSSIBLE, text
                )
            return
        for guest in guests:
            if guest.booted:
                self._keep(guest, boot)
            else:
                self._explain(number, guest, boot, count)
            yield self._told(number, guest, _EVENT_KINDS[guest.outcome])

    def _next_name(self, boot: BootStep) -> str:
        place = self._numbers.get(boot.name, 0)
        self._numbers[boot.name] = place + 1
        return (
            boot.name
            if not place and boot.count == 1
            else (f'{boot.name}-{place}')
        )

    def _ask(
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
        """The hints, with uuids in the place of names that are known."""
        uuids = {one.guest.name: one.guest.uuid for one in self._running}
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

    def _keep(self, guest: SimulatedInstance, boot: BootStep) -> None:
        self._running.append(_RunningInstance(guest, boot))
        self._tally.add(guest)

    def _explain(
        self,
        number: int,
        guest: SimulatedInstance,
        boot: BootStep,
        asked: int = 1,
    ) -> None:
        """Tell why, once for each flavor in each step."""
        name = boot.flavor.name
        if guest.outcome is not Outcome.NO_VALID_HOST or any(
            why.step == number and why.guest.flavor.name == name
            for why in self.whys
        ):
            return
        found = explain.explain(
            self.cloud,
            boot.flavor,
            group=self._group(boot.group),
            image=boot.image,
            hints=self._hints(boot),
        )
        self.whys.append(RejectionExplained(number, guest, found, asked))

    # What ends

    def _delete(self, number: int, step: DeleteStep) -> Iterator[Event]:
        chosen = [
            one
            for one in self._running
            if any(
                fnmatch.fnmatchcase(one.guest.name, pattern)
                for pattern in step.guests
            )
        ]
        for one in chosen[: step.count]:
            self._end(one)
            yield self._told(number, one.guest, EventKind.DELETED)

    def _end(self, one: _RunningInstance) -> None:
        self.cloud.delete(one.guest)
        self._running.remove(one)
        self._tally.remove(one.guest)

    def _lose(self, number: int, step: LoseStep) -> Iterator[Event]:
        """Boot what ran on lost hosts elsewhere, oldest first.

        None of these guests is in the way of another one: they are all gone
        from their hosts and groups before the first is booted again.
        """
        names = [
            host.name
            for host in self.scenario.hosts
            if step.hits(host) and host.name not in self.lost
        ]
        for name in names:
            self.cloud.disable(name)
            self._tally.remove_host(name)
        self.lost += names
        moved = [one for one in self._running if one.guest.host in names]
        for one in moved:
            self._end(one)
        for one in moved:
            [guest] = self._ask(one.boot, one.guest.name)
            if guest.booted:
                self._keep(guest, one.boot)
            else:
                self._explain(number, guest, one.boot)
            yield self._told(
                number,
                guest,
                EventKind.MOVED if guest.booted else EventKind.LOST,
                before=one.guest.host,
            )

    # Telling

    def _told(
        self,
        number: int,
        guest: SimulatedInstance,
        fate: EventKind,
        before: str | None = None,
    ) -> Event:
        here = fate in (EventKind.PLACED, EventKind.MOVED)
        if fate is EventKind.DELETED:
            before = guest.host
        return Event(
            number,
            guest.name,
            guest.flavor.name,
            fate,
            guest.host if here else None,
            before,
            self._tally.used(),
            guest.error or '',
        )

    def _event(
        self,
        number: int,
        boot: BootStep,
        name: str,
        fate: EventKind,
        error: str,
    ) -> Event:
        used = self._tally.used()
        return Event(
            number, name, boot.flavor.name, fate, None, None, used, error
        )
