"""In shadow mode nothing changes, and the journal has what would have been."""

import gc
import random
import uuid

import oslo_messaging as messaging
import pytest

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.journal.record import Ending
from nfv_sched.scheduler import process
from nfv_sched.scheduler import shadow
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.decision_journals import recording
from nfv_sched_testing.weighing import plain
from nfv_sched_testing.weighing import SMALL
from nfv_sched_testing.weighing import spec_of

CARDS = """
about: two cells, four cores and 8 GiB of 1 GiB pages each, cards for all
smt: {threads: 2, stride: 8}
dedicated: 1-3,5-7,9-11,13-15
shared: 0,4,8,12
disk_gib: 200
cells:
- {id: 0, cpus: '0-3,8-11', memory_mib: 16384, socket: 0, pages: {1G: 8}}
- {id: 1, cpus: '4-7,12-15', memory_mib: 16384, socket: 1, pages: {1G: 8}}
nics:
- {address: '0000:81:00.0', cell: 1, ids: '8086:1572', vfs: 4,
   vf_ids: '8086:154c', assign: both}
"""
ALIASES = [
    {
        'name': name,
        'vendor_id': '8086',
        'product_id': product,
        'device_type': kind,
    }
    for name, product, kind in (
        ('vf', '154c', 'type-VF'),
        ('pf', '1572', 'type-PF'),
    )
]
WEIGHTS = {
    'filter_scheduler.ram_weight_multiplier': 1.0,
    'filter_scheduler.io_ops_weight_multiplier': 0.0,
    'nfv_sched.scatter_weight_multiplier': 0.1,
}
#: Nova alone.
ALONE = settings.STOCK.with_options(WEIGHTS)
#: The stock filters, then those of nfv_sched.
BOTH = settings.NFV.with_options(
    {
        **WEIGHTS,
        'filter_scheduler.enabled_filters': [
            *settings.STOCK.enabled_filters,
            'HugePagesFilter',
            'CPUPinningFilter',
            'PCINUMAFilter',
            'NUMAFitFilter',
        ],
    }
)
DEVICE = {**HUGE, 'pci_passthrough:alias': 'vf:1'}
CARD = {'pci_passthrough:alias': 'pf:1,vf:1'}
FLAVORS = (
    SimulatedFlavor('small', 1, 1024, 1, extra_specs=HUGE),
    SimulatedFlavor('large', 4, 4096, 1, extra_specs=HUGE),
    SimulatedFlavor(
        'wide', 4, 2048, 1, extra_specs={**HUGE, 'hw:numa_nodes': 2}
    ),
    SimulatedFlavor('device', 2, 1024, 1, extra_specs=DEVICE),
    SimulatedFlavor('plain', 1, 512, 1),
    # The stock filters accept hosts on which the one takes away the other.
    SimulatedFlavor('card', 1, 512, 1, extra_specs=CARD),
)


@pytest.fixture
def cloud():
    with (
        simulated_cloud(BOTH, aliases=ALIASES) as running,
        settings.override(WEIGHTS),
    ):
        for number in range(4):
            running.add_host(f'cmp-{number}', machine.parse('cards', CARDS))
        running.use(ALONE)
        yield running


@pytest.fixture
def guests(cloud):
    """The instances that run, which end with the test."""
    running = []
    yield running
    for guest in running:
        if guest.booted:
            cloud.delete(guest)


def selected(cloud, flavor, uuids):
    """All that Nova returns for a request, as plain values."""
    spec = cloud.request_spec(flavor, uuids=uuids)
    try:
        answer = cloud.scheduler.select_destinations(
            cloud.context,
            spec_obj=spec,
            instance_uuids=uuids,
            return_objects=True,
            return_alternates=True,
        )
    except messaging.ExpectedException:
        return None
    finally:
        for each in uuids:
            cloud.placement.delete(f'/allocations/{each}', microversion='1.39')
    return (
        [
            [
                (one.nodename, one.limits and one.limits.obj_to_primitive())
                for one in several
            ]
            for several in answer
        ],
        spec.numa_topology and spec.numa_topology.obj_to_primitive(),
        [request.spec for request in spec.pci_requests.requests],
    )


def test_nova_decides_as_if_nothing_was_there(cloud, guests, tmp_path):
    """Host, alternates, limits and what Nova writes into the request."""
    draw = random.Random(3)  # noqa: S311
    placed = 0
    for number in range(16):
        flavor = draw.choice(FLAVORS)
        uuids = [
            str(uuid.UUID(int=number * 100 + index + 1))
            for index in range(draw.choice((1, 1, 3)))
        ]
        cloud.use(ALONE)
        alone = selected(cloud, flavor, uuids)
        cloud.use(BOTH)
        with recording(tmp_path, shadow=True) as recorded:
            beside = selected(cloud, flavor, uuids)
            recorded.journal.flush()
        assert beside == alone
        placed += alone is not None
        cloud.use(ALONE)
        guests += cloud.boot(draw.choice(FLAVORS[:4]))
    assert 8 < placed < 16


def test_judgements_are_what_the_claim_says(cloud, guests, tmp_path):
    """Among them a false acceptance of the stock filters."""
    cloud.use(BOTH)
    draw = random.Random(5)  # noqa: S311
    failed = 0
    with recording(tmp_path, shadow=True) as recorded:
        for _ in range(40):
            guests += cloud.boot(draw.choice([*FLAVORS[:4], *FLAVORS[5:] * 2]))
        gc.collect()
        found = {record.instance: record for record in recorded.all()}
    for guest in guests:
        record = found.get(guest.uuid)
        if record is None:
            # Placement has left no host.
            assert guest.outcome is Outcome.NO_VALID_HOST
            continue
        assert record.node == guest.host
        rejects = record.shadow.rejects_selected
        assert (rejects is not None) is (guest.outcome is Outcome.CLAIM_FAILED)
        if rejects:
            failed += 1
            assert 'takes away another' in rejects
        elif guest.booted and guest.instance.numa_topology:
            cells = guest.instance.numa_topology.cells
            assert list(record.numa_nodes) == [cell.id for cell in cells]
    assert failed > 3
    assert sum(guest.booted for guest in guests) > 10


def test_what_would_be_selected_is_selected_without(cloud, guests, tmp_path):
    draw = random.Random(11)  # noqa: S311
    cloud.use(ALONE)
    for _ in range(6):
        guests += cloud.boot(draw.choice(FLAVORS[:4]))
    cloud.use(BOTH)
    elsewhere = 0
    for number in range(12):
        flavor = FLAVORS[number % 4]
        uuids = [str(uuid.UUID(int=10**6 + number))]
        folder = tmp_path / str(number)
        folder.mkdir()
        with recording(folder, shadow=True) as recorded:
            selected(cloud, flavor, uuids)
            gc.collect()
            [record] = recorded.all()
        state = process.SchedulerProcess(PublishedTopology(None))
        with process.replaced(state):
            answer = selected(cloud, flavor, uuids)
        assert record.shadow.node == (answer and answer[0][0][0][0])
        elsewhere += record.node not in (None, record.shadow.node)
    assert elsewhere > 1


def test_what_all_hosts_lack_is_recorded(cloud, tmp_path):
    """Where the stock filters leave hosts, and those of nfv_sched none."""
    cloud.use(BOTH)
    with recording(tmp_path, shadow=True) as recorded:
        [guest] = cloud.boot(FLAVORS[5])
        [record] = recorded.all()
    assert guest.outcome is Outcome.CLAIM_FAILED
    assert record.ending is Ending.SELECTED
    assert record.shadow.accepted == 0
    assert record.shadow.node is None
    assert sum(count for _, count in record.conditions) == 4
    assert record.nearest


def test_what_nova_rejects_is_recorded(cloud, tmp_path):
    """Where filters of nfv_sched run first, they may accept hosts."""
    filters = cloud.use(BOTH).host_manager.enabled_filters

    class Refusing:
        def run_filter_for_index(self, index):
            return True

        def filter_all(self, hosts, spec):
            return []

    filters.append(Refusing())
    try:
        with recording(tmp_path, shadow=True) as recorded:
            [guest] = cloud.boot(FLAVORS[0])
            gc.collect()
            [record] = recorded.all()
    finally:
        filters.pop()
    assert guest.outcome is Outcome.NO_VALID_HOST
    assert record.ending is Ending.OTHER_FILTERS
    assert record.shadow.accepted == 4


def test_a_request_is_never_failed_by_a_judgement(
    cloud, guests, tmp_path, monkeypatch
):
    cloud.use(BOTH)
    for broken in ('copy_of', 'weigh_copies', '_note_selected', '_judge'):
        with monkeypatch.context() as patch:
            patch.setattr(shadow, broken, None)
            with recording(tmp_path, shadow=True):
                booted = cloud.boot(FLAVORS[0])
        assert booted[0].booted
        guests += booted


def test_without_a_journal_nothing_is_judged(cloud, guests, monkeypatch):
    cloud.use(BOTH)
    monkeypatch.setattr(
        shadow, 'ShadowHosts', lambda *_: pytest.fail('it judges')
    )
    state = process.SchedulerProcess(PublishedTopology(None), shadow=True)
    with process.replaced(state):
        guests += cloud.boot(FLAVORS[0])
    assert guests[0].booted


def test_a_rebuild_is_not_judged(tmp_path):
    spec = spec_of(SMALL)
    spec.scheduler_hints = {'_nova_check_type': ['rebuild']}
    hosts = [plain('one', 0), plain('two', 8)]
    with recording(tmp_path, shadow=True) as recorded:
        assert list(NUMAFitFilter().filter_all(hosts, spec)) == hosts
        assert NUMAFitFilter().host_passes(hosts[0], spec)
        del spec
        assert recorded.all() == []
    assert not any('_nfv' in name for name in vars(hosts[0]))


def test_only_nova_scheduler_is_in_shadow_mode():
    published = PublishedTopology(None)
    with settings.override({'nfv_sched.shadow': True}):
        assert process.SchedulerProcess(published, serving=True).shadow
        # A dry run judges as if the option were false.
        assert not process.SchedulerProcess(published).shadow
    assert not process.SchedulerProcess(published, serving=True).shadow
