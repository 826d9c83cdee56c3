"""The exporter survives what its databases, Placement and its port do."""

import socket
import threading

from nova import context as nova_context
from nova import objects
import prometheus_client
import pytest
import requests

from nfv_sched.exporter.loop import ExporterLoop
from nfv_sched.exporter.losses import Losses
from nfv_sched.exporter.recount import CountOptions
from nfv_sched.exporter.recount import Recount
from nfv_sched.exporter.recount import SynchronousReader
from nfv_sched.exporter.server import address_of
from nfv_sched.exporter.server import Server
from nfv_sched.nova import host_changes
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import Unavailable
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.patience import PATIENCE
from tests.cmd.conftest import SMALL
from tests.exporter.prometheus import until

FLAVOR = SimulatedFlavor('small', 2, 2048, 1, HUGE)
FITS = 'nfv_sched_capacity_instances'


@pytest.fixture(scope='module')
def cloud():
    options = settings.profile_options(settings.NFV)
    options['nfv_sched.failure_domains'] = ['rack']
    with (
        simulated_cloud(options=options) as running,
        settings.override(options),
    ):
        for number in range(3):
            running.add_host(f'cmp-{number}', machine.parse('small', SMALL))
        running.add_aggregate('r1', ['cmp-0', 'cmp-1'], {'rack': 'R1'})
        running.add_flavor(FLAVOR)
        yield running


class Watched:
    """A loop on a cloud, and its metrics."""

    def __init__(self, cloud, connect=None, most_hosts=10):
        self.seconds = 0.0
        self.client = PlacementClient(cloud.placement)
        connect = connect or (lambda: self.client)
        self.recount = Recount(
            CountOptions(('small',), kinds=('rack',)),
            SynchronousReader(connect),
        )
        self.loop = ExporterLoop(
            self.recount,
            Losses(('rack',), share=1, longest=60),
            connect,
            interval=60,
            full_interval=3600,
            most_hosts=most_hosts,
            clock=lambda: self.seconds,
        )
        self.registry = prometheus_client.CollectorRegistry(
            auto_describe=False
        )
        self.registry.register(self.loop)

    def once(self, seconds=60):
        self.seconds += seconds
        self.loop.once()
        return self

    def value(self, name, **labels):
        return self.registry.get_sample_value(name, labels)

    def own(self, name):
        return self.value(f'nfv_sched_exporter_{name}')

    def fits(self):
        return self.value(
            FITS, flavor_name='small', shape='', kind='all', domain='all'
        )


def test_nothing_is_said_before_the_first_pass(cloud):
    watched = Watched(cloud)
    assert str(watched.own('age_seconds')) == 'nan'
    assert watched.fits() is None


def test_placement_that_is_down_leaves_the_last_values(cloud):
    broken = False

    def connect():
        if broken:
            raise Unavailable('GET /: refused')
        return watched.client

    watched = Watched(cloud, connect)
    fits = watched.once().fits()
    assert fits > 0
    assert watched.own('age_seconds') == 0
    broken = True
    watched.recount.run = lambda *args, **more: connect()
    watched.once().once()
    assert (watched.fits(), watched.own('errors_total')) == (fits, 2)
    assert watched.own('age_seconds') == 120
    assert watched.own('passes_total') == 3
    del watched.recount.run
    broken = False
    watched.once()
    assert (watched.own('errors_total'), watched.own('age_seconds')) == (2, 0)


def test_an_api_database_that_is_down_leaves_the_last_values(
    cloud, monkeypatch
):
    watched = Watched(cloud)
    fits = watched.once().fits()

    def refused(kinds):
        raise OSError('connection refused')

    monkeypatch.setattr(host_changes, 'scan', refused)
    watched.once()
    assert (watched.fits(), watched.own('errors_total')) == (fits, 1)


def test_a_cell_that_is_down_leaves_its_hosts_as_they_were(cloud):
    watched = Watched(cloud)
    fits = watched.once().fits()
    [cell] = [
        each
        for each in objects.CellMappingList.get_all(cloud.context)
        if not each.is_cell0()
    ]
    connection = cell.database_connection
    cell.database_connection = 'sqlite:////nowhere/at/all.sqlite'
    cell.save()
    nova_context.CELL_CACHE.pop(cell.uuid, None)
    try:
        watched.once()
        assert watched.own('problems') >= 1
        assert watched.own('errors_total') == 1
        assert watched.own('age_seconds') == 60
        assert watched.fits() == fits
    finally:
        cell.database_connection = connection
        cell.save()
        nova_context.CELL_CACHE.pop(cell.uuid, None)
    watched.once()
    assert (watched.fits(), watched.own('errors_total')) == (fits, 1)


def test_a_flavor_that_is_not_there_is_a_problem(cloud):
    watched = Watched(cloud)
    watched.recount._options = CountOptions(('small', 'large'))
    watched.once()
    assert watched.own('problems') == 1
    assert watched.fits() > 0


def test_large_clouds_have_no_series_of_single_hosts(cloud):
    def names(watched):
        return {
            sample.name
            for family in watched.once().registry.collect()
            for sample in family.samples
            if {'hypervisor', 'numa_node'} & sample.labels.keys()
        }

    assert len(names(Watched(cloud))) == 10
    assert names(Watched(cloud, most_hosts=2)) == set()


def test_a_host_that_is_gone_is_forgotten(cloud):
    watched = Watched(cloud)
    fits = watched.once().fits()
    node = objects.ComputeNode.get_by_host_and_nodename(
        cloud.cell_context, 'cmp-2', 'cmp-2'
    )
    node.destroy()
    watched.once()
    assert watched.fits() == fits * 2 / 3
    assert watched.value('nfv_sched_hosts', kind='rack', domain='') is None


def test_losses_are_computed_within_their_share(cloud):
    seconds = 0.0
    rounds = []

    def clock():
        nonlocal seconds
        seconds += 1
        return seconds

    losses = Losses(('rack',), share=0.1, longest=0, clock=clock)
    losses._round = lambda client, began: rounds.append(began)
    while seconds < 99:
        losses.run(None)
    # A round takes one second on this clock, and nine follow.
    assert len(rounds) == 10


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        server.listen()
        yield server


def test_a_port_in_use_is_tried_again(taken, caplog):
    port = taken.getsockname()[1]
    server = Server(
        prometheus_client.CollectorRegistry(), ('127.0.0.1', port), retry=0.05
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    until(lambda: 'not served on 127.0.0.1' in caplog.text)
    taken.close()
    thread.join(PATIENCE)
    assert requests.get(
        f'http://127.0.0.1:{port}/metrics', timeout=PATIENCE
    ).ok
    server.stop()
    assert caplog.text.count('not served') == 1


def test_a_server_that_waits_for_its_port_can_be_ended(taken):
    server = Server(
        prometheus_client.CollectorRegistry(),
        ('127.0.0.1', taken.getsockname()[1]),
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    server.stop()
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ('text', 'address'),
    [
        ('127.0.0.1:9817', ('127.0.0.1', 9817)),
        ('[::1]:9817', ('::1', 9817)),
        ('controller:0', ('controller', 0)),
    ],
)
def test_addresses_are_read(text, address):
    assert address_of(text) == address


@pytest.mark.parametrize('text', ['', ':9817', '9817', 'a', 'a:b', 'a:99999'])
def test_other_addresses_are_refused(text):
    with pytest.raises(ValueError, match=r'ADDRESS:PORT|Port'):
        address_of(text)


def test_a_scrape_during_a_pass_is_answered(cloud):
    watched = Watched(cloud).once()
    going, may_end = threading.Event(), threading.Event()

    def stuck(*args, **more):
        going.set()
        may_end.wait(30)
        raise OSError('late')

    watched.recount.run = stuck
    thread = threading.Thread(target=watched.once)
    thread.start()
    going.wait(PATIENCE)
    try:
        assert watched.fits() > 0
        assert watched.own('passes_total') == 1
    finally:
        may_end.set()
        thread.join()
    assert watched.own('passes_total') == 2
