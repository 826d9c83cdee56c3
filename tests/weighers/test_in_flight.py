"""Guests on their way to a host count before the host has reported them."""

import gc
import logging
import uuid
import weakref

from nova import objects
import pytest

from nfv_sched import fit
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.scheduler import cycle
from nfv_sched.scheduler import forecasts
from nfv_sched.scheduler import in_flight as in_flight_module
from nfv_sched.scheduler import process
from nfv_sched.scheduler.in_flight import InFlight
from nfv_sched.scheduler.pick_messages import SharedPick
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.weighers.in_flight import InFlightWeigher
from nfv_sched_testing.weighing import expect
from nfv_sched_testing.weighing import LARGE
from nfv_sched_testing.weighing import plain
from nfv_sched_testing.weighing import Reader
from nfv_sched_testing.weighing import SMALL
from nfv_sched_testing.weighing import spec_of
from nfv_sched_testing.weighing import topology
from nfv_sched_testing.weighing import weigh

pytestmark = pytest.mark.usefixtures('no_placement')

#: Guests of two CPUs that a host of eight has room for.
ROOM = LARGE // SMALL
GUEST = fit.FitRequest(Guest((GuestCell(0, 1, dedicated=frozenset({0})),)))


class World:
    """A clock, and where guests are."""

    def __init__(self):
        self.now = 1000.0
        self.hosts = {}
        self.asked = []
        self.seconds_to_answer = 0.0

    def scheduler(self, published):
        in_flight = InFlight(self.find, lambda: self.now)
        return process.replaced(
            process.SchedulerProcess(published, in_flight=in_flight)
        )

    def find(self, guests):
        self.asked.append(sorted(guests))
        self.now += self.seconds_to_answer
        return {
            guest: self.hosts[guest] for guest in guests if guest in self.hosts
        }


@pytest.fixture(autouse=True)
def world(nova_options, no_placement):
    nova_options.set_override(InFlightWeigher.option, 1.0, 'nfv_sched')
    started = World()
    with started.scheduler(PublishedTopology(None)):
        yield started


def request(cpus=SMALL):
    spec = spec_of(cpus)
    spec.instance_uuid = str(uuid.uuid4())
    return spec


def send(name='one', free=LARGE, cpus=SMALL, count=1):
    """What a scheduler does for a guest for which the host is the best.

    The host's state is what it has reported, without guests in flight.
    """
    guests = []
    for _ in range(count):
        host, spec = plain(name, free), request(cpus)
        weigh(InFlightWeigher, [host], spec)
        host.consume_from_request(spec)
        guests.append(spec.instance_uuid)
    return guests


def seen(*names, free=LARGE, cpus=SMALL):
    hosts = [plain(name, free) for name in (*names, 'any')]
    weight_of = weigh(InFlightWeigher, hosts, request(cpus))
    # Nova asks no weigher of a single host.
    del weight_of['any']
    return weight_of


def left(count):
    """The weight of a host on which so many of all still fit."""
    return pytest.approx(count / (ROOM + 1))


def test_nothing_in_flight_nothing_weighed():
    assert set(seen('one', 'two').values()) == {0.0}


@pytest.mark.parametrize('known', [True, False])
def test_what_is_on_its_way_is_room_no_more(known, monkeypatch):
    if not known:
        # Forecasts tell the room; there was no time for any.
        monkeypatch.setattr(forecasts, 'NEW_PER_REQUEST', 0)
    send('one', count=3)
    assert seen('one', 'two') == {
        'one': left(ROOM - 3),
        'two': left(ROOM) if known else 1.0,
    }


def test_room_is_of_guests_like_the_one_that_comes():
    expect(SMALL, LARGE)
    send('one', cpus=SMALL)
    assert seen('one', 'two', cpus=LARGE) == {'one': 0.0, 'two': 0.5}


def test_a_host_that_is_going_to_be_full_comes_last():
    expect(SMALL)
    send('one', count=ROOM)
    # More than fit, as other schedulers may have it.
    send('two', count=ROOM + 3)
    weight_of = seen('one', 'two', 'three')
    assert weight_of['one'] == weight_of['two'] == 0.0
    assert weight_of['three'] > 0


def test_hosts_in_the_partition_of_another_scheduler_have_less_room():
    expect(SMALL)
    names = 'one', 'two', 'three', 'four'
    hosts = [plain(name, LARGE) for name in names]
    weight_of = weigh(InFlightWeigher, hosts, request())
    assert set(weight_of.values()) == {0.0}
    pick = SharedPick('guest', 'elsewhere', 'far', GUEST, (), None, 0.0)
    process.current().in_flight.include(pick, 'another')
    weight_of = weigh(InFlightWeigher, hosts, request())
    by_uuid = sorted(hosts, key=lambda host: host.uuid)
    # The other has an id, which comes after none.
    assert [weight_of[host.host] for host in by_uuid] == [
        left(ROOM),
        left(ROOM),
        left(ROOM - 1),
        left(ROOM - 1),
    ]
    # Its last place is the other's.
    last = plain(by_uuid[-1].host, SMALL)
    weight_of = weigh(InFlightWeigher, [*by_uuid[:-1], last], request())
    assert weight_of[last.host] == 0.0


def test_the_last_place_of_a_host_is_risky():
    expect(SMALL)
    send('one')
    hosts = [plain('large', LARGE), plain('small', SMALL)]
    weight_of = weigh(InFlightWeigher, hosts, request())
    assert weight_of['small'] < weight_of['large']


def test_arrived_instances_count_until_they_are_reported(world):
    expect(SMALL)
    [first, second] = send('one', count=2)
    assert seen('one')['one'] == left(ROOM - 2)
    world.hosts[first] = world.hosts[second] = 'one'
    world.now += 2.0
    # The host state was read before, or nova-compute has not stored it yet.
    assert seen('one')['one'] == left(ROOM - 2)
    world.now += in_flight_module.ARRIVED_TIMEOUT + 1.0
    assert seen('one')['one'] == 0.0
    assert not process.current().in_flight


def test_arrivals_alone_weigh_nothing_once_they_have_settled(world):
    expect(SMALL)
    [guest] = send('one')
    assert seen('one', 'two')['one'] == left(ROOM - 1)
    world.hosts[guest] = 'one'
    world.now += 2.0
    assert seen('one', 'two')['one'] == left(ROOM - 1)
    in_flight = process.current().in_flight
    assert in_flight.unsettled() == 1
    assert in_flight.unsettled(besides=guest) == 0
    world.now += in_flight_module.SETTLED + 1.0
    assert seen('one', 'two') == {'one': 0.0, 'two': 0.0}
    assert in_flight.unsettled() == 0
    # It still is not in what the host has reported.
    send('two')
    assert seen('one', 'two') == {'one': left(ROOM - 1), 'two': left(ROOM - 1)}


def test_what_is_reported_does_not_count_twice():
    expect(SMALL)
    send('one', count=3)
    assert seen('one')['one'] == left(ROOM - 3)
    # Claims come in any order: that of two takes the CPUs that were predicted
    # for the first two.
    for reported in (1, 2, 3):
        hosts = [
            plain('one', LARGE - reported * SMALL),
            plain('any', LARGE),
        ]
        weight_of = weigh(InFlightWeigher, hosts, request())
        headroom = ROOM - reported
        assert weight_of['one'] == pytest.approx(
            (ROOM - 3) / (headroom + 1)
        ), reported


def test_claims_that_come_in_another_order_hide_no_pick(world):
    expect(SMALL)
    # The second is claimed first, and takes what was predicted for the first.
    [first, second, third] = send('one', count=3)
    assert seen('one')['one'] == left(ROOM - 3)
    world.hosts |= {first: None, second: 'one', third: None}

    def reported():
        hosts = [plain('one', LARGE - SMALL), plain('any', LARGE)]
        return weigh(InFlightWeigher, hosts, request())['one']

    for seconds in (2.0, in_flight_module.ARRIVED_TIMEOUT + 1.0, 2.0):
        world.now += seconds
        assert reported() == pytest.approx((ROOM - 3) / ROOM)
    assert process.current().in_flight._nodes.keys() == {first, third}


def test_claims_are_predicted_in_the_order_of_picks():
    """Small guests before the large one would take the node that it needs."""
    small, large = (
        cycle.begin(spec_of(cpus)).fit_request for cpus in (SMALL, LARGE)
    )
    host = plain('one', LARGE, 2 * SMALL)
    in_flight = process.current().in_flight
    picks = [
        SharedPick('third', host.uuid, 'one', small, (), None, 0.1),
        SharedPick('second', host.uuid, 'one', small, (), None, 0.2),
        SharedPick('first', host.uuid, 'one', large, (), None, 0.3),
    ]
    # Their messages arrive in another order, and requests in between.
    for pick in picks:
        assert in_flight.include(pick, 'other')
        hosts = [host, plain('any', LARGE)]
        weight_of = weigh(InFlightWeigher, hosts, request())
    assert weight_of['one'] == 0.0 < weight_of['any']


def test_what_only_others_have_taken_hides_no_pick():
    expect(SMALL)
    [guest] = send('one')
    assert seen('one')['one'] == left(ROOM - 1)
    cpus = process.current().in_flight._cpus[guest]
    assert len(cpus) == SMALL
    reported = plain('one', LARGE - SMALL)
    pinned = frozenset(range(LARGE)) - cpus
    reported.numa_topology.cells[0].pinned_cpus = set(sorted(pinned)[:SMALL])
    weight_of = weigh(
        InFlightWeigher, [reported, plain('any', LARGE)], request()
    )
    assert weight_of['one'] == pytest.approx((ROOM - 2) / ROOM)


def test_without_cpus_arrived_instances_count_no_more(world, monkeypatch):
    expect(SMALL)
    [guest] = send('one')
    # Evaluated by no request, or it has no pinned CPUs.
    monkeypatch.setattr(process.current().in_flight, '_cpus', {})
    world.hosts[guest] = 'one'
    world.now += 2.0
    process.current().in_flight.expire()
    assert not process.current().in_flight


def test_memory_of_arrivals_is_freed(world):
    expect(SMALL)
    [guest] = send('one')
    seen('one')
    world.hosts[guest] = 'one'
    world.now += 2.0
    seen('one')
    world.now += in_flight_module.ARRIVED_TIMEOUT + 1.0
    seen('one')
    in_flight = process.current().in_flight
    for kept in (in_flight._cpus, in_flight._arrived, in_flight._nodes):
        assert kept == {}


@pytest.mark.parametrize(
    ('known', 'patience'),
    [
        (True, in_flight_module.BUILD_TIMEOUT),
        (False, in_flight_module.UNKNOWN_TIMEOUT),
    ],
)
def test_guests_are_not_waited_for_for_ever(known, patience, world):
    expect(SMALL)
    [guest] = send('one')
    if known:
        # It is being built and has no host.
        world.hosts[guest] = None
    world.now += patience - 1.0
    assert seen('one')['one'] == left(ROOM - 1)
    world.now += 2.0
    assert seen('one')['one'] == 0.0
    assert not process.current().in_flight


def test_guests_that_are_elsewhere_soon_count_no_more(world):
    # They move, and the claim was made long before they are there; or they
    # got an alternate.
    expect(SMALL)
    [guest] = send('one')
    world.hosts[guest] = 'other'
    world.now += 2.0
    assert seen('one')['one'] == left(ROOM - 1)
    world.now += in_flight_module.ELSEWHERE_TIMEOUT
    assert seen('one')['one'] == 0.0


def test_what_nova_has_consumed_itself_does_not_count_twice():
    # A request for several guests is decided on the same host states.
    expect(SMALL)
    hosts = [plain('one', LARGE), plain('two', LARGE)]
    spec = request()
    weigh(InFlightWeigher, hosts, spec)
    hosts[0].consume_from_request(spec)
    spec = request()
    again = weigh(InFlightWeigher, hosts, spec)
    assert again['one'] == pytest.approx((ROOM - 1) / ROOM)
    # Another request has other states.
    assert seen('one')['one'] == left(ROOM - 1)


def test_memory_is_bounded_even_if_no_weigher_asks(world):
    for _ in range(20):
        send('one', count=2)
        world.now += in_flight_module.BUILD_TIMEOUT
    picks = process.current().in_flight._picks
    assert [len(some) for some in picks.values()] == [2]


def test_a_host_that_others_are_filling():
    expect(SMALL)
    send('one', count=2)
    assert seen('one', free=2)['one'] == 0.0
    assert seen('one', free=6)['one'] == pytest.approx(1 / 4)


def test_guests_are_looked_for_once_a_second(world):
    expect(SMALL)
    send('one', count=5)
    reports = len(world.asked)
    for _ in range(50):
        world.now += 0.1
        seen('one')
    assert len(world.asked) - reports == pytest.approx(5, abs=1)


def test_a_slow_database_is_asked_less_often(world):
    expect(SMALL)
    world.seconds_to_answer = 2.0
    send('one', count=5)
    reports, start = len(world.asked), world.now
    while world.now < start + 50.0:
        world.now += 0.1
        seen('one')
    # A tenth of the time, no more.
    assert len(world.asked) - reports <= 4


def test_a_database_that_fails_fails_no_boot(world, caplog):
    expect(SMALL)
    send('one')

    def fail(guests):
        raise RuntimeError('no database')

    process.current().in_flight._find = fail
    world.now += 2.0
    with caplog.at_level(logging.ERROR):
        assert set(seen('one').values()) == {0.0}
    assert 'InFlightWeigher weighs nothing' in caplog.text
    # It is not asked again at once, and what is known still counts.
    assert seen('one')['one'] == left(ROOM - 1)


def test_what_cannot_be_remembered_fails_no_boot(monkeypatch, caplog):
    host, spec = plain('one', LARGE), request()
    weigh(InFlightWeigher, [host], spec)
    monkeypatch.setattr(InFlight, 'add', None)
    with caplog.at_level(logging.ERROR):
        host.consume_from_request(spec)
    assert host.num_instances == 1
    assert host.numa_topology.cells[0].pinned_cpus
    assert 'Not recorded' in caplog.text


def test_states_are_let_go_of_without_the_collector():
    host = plain('one', LARGE)
    weigh(InFlightWeigher, [host], request())
    watched = weakref.ref(host)
    gc.disable()
    try:
        del host
        assert watched() is None
    finally:
        gc.enable()


def test_guests_that_ask_for_nothing_are_not_followed():
    host, spec = plain('one', LARGE), request()
    spec.numa_topology = None
    weigh(InFlightWeigher, [host], spec)
    host.consume_from_request(spec)
    assert not process.current().in_flight


def test_zero_switches_it_off(nova_options):
    nova_options.set_override(InFlightWeigher.option, 0.0, 'nfv_sched')
    send('one')
    assert not process.current().in_flight
    assert set(seen('one').values()) == {0.0}


def in_aggregate(name, **metadata):
    state = plain(name, LARGE)
    state.aggregates = [objects.Aggregate(metadata=metadata)]
    return state


def test_aggregates_override_an_option_of_zero(nova_options):
    nova_options.set_override(InFlightWeigher.option, 0.0, 'nfv_sched')
    metadata = {f'nfv_{InFlightWeigher.option}': '5'}
    expect(SMALL)
    host, spec = in_aggregate('one', **metadata), request()
    weigh(InFlightWeigher, [host, plain('two', LARGE)], spec)
    host.consume_from_request(spec)
    hosts = [in_aggregate('one', **metadata), plain('two', LARGE)]
    assert weigh(InFlightWeigher, hosts, request()) == {
        'one': pytest.approx(5 * (ROOM - 1) / (ROOM + 1)),
        'two': 0.0,
    }


@pytest.mark.parametrize(
    'metadata', [{f'nfv_{InFlightWeigher.option}': '0'}, {'other': '5'}]
)
def test_aggregates_that_ask_for_nothing(metadata, nova_options):
    nova_options.set_override(InFlightWeigher.option, 0.0, 'nfv_sched')
    host, spec = in_aggregate('one', **metadata), request()
    weigh(InFlightWeigher, [host], spec)
    host.consume_from_request(spec)
    assert not process.current().in_flight


def test_new_published_topology_is_used(world):
    reader = Reader(taken=None)
    with world.scheduler(PublishedTopology(reader)):
        check_new_topology_is_used(reader)


def check_new_topology_is_used(reader):
    expect(SMALL)
    send('one')
    assert seen('one')['one'] == left(ROOM - 1)
    uuid, before = next(iter(process.current().in_flight._projections.items()))
    assert seen('one')['one'] == left(ROOM - 1)
    assert process.current().in_flight._projections[uuid].host is before.host
    reader.snapshot = Reader(topology(plain('one', LARGE), 40)).snapshot
    assert seen('one')['one'] == left(ROOM - 1)
    assert (
        process.current().in_flight._projections[uuid].host is not before.host
    )


def test_arrivals_count_where_nova_weighs_no_hosts(world, nova_options):
    """As for a request with a single host, whose nodes are chosen, too."""
    nova_options.set_override('choose_nodes', True, 'nfv_sched')
    for _ in range(3):
        host, spec = plain('one', LARGE), request()
        assert list(NUMAFitFilter().filter_all([host], spec)) == [host]
        host.consume_from_request(spec)
        assert len(process.current().in_flight) == 1
        world.hosts[spec.instance_uuid] = 'one'
        world.now += 5.0
