"""Many boots at once on a cloud that they nearly fill."""

import time

import pytest

from tests.stack import configuration
from tests.stack.conftest import HOSTS
from tests.stack.guests import PER_HOST
from tests.stack.plane import Plane
from tests.stack.plane import PUBLISHER

#: As many as fit, less two hosts' worth.
BOOTS = (len(HOSTS) - 2) * PER_HOST
#: Sets of one guest of each shape: 28 CPUs, on hosts that hold 24.
SETS = len(HOSTS) * 7 // 10
_RESCHEDULED = 'was re-scheduled'
#: Seconds, more than Nova's [DEFAULT] rpc_response_timeout.
_PATIENCE = 90.0


@pytest.fixture(autouse=True)
def clean(guests):
    yield
    guests.delete_all()


@pytest.fixture(scope='module')
def shapes(guests, flavors):
    """One and two NUMA nodes, 4 and 8 CPUs, with and without a VF."""
    one_node = {
        'hw:cpu_policy': 'dedicated',
        'hw:mem_page_size': '1GB',
        'hw:numa_nodes': '1',
    }
    plain = guests.flavor('vnf.plain', one_node)
    return [
        flavors.two_cells,
        flavors.large,
        flavors.vnf,
        plain,
        flavors.vnf,
    ]


def names(prefix, count=BOOTS):
    return [f'{prefix}-{number:03}' for number in range(count)]


def failed(booted):
    return [
        (one.name, (one.fault or {}).get('message'))
        for one in booted
        if one.status != 'ACTIVE'
    ]


def rows():
    """What is compared, each beside stock at equal options."""
    three = configuration.merge(
        configuration.OURS, {'scheduler': {'max_attempts': 3}}
    )
    return {
        'stock': (configuration.STOCK, 2),
        'stock, equal options': (configuration.EQUAL, 2),
        'ours, apart': (configuration.APART, 2),
        'ours': (configuration.OURS, 2),
        'ours, 3 attempts': (three, 2),
        'ours, 1 scheduler': (configuration.OURS, 1),
        'ours, 4 schedulers': (configuration.OURS, 4),
        'ours, 4 schedulers, 3 attempts': (three, 4),
    }


@pytest.mark.parametrize('mixed', [False, True], ids=['one shape', 'mixed'])
@pytest.mark.parametrize('name', rows())
def test_storm(plane, guests, flavors, shapes, record_property, name, mixed):
    """None of ours fails while a host fits it; stock is run to compare."""
    options, schedulers = rows()[name]
    wanted = shapes * SETS if mixed else [flavors.vnf] * BOOTS
    # Failed builds are counted until a nova-compute restarts, and are weighed.
    plane.restart_computes()
    plane.restart_schedulers(options, schedulers)
    before = plane.count('computes', _RESCHEDULED)
    begin = time.monotonic()
    booted = guests.storm(names('storm', len(wanted)), wanted)
    counts = {
        'boots': len(booted),
        'failed': len(failed(booted)),
        'rescheduled': plane.count('computes', _RESCHEDULED) - before,
        'seconds': round(time.monotonic() - begin),
    }
    print(f'{name}, {"mixed" if mixed else "one shape"}: {counts}')
    record_property(name, counts)
    assert list(guests.overlaps()) == []
    if name.startswith('ours'):
        assert failed(booted) == []


def _placement(plane):
    plane.processes.kill(PUBLISHER)
    plane.processes.kill('placement')
    time.sleep(2.0)
    plane.start_placement()


@pytest.mark.parametrize(
    'strike', [_placement, Plane.restart_queue, Plane.kill_scheduler]
)
def test_amid_failures(plane, guests, flavors, strike):
    """Services are killed; the schedulers continue.

    Nova itself needs Placement and the bus for each boot, and loses requests
    that are on the bus or that a scheduler has begun with: what is asked for
    meanwhile may fail, or stay in BUILD. Nothing of what comes later does.
    """
    plane.restart_computes()
    plane.restart_schedulers(configuration.OURS)

    def amid(number):
        if number == BOOTS // 3:
            strike(plane)

    wanted = [flavors.vnf] * BOOTS
    during = guests.storm(names('during'), wanted, amid, _PATIENCE)
    guests.delete_all()
    if PUBLISHER not in plane.processes.running():
        plane.start_publisher()
    after = guests.storm(names('after'), wanted)
    print(f'failed during: {len(failed(during))}, after: {len(failed(after))}')
    for one in failed(during)[:3]:
        print(one)
    assert failed(after) == []
    assert list(guests.overlaps()) == []
