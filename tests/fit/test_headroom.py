"""Room by counting against repeated claims."""

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from nfv_sched import fit
from nfv_sched.fit.headroom import guests_together
from nfv_sched.fit.headroom import headroom
from nfv_sched.fit.headroom import HostHeadroom
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
    assert guests_together(rooms, wanted) == laid


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
    headroom_of_host = HostHeadroom(fit_request, host)
    assert headroom_of_host.now == headroom(fit_request, host)
    assert headroom_of_host.after(left) == headroom(fit_request, left)
