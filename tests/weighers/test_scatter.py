"""Near-equal hosts come in another order for each guest."""

import collections
import types
import uuid

from nova import objects
import pytest

from nfv_sched.scheduler import cycle
from nfv_sched.weighers.scatter import ScatterWeigher
from nfv_sched_testing import builders
from nfv_sched_testing import scheduling
from nfv_sched_testing.weighing import cell
from nfv_sched_testing.weighing import plain
from nfv_sched_testing.weighing import spec_of
from nfv_sched_testing.weighing import weigh

pytestmark = pytest.mark.usefixtures('no_placement')

HOSTS = 8


@pytest.fixture(autouse=True)
def as_weighed(nova_options):
    nova_options.set_override('scatter_weight_multiplier', 1.0, 'nfv_sched')


@pytest.fixture
def hosts():
    return [plain(f'host{number}', 8) for number in range(HOSTS)]


def guest(number):
    spec = spec_of(2)
    spec.instance_uuid = str(uuid.UUID(int=number))
    return spec


def order(hosts, spec):
    weight_of = weigh(ScatterWeigher, hosts, spec)
    return sorted(weight_of, key=weight_of.get, reverse=True)


def test_one_guest_has_one_order(hosts):
    assert order(hosts, guest(1)) == order(hosts[::-1], guest(1))


def test_guests_differ_in_the_best_host_and_in_the_alternates(hosts):
    orders = [order(hosts, guest(number)) for number in range(400)]
    for place in range(3):
        wanted = collections.Counter(order[place] for order in orders)
        # 50 each on average, with a deviation of 7.
        assert all(22 < wanted[host.host] < 78 for host in hosts)
    # Those that share the best do not share the next: 1 in 7 by chance.
    second = collections.Counter(
        order[1] for order in orders if order[0] == hosts[0].host
    )
    assert max(second.values()) < sum(second.values()) / 2


def test_a_host_that_is_better_by_more_stays_the_best(hosts, nova_options):
    nova_options.set_override('scatter_weight_multiplier', 0.5, 'nfv_sched')
    weight_of = weigh(ScatterWeigher, hosts, guest(1))
    assert all(0 <= weight < 0.5 for weight in weight_of.values())


def test_each_guest_of_a_request_draws_anew(hosts):
    # Nova puts the uuid of the guest in turn into the one request.
    spec = guest(1)
    first = order(hosts, spec)
    spec.instance_uuid = str(uuid.UUID(int=2))
    assert order(hosts, spec) != first


def test_nothing_asked_nothing_scattered(hosts):
    scene = builders.scene([cell()], [], (), ())
    spec = scheduling.request(scene)
    spec.numa_topology = None
    assert set(weigh(ScatterWeigher, hosts, spec).values()) == {0.0}


def test_zero_switches_it_off(hosts, nova_options):
    nova_options.set_override('scatter_weight_multiplier', 0.0, 'nfv_sched')
    assert set(weigh(ScatterWeigher, hosts, guest(1)).values()) == {0.0}


def test_an_aggregate_switches_it_on_for_its_hosts(hosts, nova_options):
    nova_options.set_override('scatter_weight_multiplier', 0.0, 'nfv_sched')
    hosts[0].aggregates = [
        objects.Aggregate(metadata={'nfv_scatter_weight_multiplier': '1'})
    ]
    weight_of = weigh(ScatterWeigher, hosts, guest(1))
    assert weight_of.pop(hosts[0].host) > 0
    assert set(weight_of.values()) == {0.0}


def test_a_request_without_a_uuid_fails_no_boot(hosts):
    spec = guest(1)
    cycle.begin(spec)
    weighed = [types.SimpleNamespace(obj=host) for host in hosts]
    del spec.instance_uuid
    assert ScatterWeigher().weigh_objects(weighed, spec) == [0.0] * HOSTS
