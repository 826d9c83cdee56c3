"""Many schedulers at once, in short: what the weighers are there for."""

import pytest

from benchmarks import storm
from benchmarks.packing.clouds import CLOUDS

MACHINES = CLOUDS['one-sided'].machines
#: A host has room for five.
FLAVOR = 'anuket-HS.large'
HOSTS, ROOM = 8, 40


def boot(name, guests, workers, schedulers, sharing=None):
    [column] = [one for one in storm.COLUMNS if one.name == name]
    return storm.run(
        column,
        MACHINES,
        HOSTS,
        [FLAVOR] * guests,
        workers,
        schedulers,
        1,
        sharing,
    )


@pytest.fixture(scope='module')
def stock():
    return boot('stock', ROOM - 2, ROOM, 2)


def test_stock_sends_guests_after_each_other(stock):
    assert stock.failed > ROOM / 3
    assert stock.homeless


def test_one_scheduler_knows_what_it_has_sent():
    found = boot('ours', ROOM, ROOM, 1)
    assert found == storm.Counts(placed=ROOM)


def test_two_schedulers_do_without_knowing_of_each_other(stock):
    found = boot('ours', ROOM - 2, ROOM, 2)
    assert found.placed == ROOM - 2
    assert found.failed < stock.failed / 2


@pytest.mark.parametrize('schedulers', [2, 4])
def test_schedulers_that_share_their_picks_are_as_one(schedulers):
    # What is decided within a millisecond of each other is not known yet.
    found = boot('ours', ROOM, ROOM, schedulers, storm.Sharing(0.001))
    assert found.placed == ROOM
    assert found.failed <= 2


def test_schedulers_that_partition_hosts_take_no_place_twice():
    """Eight decide at once, and know nothing of each other's last picks."""
    sharing = storm.Sharing(0.5)
    found = boot('ours, 3 attempts', ROOM - 4, ROOM // 2, 8, sharing)
    assert found == storm.Counts(placed=ROOM - 4)
    apart = boot('ours, 3 attempts', ROOM - 4, ROOM // 2, 8)
    assert apart.failed > 2


def test_what_is_lost_on_the_bus_is_not_known():
    lost = boot('ours', ROOM - 2, ROOM, 2, storm.Sharing(0.001, 1.0))
    assert lost == boot('ours', ROOM - 2, ROOM, 2)


def test_guests_that_nobody_can_take_are_not_called_homeless():
    found = boot('ours', ROOM + 3, 1, 1)
    assert found == storm.Counts(placed=ROOM, full=3)
