"""No more guests move than must."""

from nfv_sched import fit
from nfv_sched.explain import moves
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.placement.candidate_request import CandidateRequest
from nfv_sched.placement.candidate_request import RequestGroup
from nfv_sched.placement.provider_tree import HostTree
from nfv_sched.placement.provider_tree import ProviderState
from nfv_sched.placement.tree import Inventory
from nfv_sched_testing.builders import GIB
from nfv_sched_testing.builders import host_cell
from nfv_sched_testing.builders import host_of
from nfv_sched_testing.builders import scene
from nfv_sched_testing.residents import resident
from nfv_sched_testing.residents import survey


def crowd(*memories):
    """A host of one cell with 8 pages and guests of so many GiB."""
    [cell] = [host_cell(0, cores=16, pages={GIB: 8}, memory=16384)]
    host = host_of(scene([cell], [])).plain()
    residents = []
    for number, memory in enumerate(memories):
        guest = asking(memory, cpus=1)
        placement = fit.evaluate(guest, host).outcome
        residents.append(resident(f'g{number}', guest, placement))
        host = fit.apply_claim(guest, host, placement)
    return survey(residents), host


def asking(gib, cpus=1):
    cell = GuestCell(
        0,
        gib * 1024,
        dedicated=frozenset(range(cpus)),
        page_size=GIB,
        cpu_policy='dedicated',
    )
    return Guest(cells=(cell,))


def fewest(gib, *memories, room=None):
    guests, host = crowd(*memories)
    fit_request = fit.FitRequest(asking(gib))
    move = next(moves.possible_moves(fit_request, guests, host, room), None)
    return move and [guest.uuid for guest in move.guests]


def test_the_smallest_guest_that_makes_room_moves():
    # 7 of 8 are taken; 4 are wanted.
    assert fewest(4, 3, 4) == ['g0']
    # One is better than two that hold less.
    assert fewest(4, 1, 2, 4) == ['g2']
    assert fewest(5, 1, 2, 4) == ['g2']
    assert fewest(7, 1, 2, 4) == ['g1', 'g2']


def test_no_more_than_a_few_move():
    assert fewest(8, 2, 2, 2) == ['g0', 'g1', 'g2']
    assert fewest(8, 1, 1, 1, 1) is None
    assert fewest(9, 1) is None


def room_of(amount, **used):
    """A card with 60 of a class, and what instances hold of it."""
    card = ProviderState(
        'card', 'root', {'VGPU': Inventory(60)}, {'VGPU': sum(used.values())}
    )
    return moves.PlacementRoom(
        HostTree('root', {'root': ProviderState('root'), 'card': card}),
        CandidateRequest((RequestGroup('', {'VGPU': amount}),)),
        {name: {'card': {'VGPU': held}} for name, held in used.items()},
    )


def test_placement_has_to_get_back_what_it_lacks():
    # Of the two that leave enough memory, one has enough of the card.
    assert fewest(4, 3, 4, room=room_of(20, g0=5, g1=50)) == ['g1']
    assert fewest(4, 3, 4, room=room_of(60, g0=5, g1=50)) == ['g0', 'g1']
    assert fewest(4, 3, 4, room=room_of(61, g0=5, g1=50)) is None


def test_tries_are_bounded(monkeypatch):
    monkeypatch.setattr(moves, 'MAX_TRIES', 1)
    assert fewest(4, 3, 4) == ['g0']
    assert fewest(5, 3, 4) is None
