"""Plans that are carried out, on servers that do what they are told or not."""

import json

import pytest

from nfv_sched.plan.executor import DeviationError
from nfv_sched.plan.executor import Executor
from nfv_sched.plan.executor import Journal
from nfv_sched.plan.executor import JournalEvent
from nfv_sched.plan.executor import ServersError
from nfv_sched.plan.executor import ServerState
from nfv_sched.plan.values import Method
from nfv_sched.plan.values import Plan
from nfv_sched.plan.values import PredictedClaim
from nfv_sched.plan.values import Step


def step(number, uuid, source, destination, method=Method.COLD):
    return Step(
        number,
        method,
        uuid,
        uuid,
        'f',
        source,
        destination,
        PredictedClaim(),
        0,
    )


PLAN = Plan(
    (
        step(1, 'one', 'a', 'b'),
        step(2, 'two', 'a', 'c', Method.LIVE),
        step(3, None, None, 'a', Method.BOOT),
    )
)


class FakeServers:
    """The compute API, whose moves take a look or two.

    ``lands`` has the host that an instance gets to instead, None to refuse.
    """

    def __init__(self, **lands):
        self.states = {name: [ServerState('a', 'ACTIVE')] for name in lands}
        self.lands = lands
        self.calls = []

    def state(self, uuid):
        states = self.states[uuid]
        return states.pop(0) if len(states) > 1 else states[0]

    def _move(self, kind, uuid, host, ends):
        self.calls.append((kind, uuid, host))
        lands = self.lands[uuid]
        if lands is None:
            raise ServersError('no valid host')
        self.states[uuid] = [
            ServerState('a', 'ACTIVE', busy=True),
            ServerState('a', 'RESIZE'),
            ServerState(lands, ends),
        ]

    def live_migrate(self, uuid, host):
        self._move('live', uuid, host, 'ACTIVE')

    def cold_migrate(self, uuid, host):
        self._move('cold', uuid, host, 'VERIFY_RESIZE')

    def evacuate(self, uuid, host):
        self._move('evacuate', uuid, host, 'ACTIVE')

    def confirm(self, uuid):
        self.calls.append(('confirm', uuid))
        host = self.states[uuid][0].host
        self.states[uuid] = [
            ServerState(host, 'VERIFY_RESIZE'),
            ServerState(host, 'ACTIVE'),
        ]


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / 'journal')


def records(journal):
    text = journal._path.read_text()
    found = map(json.loads, text.splitlines())
    return [(each['uuid'], each['event']) for each in found]


def test_steps_are_made_one_after_another(journal):
    servers = FakeServers(one='b', two='c')
    Executor(servers, journal, pause=0).run(PLAN)
    assert servers.calls == [
        ('cold', 'one', 'b'),
        ('confirm', 'one'),
        ('live', 'two', 'c'),
    ]
    assert records(journal) == [
        ('one', JournalEvent.STARTED),
        ('one', JournalEvent.DONE),
        ('two', JournalEvent.STARTED),
        ('two', JournalEvent.DONE),
    ]
    assert journal.unfinished() == []


@pytest.mark.parametrize(
    ('lands', 'text'),
    [
        ('d', 'one is on d (VERIFY_RESIZE) and not on b'),
        ('a', 'one is on a (VERIFY_RESIZE) and not on b'),
        (None, 'one: no valid host'),
    ],
)
def test_it_stops_at_the_first_deviation(journal, lands, text):
    servers = FakeServers(one=lands, two='c')
    with pytest.raises(DeviationError) as raised:
        Executor(servers, journal, pause=0).run(PLAN)
    assert str(raised.value) == text
    # A move to another host is not confirmed.
    assert [call[0] for call in servers.calls] == ['cold']
    assert records(journal) == [
        ('one', JournalEvent.STARTED),
        ('one', JournalEvent.FAILED),
    ]


@pytest.mark.parametrize(
    ('state', 'text'),
    [
        (ServerState('x', 'ACTIVE'), 'one is on x and not on a'),
        (ServerState('a', 'REBUILD'), 'Nova is busy with one: REBUILD'),
        (
            ServerState('a', 'ACTIVE', busy=True),
            'Nova is busy with one: ACTIVE',
        ),
    ],
)
def test_what_others_moved_or_changed_is_left_alone(journal, state, text):
    servers = FakeServers(one='b', two='c')
    servers.states['one'] = [state]
    with pytest.raises(DeviationError) as raised:
        Executor(servers, journal, pause=0).run(PLAN)
    assert (str(raised.value), servers.calls) == (text, [])


def test_a_step_that_never_ends_is_a_deviation(journal):
    servers = FakeServers(one='b', two='c')
    servers._move = lambda kind, uuid, host, ends: servers.states.update(
        {uuid: [ServerState('a', 'MIGRATING', busy=True)]}
    )
    with pytest.raises(DeviationError, match='is MIGRATING on a after 0 s'):
        Executor(servers, journal, pause=0, timeout=0).run(PLAN)


def test_a_run_that_was_stopped_goes_on(journal):
    """It waits for the step that it had started, and confirms it."""
    journal.write(JournalEvent.STARTED, PLAN.steps[0])
    with journal._path.open('a') as file:
        file.write('{"uuid": "tw')
    assert journal.unfinished() == ['one']
    servers = FakeServers(one='b', two='c')
    servers.states['one'] = [
        ServerState('a', 'RESIZE', busy=True),
        ServerState('b', 'VERIFY_RESIZE'),
    ]
    Executor(servers, journal, pause=0).settle()
    assert servers.calls == [('confirm', 'one')]
    assert servers.state('one') == ServerState('b', 'ACTIVE')
    assert journal.unfinished() == []
