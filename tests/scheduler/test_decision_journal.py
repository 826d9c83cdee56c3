"""What the decision journal has of the decisions of Nova's own scheduler."""

import gc
import itertools
import random
import uuid

from nova import objects
import oslo_messaging as messaging
import pytest

from nfv_sched import fit
from nfv_sched.journal.record import Ending
from nfv_sched.journal.record import RequestKind
from nfv_sched.nova import request_spec
from nfv_sched.scheduler import multipliers
from nfv_sched.scheduler import pending_decision
from nfv_sched.scheduler.in_flight import InFlight
from nfv_sched.scheduler.pending_decision import PendingDecision
from nfv_sched.sim import flavors
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched_testing import budgets
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.decision_journals import recording

MACHINES = (
    'dell-2x6230r-64vf',
    'epyc7451-4node',
    'r740-dpdk-320g',
    's2600wt-4port',
)
DEVICE = {**HUGE, 'pci_passthrough:alias': 'xxv710-vf:1'}
FLAVORS = (
    SimulatedFlavor('small', 2, 2048, extra_specs=HUGE),
    SimulatedFlavor('large', 8, 16384, extra_specs=HUGE),
    SimulatedFlavor('wide', 8, 8192, extra_specs={**HUGE, 'hw:numa_nodes': 2}),
    SimulatedFlavor('device', 4, 4096, extra_specs=DEVICE),
)
#: Its weights are small beside those of the others.
RAM = 'filter_scheduler.ram_weight_multiplier'
OPTIONS = {
    'FragmentationWeigher': 'nfv_sched.fragmentation_weight_multiplier',
    'PCILocalityWeigher': 'nfv_sched.pci_locality_weight_multiplier',
    'ScatterWeigher': 'nfv_sched.scatter_weight_multiplier',
    'InFlightWeigher': 'nfv_sched.in_flight_weight_multiplier',
    'AffinityWeigher': 'nfv_sched.affinity_weight_multiplier',
    'AntiAffinityWeigher': 'nfv_sched.anti_affinity_weight_multiplier',
    None: RAM,
}


@pytest.fixture(scope='module')
def cloud():
    hosts = {
        f'{name}-{number}': name for name in MACHINES for number in range(3)
    }
    options = {
        RAM: 1.0,
        'nfv_sched.scatter_weight_multiplier': 0.1,
        'nfv_sched.in_flight_weight_multiplier': 2.0,
        # Otherwise the choice depends on the hosts' order in a set.
        'filter_scheduler.io_ops_weight_multiplier': 0.0,
    }
    with (
        cloud_of(hosts, aliases=flavors.aliases(), options=options) as running,
        settings.override(options),
    ):
        draw = random.Random(7)  # noqa: S311
        for _ in range(24):
            running.boot(draw.choice(FLAVORS))
        yield running


def uuid_of(number):
    return str(uuid.UUID(int=number))


class Schedule:
    """Schedules an instance while others are in flight."""

    def __init__(self, cloud, folder):
        self._cloud = cloud
        self._folder = folder
        self._count = itertools.count()
        expected = fit.DemandHistogram()
        for flavor in FLAVORS:
            spec = cloud.request_spec(flavor)
            expected.record(fit.FitRequest(request_spec.read_guest(spec)))
        self._expected = expected

    def __call__(
        self, flavor, number, *, others=0, group=None, count=1, options=None
    ):
        """The selected hosts, and the records of all instances.

        :param options: of Nova, for this request alone
        """
        folder = self._folder / str(next(self._count))
        folder.mkdir()
        process = {'expected': self._expected, 'in_flight': InFlight()}
        with recording(folder, **process) as recorded:
            for other in range(others):
                self._select(FLAVORS[1], [uuid_of(1000 + other)])
            uuids = [uuid_of(number + index) for index in range(count)]
            with settings.override(options or {}):
                hosts = self._select(flavor, uuids, group)
            gc.collect()
            records = recorded.all()
        for made in [*uuids, *(uuid_of(1000 + n) for n in range(others))]:
            self._cloud.placement.delete(
                f'/allocations/{made}', microversion='1.39'
            )
        return hosts, records[others:]

    def _select(self, flavor, uuids, group=None):
        spec = self._cloud.request_spec(flavor, uuids=uuids, group=group)
        try:
            selections = self._cloud.scheduler.select_destinations(
                self._cloud.context,
                spec_obj=spec,
                instance_uuids=uuids,
                return_objects=True,
                return_alternates=True,
            )
        except messaging.ExpectedException:
            # No valid host.
            return []
        return [selection[0].nodename for selection in selections]


@pytest.fixture
def schedule(cloud, tmp_path):
    return Schedule(cloud, tmp_path)


@pytest.fixture(scope='module')
def group(cloud):
    """A group with a member that runs."""
    made = cloud.add_group('near', 'soft-affinity')
    [member] = cloud.boot(FLAVORS[0], group=made)
    assert member.booted
    return made


@pytest.fixture(params=[False, True], ids=['options', 'aggregates'])
def in_aggregates(request, cloud):
    """Whether aggregates override multipliers."""
    names = ('fragmentation', 'pci_locality', 'scatter')
    if request.param:
        metadata = {
            f'nfv_{name}_weight_multiplier': str(value)
            for name, value in zip(names, (3.0, 5.0, 1.5), strict=True)
        }
        hosts = [f'{name}-0' for name in MACHINES]
        made = cloud.add_aggregate('other', hosts, metadata)
        yield True
        for host in hosts:
            made.delete_host(host)
        cloud.scheduler.delete_aggregate(cloud.context, made)
        made.destroy()
        multipliers.overridden.clear()
    else:
        yield False


def check_without(schedule, name, node, run, weighers):
    """Nova selects the host when the weigher is off."""
    [host], [record] = schedule(**run, options={OPTIONS[name]: 0.0})
    # Hosts that weigh the same are as good.
    top = record.best[0].total
    assert {host, node} <= {
        other.node for other in record.best if top - other.total < 1e-9
    }
    assert name not in {w.weigher for w in record.best[0].weights}
    weighers.add(name)


def test_counterfactuals_are_what_the_scheduler_does_without(schedule, group):
    weighers, changed = set(), 0
    numbers = range(2000, 2008 if budgets.EXHAUSTIVE else 2005)
    for number, flavor in zip(numbers, itertools.cycle(FLAVORS), strict=False):
        run = {
            'flavor': flavor,
            'number': number,
            'others': number % 2,
            'group': group if number % 3 == 0 else None,
        }
        [selected], [record] = schedule(**run)
        assert (record.node, record.rank) == (selected, 1)
        for found in record.without:
            check_without(schedule, found.weigher, found.node, run, weighers)
            changed += found.node != selected
    # Affinity has no weights to be apart.
    assert weighers == OPTIONS.keys() - {'AntiAffinityWeigher'}
    assert changed > 1


def test_multipliers_of_aggregates_count(schedule, in_aggregates):
    """With a weigher off altogether, in aggregates as well."""
    found_multipliers = set()
    for number in range(3000, 3006):
        [selected], [record] = schedule(FLAVORS[3], number)
        assert (record.node, record.rank) == (selected, 1)
        for host in record.best:
            total = host.others + sum(w.contribution for w in host.weights)
            assert total == pytest.approx(host.total)
            # Nova's own weigher rates from 0 to 1.
            assert -1e-9 <= host.others <= 1 + 1e-9
            found_multipliers |= {
                (w.weigher, w.multiplier) for w in host.weights
            }
    fragmentation = {10.0, 3.0} if in_aggregates else {10.0}
    assert {
        value for name, value in found_multipliers if 'Frag' in name
    } == fragmentation


def test_the_best_hosts_are_in_the_order_of_nova(schedule, cloud):
    flavor = FLAVORS[0]
    [selected], [record] = schedule(flavor, 4000)
    totals = [host.total for host in record.best]
    assert totals == sorted(totals, reverse=True)
    assert record.best[0].node == selected
    assert record.runner_up == record.best[1]
    assert record.weighed == len(cloud.computes) > len(record.best) == 10
    assert record.claims == 1
    assert record.purpose is RequestKind.BOOT
    assert (record.flavor, record.instance) == ('small', uuid_of(4000))


def test_each_filter_has_its_counts(schedule, cloud):
    _, [record] = schedule(FLAVORS[3], 4010)
    names = [entry.name for entry in record.filters]
    assert names == [
        'HugePagesFilter',
        'CPUPinningFilter',
        'PCINUMAFilter',
        'NUMAFitFilter',
    ]
    for first, second in itertools.pairwise(record.filters):
        assert first.after == second.before
    assert record.filters[0].before == len(cloud.computes)
    assert record.filters[2].after < record.filters[2].before
    assert record.filters[-1].after == record.weighed


@pytest.mark.parametrize('flavor', FLAVORS, ids=lambda flavor: flavor.name)
def test_the_nodes_are_those_of_the_claim(cloud, tmp_path, flavor):
    with recording(tmp_path) as recorded:
        guests = cloud.boot(flavor, count=2)
    for guest, record in zip(guests, recorded.all(), strict=True):
        assert guest.booted, guest.error
        cells = guest.instance.numa_topology.cells
        assert list(record.numa_nodes) == [cell.id for cell in cells]
        assert (record.node, record.chosen) == (guest.host, False)
        cloud.delete(guest)


def test_each_instance_of_a_request_has_a_decision(schedule):
    hosts, records = schedule(FLAVORS[1], 4030, count=3)
    assert [record.node for record in records] == hosts
    assert [record.instance for record in records] == [
        uuid_of(4030 + index) for index in range(3)
    ]
    assert {record.instances for record in records} == {3}


def test_a_single_host_is_not_weighed(schedule, cloud):
    flavor = SimulatedFlavor('only', 2, 2048, extra_specs=HUGE)
    spec = cloud.request_spec(flavor)
    only = next(iter(cloud.computes))
    with recording(schedule._folder) as recorded:
        spec.requested_destination = objects.Destination(host=only, node=only)
        [selection] = cloud.scheduler.select_destinations(
            cloud.context,
            spec_obj=spec,
            instance_uuids=[spec.instance_uuid],
            return_objects=True,
        )
        [record] = recorded.all()
    cloud.placement.delete(
        f'/allocations/{spec.instance_uuid}', microversion='1.39'
    )
    assert record.node == selection[0].nodename == only
    assert (record.weighed, record.best, record.rank) == (None, (), None)
    assert record.numa_nodes is not None


def test_a_refusal_has_its_conditions(schedule):
    big = SimulatedFlavor('big', 2, 200 * 1024, extra_specs=HUGE)
    hosts, [record] = schedule(big, 4040)
    assert hosts == []
    assert record.ending is Ending.REJECTED
    assert dict(record.conditions) == {'pages': record.filters[0].before}
    assert 'of 200 free pages of 1 GiB' in record.nearest
    assert record.filters[-1].after == 0
    assert (record.node, record.best) == (None, ())


def test_what_later_filters_reject_is_recorded_too(schedule, cloud):
    """No filter of nfv_sched sees that."""
    filters = cloud.scheduler.host_manager.enabled_filters

    class Refusing:
        def run_filter_for_index(self, index):
            return True

        def filter_all(self, hosts, spec):
            return []

    filters.append(Refusing())
    try:
        hosts, [record] = schedule(FLAVORS[0], 4050)
    finally:
        filters.pop()
    assert hosts == []
    assert record.ending is Ending.OTHER_FILTERS
    assert record.filters[-1].after > 0


def test_claims_that_placement_refuses_are_counted(
    schedule, cloud, monkeypatch
):
    client = cloud.scheduler.placement_client
    real = client.claim_resources
    refusals = iter([False, False])
    monkeypatch.setattr(
        type(client),
        'claim_resources',
        lambda self, *args, **kwargs: (
            next(refusals, None) is None and real(*args, **kwargs)
        ),
    )
    [host], [record] = schedule(FLAVORS[0], 4060)
    assert (record.claims, record.rank) == (3, 3)
    assert record.best[2].node == record.node == host
    monkeypatch.setattr(
        type(client), 'claim_resources', lambda *args, **kwargs: False
    )
    hosts, [record] = schedule(FLAVORS[0], 4061)
    assert hosts == []
    assert record.ending is Ending.PLACEMENT
    assert record.claims == len(cloud.computes)


def test_what_asks_for_nothing_is_not_recorded(schedule):
    [host], records = schedule(SimulatedFlavor('plain', 1, 512), 4070)
    assert host
    assert records == []


@pytest.mark.parametrize('broken', ['_end', '_multipliers', 'any', 'time'])
def test_a_journal_that_fails_fails_no_request(schedule, monkeypatch, broken):
    [host], [record] = schedule(FLAVORS[0], 4080)
    assert record
    where = PendingDecision if broken.startswith('_') else pending_decision
    monkeypatch.setattr(where, broken, None, raising=False)
    assert schedule(FLAVORS[0], 4080) == ([host], [])
