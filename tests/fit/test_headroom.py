"""Room by counting against repeated claims."""

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from nfv_sched import fit
from nfv_sched.fit.headroom import FRACTIONS
from nfv_sched.fit.headroom import guests_together
from nfv_sched.fit.headroom import headroom
from nfv_sched.fit.headroom import HostHeadroom
from nfv_sched.fit.headroom import HostHeadrooms
from nfv_sched.fit.headroom import Shapes
from nfv_sched.fit.headroom import SharedHeadrooms
from nfv_sched.fit.headroom import smoothed
from nfv_sched.model import Cell
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import PagePool
from nfv_sched.nova import request_spec
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.builders import host_of
from nfv_sched_testing.repeated_claims import claims


def alike(guest):
    return len({question_shape(cell) for cell in guest.cells}) < 2


def question_shape(cell):
    return (
        cell.memory_mib,
        len(cell.shared),
        len(cell.dedicated),
        cell.page_size,
    )


@given(scene=strategies.scenes())
@settings(max_examples=examples(1500))
def test_no_more_guests_are_claimed_than_there_is_room_for(scene):
    guest, host = request_spec.read_guest(scene.spec), host_of(scene)
    if guest.asks_nothing or not alike(guest):
        return
    fit_request = fit.FitRequest(guest)
    assert claims(fit_request, host) <= headroom(fit_request, host), guest


def test_an_instance_does_not_overcommit_against_itself():
    """Its two CPUs do not fit a node of one, whatever the ratio allows."""
    pages = (PagePool(4, 1 << 20),)
    cells = (
        Cell(0, 4096, shared_cpus=frozenset({0}), pages=pages),
        Cell(1, 4096, shared_cpus=frozenset({1, 2}), pages=pages),
    )
    host = Host('host', cells, cpu_allocation_ratio=4.0)
    guest = Guest((GuestCell(0, 128, shared=frozenset({0, 1})),))
    fit_request = fit.FitRequest(guest)
    assert claims(fit_request, host) == headroom(fit_request, host) == 4


@given(
    rooms=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    wanted=st.integers(1, 4),
)
def test_together_is_the_number_of_guests_that_can_be_laid_out(rooms, wanted):
    left, laid = list(rooms), 0
    while sum(room > 0 for room in left) >= wanted:
        # Taking from the fullest cells first leaves most for later.
        for index in sorted(range(len(left)), key=lambda i: -left[i])[:wanted]:
            left[index] -= 1
        laid += 1
    assert int(guests_together(rooms, wanted)) == laid


@given(scene=strategies.scenes())
@settings(max_examples=150)
def test_cells_that_a_claim_leaves_alone_are_not_counted_again(scene):
    guest, host = request_spec.read_guest(scene.spec), host_of(scene)
    fit_request = fit.FitRequest(guest)
    providers = [r.rp_uuids for r in guest.devices]
    placement = fit.Evaluation(fit_request, host).verdict(providers).outcome
    if placement is None:
        return
    left = fit.apply_claim(guest, host, placement)
    plain = HostHeadroom(fit_request, host, smooth=False)
    assert plain.now == headroom(fit_request, host) * FRACTIONS
    assert plain.after(left) == headroom(fit_request, left) * FRACTIONS
    smooth = HostHeadroom(fit_request, host, smooth=True)
    counted_again = HostHeadroom(fit_request, left, smooth=True)
    assert smooth.after(left) == counted_again.now


@given(scenes=st.lists(strategies.scenes(), min_size=1, max_size=4))
@settings(max_examples=examples(600))
def test_hosts_share_what_is_known_of_others(scenes):
    """By few numbers, which have to tell apart all that differs."""
    requests = tuple(
        fit.FitRequest(request_spec.read_guest(scene.spec)) for scene in scenes
    )
    for smooth in (False, True):
        shapes = Shapes(requests, smooth)
        known = {}
        for scene in scenes:
            host = host_of(scene)
            shared = SharedHeadrooms(shapes, host, known)
            alone = HostHeadrooms(shapes, host)
            assert shared.after(host) == alone.after(host) == alone.now
            for fit_request in requests:
                placement = (
                    fit.Evaluation(fit_request, host)
                    .verdict(fit_request.no_providers)
                    .outcome
                )
                if placement is None:
                    continue
                left = fit.apply_claim(fit_request.guest, host, placement)
                assert shared.after(left) == tuple(
                    HostHeadroom(each, left, smooth=smooth).now
                    for each in requests
                )


@given(scene=strategies.scenes())
@settings(max_examples=150)
def test_smoothed_headroom_is_less_but_none_only_where_there_is_none(scene):
    guest, host = request_spec.read_guest(scene.spec), host_of(scene)
    fit_request = fit.FitRequest(guest)
    plain = headroom(fit_request, host)
    smooth = HostHeadroom(fit_request, host, smooth=True).now
    assert bool(smooth) == bool(plain)
    assert smooth <= (plain + 1) * FRACTIONS


def headroom_of(cpus, gigabytes):
    """The smoothed headroom of a NUMA node for one CPU and 1 GiB."""
    node = Cell(
        0,
        32768,
        dedicated_cpus=frozenset(range(16)),
        pinned_cpus=frozenset(range(cpus, 16)),
        pages=(PagePool(1048576, 16, used=16 - gigabytes),),
    )
    cell = GuestCell(
        0,
        1024,
        dedicated=frozenset({0}),
        page_size=1048576,
        cpu_policy='dedicated',
    )
    request = fit.FitRequest(Guest((cell,)))
    return HostHeadroom(request, Host('host', (node,)), smooth=True).now


def test_what_is_not_the_scarcest_counts_too():
    """Else taking it costs nothing until it is the scarcest."""
    assert headroom_of(8, 16) > headroom_of(8, 12) > headroom_of(8, 9)
    assert headroom_of(8, 16) > headroom_of(7, 16)
    # The scarcest counts most.
    assert headroom_of(7, 16) < headroom_of(8, 12)


def test_equal_limits_count_a_little_less_than_one_alone():
    assert smoothed([8]) == 8
    assert smoothed([8, 8]) == pytest.approx(8 / 2**0.25)
    assert smoothed([1, 2]) == pytest.approx(0.985, abs=0.001)
    assert smoothed([0, 8]) == 0
