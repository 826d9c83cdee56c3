"""The fragmentation and locality weighers in Nova's own pipeline."""

from nova import objects
from nova.scheduler import weights
import pytest

from nfv_sched import fit
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.fit.headroom import FRACTIONS
from nfv_sched.scheduler import cycle
from nfv_sched.scheduler import forecasts
from nfv_sched.scheduler import process
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.weighers.fragmentation import FragmentationWeigher
from nfv_sched.weighers.pci_locality import PCILocalityWeigher
from nfv_sched_testing.weighing import best
from nfv_sched_testing.weighing import cell
from nfv_sched_testing.weighing import device_state
from nfv_sched_testing.weighing import expect
from nfv_sched_testing.weighing import LARGE
from nfv_sched_testing.weighing import plain
from nfv_sched_testing.weighing import Reader
from nfv_sched_testing.weighing import request
from nfv_sched_testing.weighing import SMALL
from nfv_sched_testing.weighing import spec_of
from nfv_sched_testing.weighing import topology
from nfv_sched_testing.weighing import vfs
from nfv_sched_testing.weighing import weigh

pytestmark = pytest.mark.usefixtures('no_placement')


@pytest.fixture(autouse=True)
def multipliers(nova_options):
    """Weights as the weighers say them."""
    for weigher in FragmentationWeigher, PCILocalityWeigher:
        nova_options.set_override(weigher.option, 1.0, 'nfv_sched')


def cache():
    return process.current().forecasts


def test_a_small_guest_goes_where_no_large_one_fits_any_more():
    expect(*[SMALL, LARGE] * 8)
    hosts = [plain('whole', LARGE), plain('broken', LARGE - SMALL)]
    weight_of = weigh(FragmentationWeigher, hosts, spec_of(SMALL))
    assert best(weight_of) == 'broken'
    assert all(0 < weight < 1 for weight in weight_of.values())


def test_it_looks_at_cells_not_at_hosts():
    # As many free CPUs on both, but on one they are in the way of pairs.
    expect(*[SMALL, LARGE - SMALL] * 8)
    hosts = [
        plain('pairs', LARGE - SMALL, LARGE - SMALL),
        plain('holes', LARGE, 2 * SMALL),
    ]
    weight_of = weigh(FragmentationWeigher, hosts, spec_of(SMALL))
    assert best(weight_of) == 'holes'


def test_spread_prefers_the_host_that_keeps_the_most(nova_options):
    expect(*[SMALL] * 8)
    hosts = [plain('empty', LARGE), plain('busy', LARGE - SMALL)]
    spec = spec_of(SMALL, nfv_placement='spread')
    assert best(weigh(FragmentationWeigher, hosts, spec)) == 'empty'
    assert best(weigh(FragmentationWeigher, hosts, spec_of(SMALL))) == 'busy'
    nova_options.set_override('host_selection', 'spread', 'nfv_sched')
    assert best(weigh(FragmentationWeigher, hosts, spec_of(SMALL))) == 'empty'
    packed = spec_of(SMALL, nfv_placement='pack')
    assert best(weigh(FragmentationWeigher, hosts, packed)) == 'busy'


@pytest.mark.parametrize('weigher', [FragmentationWeigher, PCILocalityWeigher])
def test_guests_that_ask_for_nothing_weigh_nothing(weigher):
    states = [plain('one', LARGE), plain('two', SMALL)]
    spec = spec_of()
    spec.numa_topology = None
    assert set(weigh(weigher, states, spec).values()) == {0}
    assert not cache().hosts


@pytest.mark.parametrize('weigher', [FragmentationWeigher, PCILocalityWeigher])
def test_a_multiplier_of_zero_costs_nothing(weigher, nova_options):
    nova_options.set_override(weigher.option, 0.0, 'nfv_sched')
    states = [plain('one', LARGE), plain('two', SMALL)]
    assert set(weigh(weigher, states, spec_of(SMALL)).values()) == {0}
    assert not cache().hosts


def test_aggregates_override_the_multiplier():
    states = [plain('one', LARGE), plain('two', LARGE)]
    states[0].aggregates = [
        objects.Aggregate(
            metadata={'nfv_fragmentation_weight_multiplier': '5'}
        )
    ]
    weight_of = weigh(FragmentationWeigher, states, spec_of(SMALL))
    assert weight_of['one'] == pytest.approx(5 * weight_of['two'])


def test_forecasts_are_kept_until_the_host_changes():
    expect(SMALL)
    hosts = [plain('one', LARGE), plain('two', LARGE)]
    weigh(FragmentationWeigher, hosts, spec_of(SMALL))
    view = cache()
    kept = {uuid: known.version for uuid, known in view.hosts.items()}
    assert view.headrooms == [LARGE * FRACTIONS]
    weigh(FragmentationWeigher, hosts, spec_of(SMALL))
    assert {u: k.version for u, k in view.hosts.items()} == kept
    # One guest has come to the first host.
    hosts[0].numa_topology.cells[0].pinned_cpus = {0, 1}
    weigh(FragmentationWeigher, hosts, spec_of(SMALL))
    assert view.headrooms == [(LARGE - 1) * FRACTIONS]
    assert len(view.hosts) == 2


def test_forecasts_follow_the_guests_that_are_expected():
    expect(SMALL)
    hosts = [plain('one', LARGE), plain('two', LARGE)]
    weigh(FragmentationWeigher, hosts, spec_of(SMALL))
    expect(*[LARGE] * 16)
    # What an earlier weigher of the same request left behind is of no use.
    request_cycle = cycle.begin(spec_of(SMALL))
    known, prices = cache().get_many(
        [(request_cycle.decide(host), host) for host in hosts]
    )
    assert len(prices) == 2
    assert [len(host.unrestricted.left) for host in known] == [2, 2]


def test_one_request_works_out_no_more_than_its_share(monkeypatch):
    monkeypatch.setattr(forecasts, 'NEW_PER_REQUEST', 3)
    expect(SMALL)
    hosts = [plain(f'host{i}', LARGE) for i in range(8)]
    for known in (3, 6, 8, 8):
        weight_of = weigh(FragmentationWeigher, hosts, spec_of(SMALL))
        assert sum(weight > 0 for weight in weight_of.values()) == known


def test_forecasts_by_sets_of_nodes_count_too(monkeypatch):
    """Four of them are about as much work as a forecast."""
    monkeypatch.setattr(forecasts, 'NEW_PER_REQUEST', 3)
    monkeypatch.setattr(
        forecasts.ForecastCache,
        '_compute',
        lambda *_: fit.HostForecast(None, 0, (None,) * 4),
    )
    hosts = [plain(f'host{i}', LARGE) for i in range(8)]
    request_cycle = cycle.begin(spec_of(SMALL))
    known, _ = cache().get_many(
        [(request_cycle.decide(host), host) for host in hosts]
    )
    assert sum(forecast is not None for forecast in known) == 2


def test_hosts_that_are_gone_are_forgotten(monkeypatch):
    monkeypatch.setattr(forecasts, '_FORGET_AFTER', 4)
    expect(SMALL)
    gone, *stay = [plain(f'host{i}', LARGE) for i in range(3)]
    weigh(FragmentationWeigher, [gone, *stay], spec_of(SMALL))
    for _ in range(12):
        weigh(FragmentationWeigher, stay, spec_of(SMALL))
    assert gone.uuid not in cache().hosts
    assert cache().headrooms == [LARGE * FRACTIONS]


def test_a_malformed_host_weighs_nothing_and_fails_nothing():
    hosts = [plain('one', LARGE), plain('odd', LARGE)]
    spec = spec_of(SMALL)
    kept = list(NUMAFitFilter().filter_all(hosts, spec))
    del hosts[1].numa_topology.cells[0]._obj_siblings
    weight_of = {
        weighed.obj.host: weighed.weight
        for weighed in weights.HostWeightHandler().get_weighed_objects(
            [FragmentationWeigher()], kept, spec
        )
    }
    assert weight_of['odd'] == 0 < weight_of['one']


def test_a_database_that_is_down_fails_no_boot(monkeypatch, nova_options):
    def down(*args):
        raise RuntimeError('database is down')

    nova_options.set_override('reference_flavors', ['any'], 'nfv_sched')
    monkeypatch.setattr(objects.Flavor, 'get_by_name', down)
    hosts = [plain('one', LARGE), plain('two', LARGE)]
    weight_of = weigh(FragmentationWeigher, hosts, spec_of(SMALL))
    assert set(weight_of.values()) == {0}


def test_guests_without_devices_keep_away_from_cells_not_from_hosts():
    beside = device_state('beside', [cell(0), cell(1)], vfs(0, '10', 8))
    # From Nova 34 on, the claim takes the cell without devices first.
    beside.service = {'version': 74}
    hosts = [
        beside,
        # Fewer devices, but the guest would sit on them.
        device_state('upon', [cell(0)], vfs(0, '10', 1)),
        plain('none', LARGE),
    ]
    weight_of = weigh(PCILocalityWeigher, hosts, spec_of(SMALL))
    assert weight_of['beside'] == weight_of['none'] == 1
    assert weight_of['upon'] == 0


def test_guests_with_devices_go_where_those_are_nearest():
    wanted = request(1, 'preferred')
    full = cell(1, free=0)
    hosts = [
        device_state('far', [cell(0), full], vfs(1, '20'), wanted),
        device_state('near', [cell(0), cell(1)], vfs(1, '20'), wanted),
    ]
    spec = spec_of(SMALL, requested=[wanted])
    weight_of = weigh(PCILocalityWeigher, hosts, spec)
    assert weight_of['near'] == 1 > weight_of['far'] > 0


def test_devices_of_one_guest_on_different_functions_if_it_asks():
    wanted = request(2, 'required')
    hosts = [
        device_state('same', [cell(0)], vfs(0, '10', 2), wanted),
        device_state(
            'apart', [cell(0)], vfs(0, '10', 1) + vfs(0, '11', 1), wanted
        ),
    ]
    asking = spec_of(SMALL, requested=[wanted], nfv_pci_spread='pf')
    weight_of = weigh(PCILocalityWeigher, hosts, asking)
    assert weight_of['apart'] == 1 > weight_of['same'] > 0
    weight_of = weigh(
        PCILocalityWeigher, hosts, spec_of(SMALL, requested=[wanted])
    )
    assert weight_of['apart'] == weight_of['same'] == 1


@pytest.fixture
def reader(no_placement):
    unread = Reader(taken=None)
    with process.replaced(process.SchedulerProcess(PublishedTopology(unread))):
        yield unread


def remote(name):
    """A host whose device is not on the cell that has room for a guest."""
    cells = [cell(0), cell(1, free=0)]
    return device_state(name, cells, vfs(1, '20'), request(1, 'preferred'))


def remote_spec():
    return spec_of(SMALL, requested=[request(1, 'preferred')])


def test_forecasts_follow_what_is_published(reader):
    states = [remote('one'), remote('two')]
    guessed = weigh(PCILocalityWeigher, states, remote_spec())
    assert guessed['one'] == guessed['two']
    kept = dict(cache().hosts)
    # Placement's first answer, then an answer about one of the hosts.
    first, second = topology(states[0], 40), topology(states[1], 40)
    for other in first, topology(states[0], 80):
        reader.snapshot = Reader(other, second).snapshot
        weight_of = weigh(PCILocalityWeigher, states, remote_spec())
        assert weight_of['one'] == pytest.approx(
            10 / other.cells[0].distances[1]
        )
        assert weight_of['two'] == pytest.approx(10 / 40) != guessed['two']
        before, kept = kept, dict(cache().hosts)
        assert kept[states[0].uuid] is not before[states[0].uuid]
    assert kept[states[1].uuid] is before[states[1].uuid]


def test_what_is_published_between_two_weighers_of_a_request(reader):
    states = [remote('one'), remote('two')]
    spec = remote_spec()
    guessed = weigh(PCILocalityWeigher, states, spec)
    reader.snapshot = Reader(
        *(topology(state, 40) for state in states)
    ).snapshot
    again = [weights.WeighedHost(state, 0.0) for state in states]
    raw_weights = PCILocalityWeigher().weigh_objects(again, spec)
    assert (
        raw_weights == [pytest.approx(10 / 40)] * 2 != list(guessed.values())
    )
    # And the next request has it from the outset.
    assert (
        list(weigh(PCILocalityWeigher, states, spec).values()) == raw_weights
    )


def test_what_is_published_meanwhile_is_not_mixed_up(reader, monkeypatch):
    states = [remote('one'), remote('two')]
    later = Reader(*(topology(state, 40) for state in states)).snapshot

    def publish(*args, whole=forecasts.fit.forecast):
        forecast = whole(*args)
        reader.snapshot = later
        return forecast

    monkeypatch.setattr(forecasts.fit, 'forecast', publish)
    weigh(PCILocalityWeigher, states, remote_spec())
    weight_of = weigh(PCILocalityWeigher, states, remote_spec())
    assert list(weight_of.values()) == [pytest.approx(10 / 40)] * 2
