"""Schedulers know what the others picked, and never wait for it."""

import logging
import threading
import time
import uuid

from nova import rpc
import oslo_messaging
from oslo_messaging import conffixture
import pytest

from nfv_sched import fit
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import NodeChoice
from nfv_sched.nova import message_bus
from nfv_sched.scheduler import in_flight as in_flight_module
from nfv_sched.scheduler import pick_messages
from nfv_sched.scheduler import pick_sharing
from nfv_sched.scheduler import process
from nfv_sched.scheduler.in_flight import InFlight
from nfv_sched.scheduler.pick_messages import SharedPick
from nfv_sched.scheduler.pick_sharing import PickSharing
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.weighers.in_flight import InFlightWeigher
from nfv_sched_testing.patience import PATIENCE
from nfv_sched_testing.weighing import LARGE
from nfv_sched_testing.weighing import plain
from nfv_sched_testing.weighing import SMALL
from nfv_sched_testing.weighing import spec_of
from nfv_sched_testing.weighing import weigh

GUEST = Guest((GuestCell(0, 1024, dedicated=frozenset({0, 1})),))


def pick(instance='one', age=0.0):
    return SharedPick(
        instance, 'node', 'host', fit.FitRequest(GUEST), (), None, age
    )


def until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Bus:
    """Messages to all schedulers, in one process and at once."""

    def __init__(self):
        self.receivers = []
        self.messages = []
        self.error = None

    def picks(self):
        """The picks of each message that has any."""
        return [one['picks'] for one in self.messages if one['picks']]

    def cast(self, message):
        if self.error:
            raise self.error
        self.messages.append(message)
        for receive in self.receivers:
            receive(message)

    def listen(self, receive):
        self.receivers.append(receive)
        return lambda: self.receivers.remove(receive)


class Scheduler:
    """One end of the bus, with a clock of its own."""

    def __init__(self, bus):
        self.now = 1000.0
        self.wall = 5000.0
        self.seen = []
        self.senders = []
        self.room = True
        self.sharing = PickSharing(
            cast=bus.cast,
            listen=bus.listen,
            clock=lambda: self.now,
            wall_clock=lambda: self.wall,
        )
        self.own = []
        self.answers = 0
        self.held = lambda: None
        self.sharing.start(self.include, self.flying)
        assert self.sharing.listening.wait(PATIENCE)

    def include(self, shared, sender):
        if self.room:
            self.seen.append(shared)
            self.senders.append(sender)
        return self.room

    def flying(self):
        self.answers += 1
        self.held()
        return self.own

    def sent(self, count):
        """Wait until so many are sent, late or dropped."""
        counts = self.sharing.counts
        until(lambda: counts.sent + counts.late + counts.dropped >= count)


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def schedulers(bus):
    started = [Scheduler(bus) for _ in range(3)]
    yield started
    for scheduler in started:
        assert scheduler.sharing.stop()


def test_all_others_get_a_pick(schedulers, bus):
    first, *others = schedulers
    first.sharing.share(pick())
    first.sent(1)
    assert first.seen == []
    for other in others:
        [seen] = other.seen
        assert (seen.instance, seen.node, seen.host) == ('one', 'node', 'host')
        assert seen.fit_request.guest == GUEST
        assert other.senders == [first.sharing.sender]
        assert other.sharing.counts.received == 1
    assert len(bus.picks()) == 1


@pytest.fixture
def asked(bus):
    """Two schedulers, the first of which was asked by the second."""
    first, second = Scheduler(bus), Scheduler(bus)
    until(lambda: first.answers)
    yield first, second
    for scheduler in (first, second):
        assert scheduler.sharing.stop()


def test_a_scheduler_that_starts_gets_what_is_in_flight(asked, bus):
    first, second = asked
    first.own = [pick(str(number), age=100.0) for number in range(70)]
    second.own = [pick('another')]
    late = Scheduler(bus)
    expected = {*map(str, range(70)), 'another'}
    until(lambda: {seen.instance for seen in late.seen} == expected)
    assert late.sharing.stop()
    # It takes long to build an instance; what is old on the bus is of no use.
    assert {seen.age for seen in late.seen} == {100.0, 0.0}
    assert sorted(map(len, bus.picks())) == [1, 6, 64]
    assert late.sharing.counts.received == 71


def test_many_that_ask_at_once_get_one_answer(asked, bus):
    first, second = asked
    first.own = [pick()]
    first.answers = 0
    release = threading.Event()
    first.held = lambda: release.wait(PATIENCE)
    asks = pick_messages.encode('new', 5000.0, (), asks=True)
    first.sharing.receive(asks)
    until(lambda: first.answers)
    for _ in range(9):
        first.sharing.receive(asks)
    release.set()
    until(lambda: len(second.seen) == 2)
    assert first.sharing.stop()
    assert first.answers == len(second.seen) == len(bus.picks()) == 2


def test_age_counts_the_way_as_well(schedulers):
    first, second, third = schedulers
    second.wall += 4.0
    # Clocks differ; a message cannot come before it was sent.
    third.wall -= 4.0
    first.sharing.share(pick(age=0.0))
    first.sent(1)
    assert second.seen[0].age == pytest.approx(4.0)
    assert third.seen[0].age == pytest.approx(0.0)


def test_late_picks_are_counted_only(schedulers):
    first, second, third = schedulers
    second.wall += pick_sharing.LATE + 1
    first.sharing.share(pick())
    first.sent(1)
    assert (second.seen, second.sharing.counts.late) == ([], 1)
    assert third.sharing.counts.late == 0


def test_no_room_for_what_others_send(schedulers):
    first, second, _ = schedulers
    second.room = False
    first.sharing.share(pick())
    first.sent(1)
    assert second.sharing.counts.dropped == 1
    assert second.sharing.counts.received == 0


def test_invalid_messages_are_counted_and_logged_once(schedulers, bus, caplog):
    first = schedulers[0]
    for message in None, [], 'x', {'version': [9, 0]}, {'sender': 'x'}:
        bus.cast(message)
    assert first.sharing.counts.invalid == 5
    lines = [
        record
        for record in caplog.records
        if record.levelno == logging.WARNING
    ]
    assert len(lines) == len(schedulers)


def test_a_bus_that_is_down_costs_the_picks_only(schedulers, bus, caplog):
    first, second, _ = schedulers
    bus.error = OSError('amqp://user:secret@controller is gone')
    for number in range(3):
        first.sharing.share(pick(str(number)))
    first.sent(3)
    bus.error = None
    first.sharing.share(pick('last'))
    first.sent(4)
    assert first.sharing.counts.dropped == 3
    assert [seen.instance for seen in second.seen] == ['last']
    warnings = [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING
    ]
    assert len(warnings) == 1
    assert 'secret' not in warnings[0]


def test_no_request_waits_for_a_slow_bus(bus, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(bus, 'cast', lambda message: released.wait(30))
    scheduler = Scheduler(bus)
    count = pick_sharing.MOST_WAITING + 2 * pick_messages.MOST_PICKS
    begin = time.monotonic()
    for number in range(count):
        scheduler.sharing.share(pick(str(number)))
    assert time.monotonic() - begin < 5
    assert scheduler.sharing.counts.dropped >= pick_messages.MOST_PICKS
    # What had to wait for too long is not sent.
    scheduler.now += pick_sharing.LATE + 1
    released.set()
    scheduler.sent(count)
    assert scheduler.sharing.counts.late > 0
    assert scheduler.sharing.counts.sent <= pick_messages.MOST_PICKS
    assert scheduler.sharing.stop()


def test_listening_is_tried_again(monkeypatch, caplog):
    monkeypatch.setattr(pick_sharing, 'RETRY', 0.01)
    attempts = []

    def listen(receive):
        attempts.append(receive)
        if len(attempts) < 3:
            raise OSError('down')
        return lambda: None

    sharing = PickSharing(cast=lambda message: None, listen=listen)
    sharing.start(lambda shared, sender: True)
    sharing.share(pick())
    until(lambda: sharing.counts.sent)
    assert len(attempts) == 3
    assert 'picks of other schedulers are not received' in caplog.text
    assert sharing.stop()


def test_counts_are_logged_when_they_changed(schedulers, caplog):
    caplog.set_level(logging.INFO)
    first = schedulers[0]

    def logged(count):
        deadline = time.monotonic() + PATIENCE
        while True:
            lines = [
                record.getMessage()
                for record in caplog.records
                if 'Picks shared' in record.getMessage()
            ]
            if len(lines) == count:
                return lines
            assert time.monotonic() < deadline
            time.sleep(0.001)

    first.sharing.share(pick('soon'))
    first.sent(1)
    logged(0)
    first.now += pick_sharing.LOG_EVERY
    first.sharing.share(pick('later'))
    first.sent(2)
    assert logged(1) == [
        'Picks shared between schedulers: 2 sent, 0 received, 0 late, '
        '0 dropped, 0 invalid'
    ]


@pytest.fixture
def nova_bus(nova_options, monkeypatch):
    """Nova's own transport, whose driver keeps messages in memory."""
    fixture = conffixture.ConfFixture(nova_options)
    fixture.setUp()
    nova_options.set_override('transport_url', 'fake:/')
    rpc.init(nova_options)
    yield
    rpc.cleanup()
    fixture.cleanUp()


def test_messages_on_novas_transport(nova_bus, nova_options):
    assert message_bus.available()
    received = []
    stops = []
    for host in 'one', 'two':
        nova_options.set_override('host', host)
        stops.append(message_bus.listen(received.append))
    message = pick_messages.encode('me', 5.0, [pick()])
    message_bus.cast(message)
    until(lambda: len(received) >= 2)
    for stop in stops:
        stop()
    assert received == [message, message]


def test_other_messages_on_the_topic_do_no_harm(nova_bus):
    received = []
    stop = message_bus.listen(received.append)
    client = oslo_messaging.get_rpc_client(
        rpc.TRANSPORT, oslo_messaging.Target(topic=message_bus.TOPIC)
    ).prepare(fanout=True)
    client.cast({}, 'share', message=1)
    client.prepare(namespace=message_bus.TOPIC, version='7.0').cast(
        {}, 'share', message=2
    )
    client.prepare(namespace=message_bus.TOPIC).cast({}, 'other')
    client.prepare(namespace=message_bus.TOPIC).cast({'x': 1}, 'share', a=2)
    message_bus.cast({'good': 1})
    until(lambda: {'good': 1} in received)
    stop()
    assert received == [{'good': 1}]


@pytest.mark.parametrize('shared', [True, False])
def test_what_one_scheduler_picks_another_weighs(
    nova_bus, nova_options, no_placement, shared
):
    """Through filters' hook, the bus and the weigher; off by one option."""
    nova_options.set_override(InFlightWeigher.option, 1.0, 'nfv_sched')
    nova_options.set_override('share_picks', shared, 'nfv_sched')
    first, second = (
        process.SchedulerProcess(PublishedTopology(None), serving=True)
        for _ in range(2)
    )
    for number, one in enumerate((first, second)):
        nova_options.set_override('host', f'controller-{number}')
        # What a request does first.
        assert not one.in_flight
        assert (one.sharing is not None) is shared
        if one.sharing:
            assert one.sharing.listening.wait(PATIENCE)
    # Two: a host in the partition of the first has room for one less anyway.
    with process.replaced(first):
        host = plain('host', LARGE)
        for number in 1, 2:
            spec = spec_of(SMALL)
            spec.instance_uuid = str(uuid.UUID(int=number))
            weigh(InFlightWeigher, [host], spec)
            host.consume_from_request(spec)
            assert len(first.in_flight) == number
    deadline = time.monotonic() + (PATIENCE if shared else 0.2)
    while len(second.in_flight) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(second.in_flight) == (2 if shared else 0)
    with process.replaced(second):
        hosts = [plain('host', LARGE), plain('other', LARGE)]
        weight_of = weigh(InFlightWeigher, hosts, spec_of(SMALL))
    assert (weight_of['host'] < weight_of['other']) is shared
    for one in first, second:
        if one.sharing:
            assert one.sharing.stop()


def in_flight_of(**options):
    return InFlight(lambda guests: {}, lambda: 1000.0, **options)


def test_a_pick_that_comes_twice_counts_once():
    flying = in_flight_of()
    assert flying.include(pick(), 'a')
    assert flying.include(pick(), 'a')
    assert len(flying) == 1


def test_the_last_pick_of_an_instance_counts():
    flying = in_flight_of()
    for node in 'a', 'b', 'a':
        assert flying.include(pick()._replace(node=node), 'a')
        assert flying._nodes == {'one': node}
        assert list(flying._picks) == [node]


def test_only_own_picks_are_told_to_those_that_ask():
    now = [1000.0]
    flying = InFlight(lambda guests: {}, lambda: now[0])
    assert flying.include(pick('of another'), 'a')
    host, fit_request = plain('host', LARGE), fit.FitRequest(GUEST)
    flying.add('one', host, fit_request, ())
    now[0] += 7.0
    [own] = flying.own()
    assert own == SharedPick(
        'one', host.uuid, 'host', fit_request, (), None, 7.0
    )
    # The bus returns nothing to its sender, but what if it did.
    assert flying.include(own, 'a')
    assert flying.own() == [own]


def test_a_pick_is_sent_again_where_it_changes_only():
    shared = []
    flying = in_flight_of(share=shared.append)
    host, fit_request = plain('host', LARGE), fit.FitRequest(GUEST)
    for choice in None, None, NodeChoice(frozenset({0})):
        flying.add('one', host, fit_request, (), choice)
    assert [entry.choice for entry in shared] == [
        None,
        NodeChoice(frozenset({0})),
    ]
    assert len(flying) == 1


def test_memory_for_picks_of_others_is_bounded(monkeypatch):
    monkeypatch.setattr(in_flight_module, 'MOST_SHARED', 3)
    flying = in_flight_of()
    took = [flying.include(pick(str(number)), 'a') for number in range(5)]
    assert took == [True] * 3 + [False] * 2


def test_picks_of_others_end_like_own_ones():
    now = [1000.0]
    where = {'one': None, 'two': 'host', 'three': 'elsewhere'}
    flying = InFlight(lambda guests: where, lambda: now[0])
    for name in 'one', 'two', 'three', 'unknown':
        flying.include(pick(name, age=5.0), 'a')
    left = []
    for seconds in (0, 4, 20, 600):
        now[0] += seconds
        flying.expire()
        left.append(len(flying))
    assert left == [3, 3, 2, 0]


@pytest.mark.parametrize(('guests', 'count'), [((), 0), ((SMALL,), 1)])
def test_nothing_is_sent_for_instances_that_ask_for_nothing(
    no_placement, guests, count
):
    shared = []
    own = process.SchedulerProcess(
        PublishedTopology(None), in_flight=in_flight_of(share=shared.append)
    )
    host, spec = plain('host', LARGE), spec_of(*guests)
    spec.instance_uuid = 'fe6ea5ee-a0fa-4d8a-9d5d-7b05cf3ad5b5'
    with process.replaced(own):
        weigh(InFlightWeigher, [host], spec)
        host.consume_from_request(spec)
    assert len(shared) == count
