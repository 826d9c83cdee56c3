"""Carrying out a plan, step by step."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import datetime
import enum
import json
import os
import pathlib
import time
from typing import Any
from typing import Protocol

from nfv_sched.plan.values import Method
from nfv_sched.plan.values import Plan
from nfv_sched.plan.values import Step

#: Statuses of the compute API in which an instance is not on its way, see
#: nova.api.openstack.common ``_STATE_MAP``.
_SETTLED = frozenset(
    ('ACTIVE', 'SHUTOFF', 'PAUSED', 'SUSPENDED', 'VERIFY_RESIZE', 'ERROR')
)
_CONFIRM = 'VERIFY_RESIZE'


@dataclasses.dataclass(frozen=True, slots=True)
class ServerState:
    """Where an instance is, and its status in the compute API.

    ``busy`` is whether it has a task state.
    """

    host: str | None
    status: str
    busy: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing is going on."""
        return not self.busy and self.status in _SETTLED


class Servers(Protocol):
    """The calls of the compute API that a plan needs.

    Each returns once Nova has accepted it, and raises ServersError where it
    has not.
    """

    def state(self, uuid: str) -> ServerState:
        """Where an instance is."""

    def live_migrate(self, uuid: str, host: str) -> None:
        """Start a live migration."""

    def cold_migrate(self, uuid: str, host: str) -> None:
        """Start a cold migration, which has to be confirmed."""

    def confirm(self, uuid: str) -> None:
        """Confirm a cold migration."""

    def evacuate(self, uuid: str, host: str) -> None:
        """Start an evacuation."""


class ServersError(Exception):
    """The compute API has refused a call, or does not answer."""


class DeviationError(Exception):
    """A step did not do what the plan says: the steps after it may fail."""


class JournalEvent(enum.StrEnum):
    """What a journal records of a step."""

    STARTED = 'started'
    DONE = 'done'
    FAILED = 'failed'


class Journal:
    """What was done, one JSON document per line.

    A step that was started and did not end is found in it after a crash.

    :param path: of the file, which is made where there is none
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def write(self, event: JournalEvent, step: Step, text: str = '') -> None:
        """Add an event, safely on disk when this returns."""
        self._append(
            event=event,
            method=step.method,
            uuid=step.instance,
            name=step.name,
            source=step.source,
            destination=step.destination,
            text=text,
        )

    def end(self, uuid: str) -> None:
        """Add that the last step of an instance has ended somehow."""
        self._append(
            event=JournalEvent.DONE, uuid=uuid, text='after a restart'
        )

    def _append(self, **values: Any) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat()
        record = {'time': now, **values}
        with self._path.open('ab') as file:
            # After a line that was being written when the machine stopped.
            begin = b'' if self._is_whole() else b'\n'
            file.write(begin + json.dumps(record).encode() + b'\n')
            file.flush()
            os.fsync(file.fileno())

    def _is_whole(self) -> bool:
        """Whether the last line has an end."""
        text = self._path.read_bytes()
        return not text or text.endswith(b'\n')

    def unfinished(self) -> list[str]:
        """The instances whose last step was started and did not end."""
        last: dict[str, str] = {}
        for record in self._records():
            last[str(record.get('uuid'))] = str(record.get('event'))
        return [
            uuid
            for uuid, event in last.items()
            if event == JournalEvent.STARTED
        ]

    def _records(self) -> Iterator[Mapping[str, Any]]:
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding='utf-8').splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                # A line without its end.
                continue
            if isinstance(record, dict):
                yield record


class Executor:
    """Makes the steps of plans.

    :param tell: called with each step before it is made
    :param timeout: seconds for each step
    :param pause: seconds between two looks at an instance
    """

    def __init__(
        self,
        servers: Servers,
        journal: Journal,
        *,
        tell: Callable[[Step], None] = lambda step: None,
        timeout: float = 3600.0,
        pause: float = 2.0,
    ) -> None:
        self._servers = servers
        self._journal = journal
        self._tell = tell
        self._timeout = timeout
        self._pause = pause

    def settle(self) -> None:
        """Wait for what a run before was doing when it was stopped.

        :raises DeviationError: it does not end
        """
        for uuid in self._journal.unfinished():
            state = self._wait(uuid)
            if state.status == _CONFIRM:
                self._servers.confirm(uuid)
                self._wait(uuid, leaving=_CONFIRM)
            self._journal.end(uuid)

    def run(self, plan: Plan) -> None:
        """Make all steps but boots, in their order.

        :raises DeviationError: a step failed, or an instance is not where the
            plan says; says which
        """
        for step in plan.steps:
            if step.instance is not None:
                self._tell(step)
                self._make(step, step.instance)

    def _make(self, step: Step, uuid: str) -> None:
        try:
            failure = self._unready(step, self._servers.state(uuid))
            if not failure:
                self._journal.write(JournalEvent.STARTED, step)
                failure = self._missed(step, self._move(step, uuid))
        except (ServersError, DeviationError) as error:
            failure = f'{step.name}: {error}'
        if failure:
            self._journal.write(JournalEvent.FAILED, step, failure)
            raise DeviationError(failure)
        self._journal.write(JournalEvent.DONE, step)

    @staticmethod
    def _unready(step: Step, state: ServerState) -> str:
        """Why a step cannot be made; empty if it can."""
        if state.host != step.source:
            return f'{step.name} is on {state.host} and not on {step.source}'
        if not state.is_settled:
            return f'Nova is busy with {step.name}: {state.status}'
        return ''

    @staticmethod
    def _missed(step: Step, state: ServerState) -> str:
        """Where an instance is instead; empty if it is where it should be."""
        if state.host == step.destination and state.status != 'ERROR':
            return ''
        return (
            f'{step.name} is on {state.host} ({state.status}) and not on '
            f'{step.destination}'
        )

    def _move(self, step: Step, uuid: str) -> ServerState:
        self._start(step, uuid)
        state = self._wait(uuid)
        if state.status == _CONFIRM and state.host == step.destination:
            self._servers.confirm(uuid)
            state = self._wait(uuid, leaving=_CONFIRM)
        return state

    def _start(self, step: Step, uuid: str) -> None:
        host = step.destination
        match step.method:
            case Method.LIVE:
                self._servers.live_migrate(uuid, host)
            case Method.COLD:
                self._servers.cold_migrate(uuid, host)
            case Method.EVACUATION:
                self._servers.evacuate(uuid, host)

    def _wait(self, uuid: str, leaving: str | None = None) -> ServerState:
        """The state of an instance once nothing is going on any more.

        :param leaving: a status that it is about to leave
        :raises DeviationError: that takes too long
        """
        deadline = time.monotonic() + self._timeout
        while True:
            state = self._servers.state(uuid)
            if state.is_settled and state.status != leaving:
                return state
            if time.monotonic() > deadline:
                raise DeviationError(
                    f'{uuid} is {state.status} on {state.host} after '
                    f'{self._timeout:g} s'
                )
            time.sleep(self._pause)
