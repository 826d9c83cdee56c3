"""Guests that leave give back what they took, and no more move than must."""

import dataclasses

from hypothesis import given
from hypothesis import settings

from nfv_sched import fit
from nfv_sched.explain import moves
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.nova import request_spec
from nfv_sched.placement.candidate_request import CandidateRequest
from nfv_sched.placement.candidate_request import RequestGroup
from nfv_sched.placement.provider_tree import HostTree
from nfv_sched.placement.provider_tree import ProviderState
from nfv_sched.placement.tree import Inventory
from nfv_sched.survey import HostSurvey
from nfv_sched.survey import InstanceCell
from nfv_sched.survey import SurveyedDevice
from nfv_sched.survey import SurveyedInstance
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.builders import GIB
from nfv_sched_testing.builders import host_cell
from nfv_sched_testing.builders import host_of
from nfv_sched_testing.builders import scene


def resident(name, guest, placement):
    return SurveyedInstance(
        name,
        name,
        'flavor',
        tuple(
            InstanceCell(
                at.guest_cell,
                at.host_cell,
                guest.cells[at.guest_cell].memory_mib,
                at.pinning,
                at.reserved,
                len(guest.cells[at.guest_cell].shared),
                at.page_size_kib,
            )
            for at in placement.cells
        ),
    )


def devices(host, placement, owner):
    return tuple(
        SurveyedDevice(
            f'{taken.pool}-{number}',
            host.pools[taken.pool].vendor_id,
            host.pools[taken.pool].product_id,
            host.pools[taken.pool].dev_type,
            host.pools[taken.pool].numa_node,
            host.pools[taken.pool].address,
            guest=owner,
            free=False,
        )
        for taken in placement.devices
        for number in range(taken.count)
    )


def survey(residents, held=()):
    return HostSurvey(
        'host', HostTopology('host', 'uuid'), None, tuple(residents), held
    )


def counts(host):
    return {
        (p.vendor_id, p.product_id, p.dev_type, p.numa_node, p.address): (
            p.count
        )
        for p in host.pools
    }


@given(scene=strategies.scenes())
@settings(max_examples=examples(300))
def test_a_guest_that_leaves_undoes_its_claim(scene):
    guest, before = request_spec.read_guest(scene.spec), host_of(scene).plain()
    placement = fit.evaluate(guest, before).outcome
    if placement is None:
        return
    after = fit.apply_claim(guest, before, placement)
    staying = resident('guest', guest, placement)
    held = devices(before, placement, 'guest')
    again = moves.host_without(survey([staying], held), after, [staying])
    for old, new in zip(before.cells, again.cells, strict=True):
        assert new.memory_used_mib == old.memory_used_mib
        assert new.shared_used == old.shared_used
        assert list(new.pages) == list(old.pages)
        assert new.pinned_cpus <= old.pinned_cpus
    taken = sum(device.count for device in placement.devices)
    if sum(counts(before).values()) - sum(counts(after).values()) == taken:
        # No functions of the same cards went with them.
        assert counts(again) == counts(before)


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
    move = moves.fewest_moves(fit_request, guests, host, room)
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


def test_a_core_of_its_own_comes_back_whole():
    cell = host_cell(0, cores=2, threads=2, pinned=(0, 1))
    host = host_of(scene([cell], [])).plain()
    alone = SurveyedInstance(
        'g', 'g', 'f', (InstanceCell(0, 0, 64, ((0, 0),)),)
    )
    again = moves.host_without(survey([alone]), host, [alone])
    assert again.cells[0].pinned_cpus == frozenset()
    other = SurveyedInstance(
        'h', 'h', 'f', (InstanceCell(0, 0, 64, ((0, 1),)),)
    )
    again = moves.host_without(survey([alone, other]), host, [alone])
    assert again.cells[0].pinned_cpus == {1}


def test_the_last_device_of_a_pool_comes_back_with_its_network():
    [cell] = [host_cell(0, cores=1)]
    host = host_of(scene([cell], [])).plain()
    gone = SurveyedDevice(
        '0000:05:02.0',
        '8086',
        '154c',
        'type-VF',
        0,
        '0000:05:00.0',
        'physnet1',
        'g',
        free=False,
    )
    guest = SurveyedInstance('g', 'g', 'f', ())
    again = moves.host_without(survey([guest], (gone,)), host, [guest])
    assert isinstance(again, Host)
    [pool] = again.pools
    assert (pool.count, pool.address) == (1, '0000:05:00.0')
    assert pool.get('physical_network') == 'physnet1'
    two = dataclasses.replace(gone, address='0000:05:02.1')
    again = moves.host_without(survey([guest], (gone, two)), host, [guest])
    assert [pool.count for pool in again.pools] == [2]
