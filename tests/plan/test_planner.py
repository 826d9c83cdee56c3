"""Plans on random clouds, against claims one by one and exhaustive search."""

import itertools

import pytest

from nfv_sched.plan import planner
from nfv_sched.plan.planner import SearchLimits
from nfv_sched.plan.projected_host import GroupRule
from nfv_sched.plan.values import Method
from nfv_sched_testing import planned_clouds as clouds


def replay(cloud, plan, classes, new=None):
    """Make the steps by hand: each claim has to succeed and land as said."""
    ledger = cloud.ledger.branch()
    projected_hosts = {
        name: each.branch(ledger)
        for name, each in cloud.projected_hosts.items()
    }
    at = {
        each.uuid: (name, each)
        for name, residents in cloud.residents.items()
        for each in residents
    }
    changed = {}
    waits_for = {}
    for step in plan.steps:
        earlier = set(step.after).union(
            *(waits_for[number] for number in step.after)
        )
        # What it waits for, and nothing twice.
        assert earlier >= changed.get(step.destination, set())
        for number in step.after:
            assert not any(number in waits_for[each] for each in step.after)
        waits_for[step.number] = earlier
        for host in filter(None, (step.source, step.destination)):
            changed.setdefault(host, set()).add(step.number)
        if step.method is Method.BOOT:
            asked, resident = new, None
        else:
            name, resident = at[step.instance]
            asked = resident.asks
            assert name == step.source
        target = projected_hosts[step.destination]
        claimed = target.attempt(asked)
        assert not isinstance(claimed, str), (step, claimed)
        predicted = target.arrive(asked, claimed)
        assert predicted == step.predicted
        if resident is not None and step.method is not Method.EVACUATION:
            projected_hosts[step.source].leave(resident)
        if resident is not None:
            at[step.instance] = (
                step.destination,
                clouds.Resident(
                    resident.uuid,
                    resident.name,
                    resident.flavor,
                    resident.memory_mib,
                    clouds.held_after(asked.fit_request, claimed),
                    asked,
                    group=resident.group,
                ),
            )
    return projected_hosts


def most_that_fit(cloud, lost):
    """Exhaustive: the most instances of some hosts that fit on the others."""
    going = [each for name in lost for each in cloud.residents[name]]
    names = [name for name in cloud.projected_hosts if name not in lost]
    best = 0
    for order in {
        tuple(each.asks for each in chosen)
        for chosen in itertools.permutations(going)
    }:
        frontier = [(dict.fromkeys(names, ()), 0)]
        seen = set()
        while frontier:
            placed, done = frontier.pop()
            count = sum(map(len, placed.values()))
            best = max(best, count)
            if done == len(order) or count + len(order) - done <= best:
                continue
            frontier.append((placed, done + 1))
            for name in names:
                target = cloud.projected_hosts[name].branch()
                for asked in (*placed[name], order[done]):
                    claimed = target.attempt(asked)
                    if isinstance(claimed, str):
                        break
                    target.arrive(asked, claimed)
                else:
                    after = {**placed, name: (*placed[name], order[done])}
                    key = (
                        done,
                        tuple(
                            (host, tuple(map(id, asked)))
                            for host, asked in after.items()
                        ),
                    )
                    if key not in seen:
                        seen.add(key)
                        frontier.append((after, done + 1))
        if best == len(order):
            return best
    return best


@pytest.mark.parametrize('seed', range(12))
def test_as_many_find_a_host_as_exhaustive_search_places(seed):
    cloud, classes = clouds.random_cloud(seed, hosts=3, fill=0.6)
    going = len(cloud.residents['host0'])
    plan = planner.relocate(cloud, ['host0'])
    replay(cloud, plan, classes)
    most = most_that_fit(cloud, ['host0'])
    assert len(plan.steps) == most == plan.at_most
    assert len(plan.unplaced) == going - most


@pytest.mark.parametrize('seed', range(12))
def test_every_step_of_a_drain_that_moves_others_is_a_claim(seed):
    cloud, classes = clouds.random_cloud(seed, hosts=5, fill=0.75)
    plan = planner.relocate(
        cloud, ['host0'], search_limits=SearchLimits(most_leaving=2)
    )
    assert 'host0' not in {step.destination for step in plan.steps}
    after = replay(cloud, plan, classes)
    if plan.is_complete:
        assert not any(cell.pinned_cpus for cell in after['host0'].host.cells)


@pytest.mark.parametrize('seed', range(8))
def test_room_is_made_for_more(seed):
    cloud, _ = clouds.random_cloud(seed, hosts=5, fill=0.7)
    new = clouds.request_class(
        'large',
        clouds.request(cells=2, cpus=4, pages=2),
        cloud.projected_hosts,
    )
    plan = planner.make_room(cloud, new, 2)
    replay(cloud, plan, None, new)
    boots = [each for each in plan.steps if each.method is Method.BOOT]
    assert len(boots) + len(plan.unplaced) == 2


def fewest_that_leave(cloud, new, most):
    """Exhaustive: the fewest of one host that make room; None if none do."""
    for count in range(most + 1):
        for host, residents in cloud.residents.items():
            for leaving in itertools.combinations(residents, count):
                others = [name for name in cloud.residents if name != host]
                for targets in itertools.product(others, repeat=count):
                    if fits_after(cloud, new, host, leaving, targets):
                        return count
    return None


def fits_after(cloud, new, host, leaving, targets):
    """Whether an instance fits a host once others went to their targets."""
    hosts = {
        name: each.branch() for name, each in cloud.projected_hosts.items()
    }
    for resident, target in zip(leaving, targets, strict=True):
        claimed = hosts[target].attempt(resident.asks)
        if isinstance(claimed, str):
            return False
        hosts[target].arrive(resident.asks, claimed)
        hosts[host].leave(resident)
    return not isinstance(hosts[host].attempt(new), str)


@pytest.mark.parametrize('seed', range(16))
def test_room_for_one_is_made_by_as_few_as_exhaustive_search_finds(seed):
    cloud, _ = clouds.random_cloud(seed, hosts=3, fill=0.6)
    new = clouds.request_class(
        'new',
        clouds.request(
            cells=1 + seed % 2,
            cpus=8,
            pages=2,
            thread_policy=(None, 'require')[seed // 2 % 2],
        ),
        cloud.projected_hosts,
    )
    fewest = fewest_that_leave(cloud, new, 2)
    plan = planner.make_room(cloud, new, 1)
    replay(cloud, plan, None, new)
    if fewest is None:
        assert not plan.is_complete
        assert plan.at_most == 0
    else:
        assert [step.method for step in plan.steps] == [
            *[Method.LIVE] * fewest,
            Method.BOOT,
        ]


def test_where_no_other_host_takes_any_instance_none_is_tried():
    """No time is needed to prove that there is no room."""
    cloud, _ = clouds.random_cloud(0, hosts=3, fill=0)
    names = list(cloud.projected_hosts)
    small, large = (
        clouds.request_class(f'{cpus}', clouds.request(cpus=cpus), names)
        for cpus in (4, 8)
    )
    for name, host in cloud.projected_hosts.items():
        cloud.residents[name].extend(
            clouds.boot(host, small, f'{name}-{number}') for number in range(4)
        )
    plan = planner.make_room(
        cloud, large, 1, search_limits=SearchLimits(2, 0.001)
    )
    assert not plan.steps
    assert plan.at_most == 0


def test_fewest_instances_move():
    """One of two hosts is full of small ones, the other of large ones."""
    cloud, _ = clouds.random_cloud(0, hosts=3, fill=0)
    names = list(cloud.projected_hosts)
    small = clouds.request_class('small', clouds.request(cpus=2), names)
    large = clouds.request_class('large', clouds.request(cpus=6), names)
    for name, asked, count in (
        ('host0', small, 8),
        ('host1', large, 2),
        ('host2', small, 4),
    ):
        cloud.residents[name].extend(
            clouds.boot(cloud.projected_hosts[name], asked, f'{name}-{number}')
            for number in range(count)
        )
    new = clouds.request_class('new', clouds.request(cpus=8), names)
    plan = planner.make_room(cloud, new, 1)
    assert plan.is_complete
    # Two of host2 leave one of its nodes; no node has room for a large one.
    assert [(step.method, step.source) for step in plan.steps] == [
        (Method.LIVE, 'host2'),
        (Method.LIVE, 'host2'),
        (Method.BOOT, None),
    ]
    replay(cloud, plan, None, new)


def test_a_rule_of_a_group_holds_while_instances_move():
    cloud, _ = clouds.random_cloud(0, hosts=3, fill=0)
    names = list(cloud.projected_hosts)
    apart = clouds.request_class(
        'apart', clouds.request(), names, group=GroupRule('group', 1)
    )
    for name in ('host0', 'host1'):
        cloud.residents[name].append(
            clouds.boot(cloud.projected_hosts[name], apart, name)
        )
    plan = planner.relocate(cloud, ['host0'])
    assert [step.destination for step in plan.steps] == ['host2']
    plan = planner.relocate(cloud, ['host0', 'host2'])
    assert [each.why for each in plan.unplaced] == [
        'no host has room: most are short of server group'
    ]


@pytest.mark.parametrize('seed', range(10))
def test_a_loss_is_prepared_by_moves_that_are_made_before_it(seed):
    shapes = [clouds.request(*each) for each in ((1, 2), (1, 3), (2, 4, 2))]
    cloud, classes = clouds.random_cloud(seed, 5, 0.8, shapes)
    going = {each.uuid for each in cloud.residents['host0']}
    plan = planner.prepare(cloud, ['host0'])
    assert not {step.instance for step in plan.steps} & going
    assert 'host0' not in {step.destination for step in plan.steps}
    without = planner.relocate(cloud, ['host0'], lost=True)
    assert plan.lost_without == without.unplaced
    after = moved(cloud, plan, classes)
    loss = planner.relocate(after, ['host0'], lost=True)
    assert len(loss.unplaced) == len(plan.unplaced)
    if plan.steps:
        assert len(plan.unplaced) < len(without.unplaced)
    if plan.at_most is not None:
        assert len(going) - len(plan.unplaced) <= plan.at_most


def moved(cloud, plan, classes):
    """The cloud after the steps, which have to succeed."""
    projected_hosts = replay(cloud, plan, classes)
    ledger = projected_hosts['host0'].ledger
    at = {step.instance: step.destination for step in plan.steps}
    residents = {name: [] for name in cloud.residents}
    for name, there in cloud.residents.items():
        for each in there:
            residents[at.get(each.uuid, name)].append(each)
    return planner.PlannedCloud(projected_hosts, residents, ledger)


def test_a_loss_that_only_moves_prepare():
    """The room of the lost instance is split over two hosts."""
    cloud, _ = clouds.random_cloud(0, hosts=3, fill=0)
    names = list(cloud.projected_hosts)
    small = clouds.request_class('small', clouds.request(cpus=4), names)
    large = clouds.request_class('large', clouds.request(2, 6), names)
    for name, asked, count in (
        ('host0', large, 1),
        ('host1', small, 2),
        ('host2', small, 2),
    ):
        cloud.residents[name].extend(
            clouds.boot(cloud.projected_hosts[name], asked, f'{name}-{number}')
            for number in range(count)
        )
    plan = planner.prepare(cloud, ['host0'])
    assert [each.name for each in plan.lost_without] == ['host0-0']
    assert plan.is_complete
    assert plan.at_most == 1
    # There is one on each NUMA node.
    assert [step.method for step in plan.steps] == [Method.LIVE] * 2
    assert len({step.source for step in plan.steps}) == 1
    replay(cloud, plan, None)
