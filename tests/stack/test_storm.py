"""Many boots at once on a cloud that they nearly fill."""

import time

import pytest

from tests.stack import configuration
from tests.stack.conftest import HOSTS
from tests.stack.guests import PER_HOST
from tests.stack.plane import PUBLISHER

#: As many as fit, less two hosts' worth.
BOOTS = (len(HOSTS) - 2) * PER_HOST
_RESCHEDULED = 'was re-scheduled'


@pytest.fixture(autouse=True)
def clean(guests):
    yield
    guests.delete_all()


def names(prefix):
    return [f'{prefix}-{number:03}' for number in range(BOOTS)]


def failed(booted):
    return [
        (one.name, (one.fault or {}).get('message'))
        for one in booted
        if one.status != 'ACTIVE'
    ]


def test_ours_and_stock(plane, guests, flavors, record_property):
    """None of ours fails while a host fits it; stock is run to compare."""
    counts = {}
    for name, options in (
        ('stock', configuration.STOCK),
        ('ours', configuration.OURS),
    ):
        # Failed builds are counted until they start anew, and are weighed.
        plane.restart_computes()
        plane.restart_schedulers(options)
        before = plane.count('computes', _RESCHEDULED)
        begin = time.monotonic()
        booted = guests.storm(names(name), flavors.vnf)
        counts[name] = {
            'boots': len(booted),
            'failed': failed(booted),
            'rescheduled': plane.count('computes', _RESCHEDULED) - before,
            'seconds': round(time.monotonic() - begin),
        }
        assert list(guests.overlaps()) == []
        guests.delete_all()
    for name, found in counts.items():
        print(f'{name}: {found | {"failed": len(found["failed"])}}')
        record_property(name, found)
    assert counts['ours']['failed'] == []


def test_amid_failures(plane, guests, flavors):
    """Placement and the publisher are killed; the schedulers go on.

    Nova itself needs Placement for each boot: what is asked for while it is
    down fails. Nothing of what comes later does.
    """

    def strike(number):
        if number == BOOTS // 3:
            plane.processes.kill(PUBLISHER)
            plane.processes.kill('placement')
            time.sleep(2.0)
            plane.start_placement()

    during = guests.storm(names('during'), flavors.vnf, strike)
    guests.delete_all()
    plane.start_publisher()
    after = guests.storm(names('after'), flavors.vnf)
    print(f'failed during: {len(failed(during))}, after: {len(failed(after))}')
    assert failed(after) == []
    assert list(guests.overlaps()) == []
