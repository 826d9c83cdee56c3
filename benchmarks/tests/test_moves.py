"""Room that is made for refused guests by moves."""

import pytest

from benchmarks.packing import computes
from benchmarks.packing import simulate
from benchmarks.packing.columns import COLUMNS
from benchmarks.packing.moves import RoomMaker
from benchmarks.tests import tiny
from nfv_sched.nova import releases

_BY_NAME = {one.name: one for one in tiny.SHAPES}


def _cloud(hosts):
    return [
        computes.Compute(f'host{number}', tiny.MACHINE)
        for number in range(hosts)
    ]


def _boot(running, compute, name):
    held = compute.claim(_BY_NAME[name], None)
    running[len(running)] = compute, held
    return held


@pytest.fixture
def configured():
    from benchmarks.packing import scheduler  # noqa: PLC0415

    with scheduler.configured(COLUMNS['ours-moving']):
        yield


@pytest.mark.skipif(
    not releases.claims_sort_by_devices(None),
    reason='claims of this Nova take the cells with devices first',
)
@pytest.mark.usefixtures('configured')
def test_one_move_makes_room_on_the_cell_with_devices():
    """One CPU is left on each, and the guest needs two of them."""
    hosts, running = _cloud(2), {}
    for compute in hosts:
        # Cells without devices are taken first.
        for _ in range(7):
            _boot(running, compute, 'small')
    before = {number: compute for number, (compute, _) in running.items()}
    maker = RoomMaker(hosts, 2)
    booted, held = maker.boot(_BY_NAME['near'], running)
    assert held.cells == {0}
    moved = [
        number
        for number, (compute, _) in running.items()
        if before[number] is not compute
    ]
    assert len(moved) == maker.moves == maker.booted == 1
    assert before[moved[0]] is booted
    assert sorted(compute.guests for compute in hosts) == [7, 8]


@pytest.mark.usefixtures('configured')
def test_a_full_cloud_takes_no_more():
    hosts, running = _cloud(2), {}
    for compute in hosts:
        for _ in range(2):
            _boot(running, compute, 'wide')
    maker = RoomMaker(hosts, 2)
    assert maker.boot(_BY_NAME['small'], running) is None
    assert maker.moves == maker.booted == 0


def test_moves_take_guests_that_others_reject():
    cloud = tiny.cloud(3)
    outcomes = {
        name: simulate.churn(cloud, tiny.LOAD, COLUMNS[name], 1, 600)
        for name in ('ours', 'ours-moving')
    }
    assert outcomes['ours'].moves == 0
    moving = outcomes['ours-moving']
    assert 0 < moving.moved_for <= moving.moves <= 2 * moving.moved_for
    assert (
        outcomes['ours-moving'].rejection_rate
        < outcomes['ours'].rejection_rate
    )
