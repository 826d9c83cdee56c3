"""What a claim takes and leaves, as weighers see it."""

from hypothesis import given
from hypothesis import settings
import pytest

from nfv_sched import fit
from nfv_sched.fit.headroom import FRACTIONS
from nfv_sched.fit.headroom import Shapes
from nfv_sched.fit.locality import distance_score
from nfv_sched.model import Cell
from nfv_sched.nova import request_spec
from nfv_sched_testing import builders
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.weighing import request
from nfv_sched_testing.weighing import vfs

SOCKETS = [Cell(i, memory_mib=1, socket=i // 2) for i in range(4)]
SLIT = {0: {0: 10, 1: 12, 2: 32, 3: 32}}


def forecast(scene, distances=None, **fields):
    guest = request_spec.read_guest(scene.spec)
    host = builders.host_of(scene).evolve(**fields)
    placement = fit.evaluate(guest, host).outcome
    shapes = Shapes((fit.FitRequest(guest),))
    return placement and fit.forecast(
        guest, host, placement, shapes, distances or {}
    )


@pytest.mark.parametrize('slit', [{}, SLIT])
def test_the_same_cell_is_nearest_then_the_socket_then_the_rest(slit):
    near, socket, far = (
        distance_score({0}, node, SOCKETS, slit) for node in (0, 1, 2)
    )
    assert 0 == near < socket < far < 1


def test_the_nearest_of_the_cells_counts():
    assert distance_score({0, 2}, 2, SOCKETS, SLIT) == 0
    assert distance_score({0, 2}, 3, SOCKETS, {}) == distance_score(
        {2}, 3, SOCKETS, {}
    )


def test_published_distances_go_before_guesses():
    odd = {0: {1: 40}}
    assert distance_score({0}, 1, SOCKETS, odd) == pytest.approx(1 - 10 / 40)


def test_a_device_on_no_cell_is_as_far_as_another_socket():
    assert distance_score({0}, None, SOCKETS, {}) == distance_score(
        {0}, 2, SOCKETS, {}
    )


@given(scene=strategies.scenes())
@settings(max_examples=examples(1000))
def test_a_claim_leaves_no_more_room_than_there_was(scene):
    after_claim = forecast(scene)
    if after_claim is None:
        return
    assert after_claim.left[0] <= after_claim.before[0]
    assert 0 <= after_claim.locality.remote < 1
    assert 0 <= after_claim.locality.together < 1
    assert 0 <= after_claim.locality.occupied <= 1


def two_cells():
    return [
        builders.host_cell(0, cores=4, pages={2048: 512}, socket=0),
        builders.host_cell(1, cores=4, pages={2048: 512}, socket=1),
    ]


def test_room_lost_is_that_of_the_guest_that_came():
    after_claim = forecast(
        builders.scene(
            two_cells(), [builders.guest_cell(0, cpus=2, pagesize=2048)]
        )
    )
    # 256 pages each: two fit a cell by pages and by CPUs.
    whole = FRACTIONS
    assert after_claim.before == (4 * whole,)
    assert after_claim.left == (3 * whole,)


def locality(scene, distances=None, **fields):
    return forecast(scene, distances, **fields).locality


def test_cells_with_free_devices_are_occupied_by_guests_without():
    plain = [builders.guest_cell(0, pagesize=2048)]
    both = vfs(0, '10') + vfs(1, '20')
    assert locality(builders.scene(two_cells(), plain)).occupied == 0
    assert locality(builders.scene(two_cells(), plain, both)).occupied == 1
    on_one_cell = builders.scene(two_cells(), plain, vfs(0, '10'))
    # From Nova 34 on, the claim tries cells without devices first.
    for sorts, occupied in ((True, 0), (False, 1)):
        taken = locality(on_one_cell, claims_sort_by_devices=sorts)
        assert taken.occupied == occupied


def test_devices_from_afar_and_of_one_card_are_told():
    plain = [builders.guest_cell(0, pagesize=2048)]
    near = builders.scene(
        two_cells(), plain, vfs(0, '10'), [request(2, 'preferred')]
    )
    assert locality(near)[:2] == (0, 0.5)
    cells = two_cells()
    cells[1].pinned_cpus = set(cells[1].pcpuset)
    far = builders.scene(cells, plain, vfs(1, '20'), [request(1, 'preferred')])
    assert locality(far).remote == pytest.approx(1 - 10 / 21)
    assert locality(far, {0: {1: 32}}).remote == pytest.approx(1 - 10 / 32)
    spread = builders.scene(
        two_cells(),
        plain,
        vfs(0, '10', 1) + vfs(0, '11', 1),
        [request(2, 'preferred')],
    )
    assert locality(spread).together == 0
