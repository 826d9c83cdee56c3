"""No more instances leave a host than must, and each finds another one."""

import itertools

import pytest

from nfv_sched.plan import clearing
from nfv_sched.plan.clearing import HostClearing
from nfv_sched.plan.planner import PlacementLedger
from nfv_sched.plan.planner import PlannedCloud
from nfv_sched.plan.projected_host import GroupRule
from nfv_sched.plan.values import Method
from nfv_sched_testing import planned_clouds as clouds
from tests.plan.test_planner import replay


def crowd(*memories, others=(8, 8, 8), wanted=1, group=None):
    """A host of 8 pages with instances of so many GiB, and other hosts.

    :param others: the free pages of the other hosts
    :param wanted: the pages of what is asked for
    """
    pages = [8, *others]
    names = [f'host{number}' for number in range(len(pages))]
    ledger = PlacementLedger()
    hosts = {
        name: clouds.projected(
            clouds.host(name, cells=1, cores=16, pages=count), ledger
        )
        for name, count in zip(names, pages, strict=True)
    }
    classes = [
        clouds.request_class(
            f'{memory}', clouds.request(1, 1, memory), names, group=group
        )
        for memory in memories
    ]
    residents = {name: [] for name in names}
    residents['host0'] = [
        clouds.boot(hosts['host0'], asked, f'g{number}')
        for number, asked in enumerate(classes)
    ]
    new = clouds.request_class('new', clouds.request(1, 1, wanted), names)
    return PlannedCloud(hosts, residents, ledger), new


def fewest(wanted, *memories, **values):
    """Which leave, and where they go."""
    cloud, new = crowd(*memories, wanted=wanted, **values)
    plan = HostClearing(cloud, new).plan('host0')
    if plan is None:
        return None
    replay(cloud, plan, None, new)
    *moves, boot = plan.steps
    assert (boot.method, boot.destination) == (Method.BOOT, 'host0')
    assert {step.source for step in moves} == {'host0'}
    return {step.instance: step.destination for step in moves}


def test_the_smallest_instance_that_makes_room_moves():
    # 7 of 8 are taken; 4 are wanted.
    assert fewest(4, 3, 4) == {'g0': 'host1'}
    # One is better than two that hold less.
    assert fewest(4, 1, 2, 4) == {'g2': 'host1'}
    assert fewest(5, 1, 2, 4) == {'g2': 'host1'}
    assert set(fewest(7, 1, 2, 4)) == {'g1', 'g2'}


def test_no_more_than_a_few_move():
    assert set(fewest(8, 2, 2, 2)) == {'g0', 'g1', 'g2'}
    assert fewest(8, 1, 1, 1, 1) is None
    assert fewest(9, 1) is None


def test_all_find_another_host_together():
    # Two go to the same host only if it has room for both.
    assert fewest(8, 2, 2, others=(4,)) == {'g0': 'host1', 'g1': 'host1'}
    assert fewest(8, 2, 2, others=(3,)) is None
    assert fewest(8, 3, 2, others=(2, 3)) == {'g0': 'host2', 'g1': 'host1'}
    assert fewest(4, 3, 4, others=(2,)) is None
    # The smaller one has none: the larger one moves.
    assert fewest(4, 3, 4, others=(4,)) == {'g0': 'host1'}


def test_a_member_of_a_group_does_not_go_to_another():
    cloud, new = crowd(3, wanted=8, group=GroupRule('group', 1))
    cloud.projected_hosts['host1'].members['group'] = 1
    move, _ = HostClearing(cloud, new).plan('host0').steps
    assert (move.instance, move.destination) == ('g0', 'host2')


def test_placement_has_to_get_back_what_it_lacks():
    cloud, new = crowd(3, 4, wanted=4)
    # Of the two that leave enough memory, one has enough of the cards.
    free = cloud.ledger.free()
    card = ('host0', 'VGPU')
    cloud.ledger.add(card, 5)
    for resident, amount in zip(
        cloud.residents['host0'], (5, 50), strict=True
    ):
        resident.held.amounts[card] = amount
    [candidate] = new.candidates['host0']
    candidate['allocations']['host0']['resources']['VGPU'] = 20
    plan = HostClearing(cloud, new).plan('host0')
    assert [step.instance for step in plan.steps] == ['g1', None]
    assert free[card] == 5
    candidate['allocations']['host0']['resources']['VGPU'] = 60
    plan = HostClearing(cloud, new).plan('host0')
    assert [step.instance for step in plan.steps] == ['g0', 'g1', None]
    candidate['allocations']['host0']['resources']['VGPU'] = 61
    assert HostClearing(cloud, new).plan('host0') is None


def test_tries_are_bounded(monkeypatch):
    monkeypatch.setattr(clearing, 'MAX_TRIES', 1)
    assert fewest(4, 3, 4) == {'g0': 'host1'}
    assert fewest(5, 3, 4) is None


@pytest.mark.parametrize('seed', range(20))
def test_fewer_moves_from_the_host_are_not_enough(seed):
    """Exhaustive on small clouds."""
    cloud, classes = clouds.random_cloud(seed, hosts=4, fill=0.8)
    new = clouds.request_class(
        'new', clouds.request(2, 4, 3), cloud.projected_hosts
    )
    for host in cloud.projected_hosts:
        plan = HostClearing(cloud, new).plan(host)
        least = next(
            (
                count
                for count in range(1, 4)
                if any(
                    leaves(cloud, new, host, leaving)
                    for leaving in itertools.combinations(
                        cloud.residents[host], count
                    )
                )
            ),
            None,
        )
        if cloud.projected_hosts[host].attempt(new) == '':
            continue
        assert (plan and len(plan.steps) - 1) == least
        if plan:
            replay(cloud, plan, classes, new)


def leaves(cloud, new, host, leaving):
    """Whether an instance fits once others have left, which fit elsewhere."""
    others = [name for name in cloud.projected_hosts if name != host]
    for names in itertools.product(others, repeat=len(leaving)):
        hosts = {
            name: each.branch() for name, each in cloud.projected_hosts.items()
        }
        for resident, name in zip(leaving, names, strict=True):
            claimed = hosts[name].attempt(resident.asks)
            if isinstance(claimed, str):
                break
            hosts[name].arrive(resident.asks, claimed)
            hosts[host].leave(resident)
        else:
            if not isinstance(hosts[host].attempt(new), str):
                return True
    return False
