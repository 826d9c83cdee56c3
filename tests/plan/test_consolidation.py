"""Emptying hosts, against exhaustive search on small clouds."""

import dataclasses
import itertools
import sys

import pytest

from nfv_sched.plan.consolidation import consolidate
from nfv_sched_testing import planned_clouds as clouds
from tests.plan.test_planner import replay


def most_emptied(cloud, moves=None):
    """Exhaustive: the hosts that can be emptied, less those that fill up."""
    inhabited = [name for name, there in cloud.residents.items() if there]
    empty = [name for name, there in cloud.residents.items() if not there]
    best = 0
    for count in range(1, len(inhabited) + 1):
        for given in itertools.combinations(inhabited, count):
            leaving = [
                each for name in given for each in cloud.residents[name]
            ]
            if moves is not None and len(leaving) > moves:
                continue
            for used in range(len(empty) + 1):
                if count - used > best and any(
                    takes(cloud, leaving, {*inhabited, *more} - {*given})
                    for more in itertools.combinations(empty, used)
                ):
                    best = count - used
    return best


def takes(cloud, leaving, targets):
    """Whether hosts take all instances, one after another."""
    if not leaving:
        return True
    asked = leaving[0].asks
    for name in targets:
        host = cloud.projected_hosts[name]
        claimed = host.attempt(asked)
        if isinstance(claimed, str):
            continue
        after = host.branch()
        after.arrive(asked, claimed)
        hosts = {**cloud.projected_hosts, name: after}
        other = dataclasses.replace(cloud, projected_hosts=hosts)
        if takes(other, leaving[1:], targets):
            return True
    return False


@pytest.mark.parametrize('seed', range(12))
def test_no_more_hosts_can_be_emptied(seed):
    cloud, classes = clouds.random_cloud(seed, hosts=4, fill=0.3)
    if seed % 3 == 0:
        # One is empty already.
        for resident in cloud.residents['host1']:
            cloud.projected_hosts['host1'].leave(resident)
        cloud.residents['host1'] = []
    moves = None if seed % 2 else 2
    plan = consolidate(cloud, moves)
    best = most_emptied(cloud, moves)
    released = plan.released
    filled = {
        step.destination
        for step in plan.steps
        if not cloud.residents[step.destination]
    }
    assert len(released.hosts) - len(filled) == best
    assert released.at_most == best
    assert released.of == 4
    leaving = [
        each.uuid for name in released.hosts for each in cloud.residents[name]
    ]
    assert sorted(step.instance for step in plan.steps) == sorted(leaving)
    assert not {step.destination for step in plan.steps} & {*released.hosts}
    replay(cloud, plan, classes)


def test_some_seeds_empty_hosts_and_some_cannot():
    found = {
        most_emptied(clouds.random_cloud(seed, hosts=4, fill=0.3)[0])
        for seed in range(12)
    }
    assert len(found) > 1
    full, _ = clouds.random_cloud(1, hosts=3, fill=0.95)
    plan = consolidate(full)
    assert (plan.steps, plan.released.hosts) == ((), ())


def test_a_host_with_an_instance_that_cannot_move_stays():
    cloud, _ = clouds.random_cloud(3, hosts=4, fill=0.3)
    for name, there in cloud.residents.items():
        cloud.residents[name] = [
            dataclasses.replace(each, asks=None, stays='it is busy')
            for each in there[:1]
        ] + there[1:]
    plan = consolidate(cloud)
    assert (plan.steps, plan.released.hosts) == ((), ())
    assert plan.released.at_most == 0


def test_many_instances_leave_few_hosts():
    """Also where hosts have too many combinations for all to be found."""
    cloud, classes = clouds.random_cloud(
        5,
        hosts=12,
        fill=0.3,
        shapes=[clouds.request(1, cpus, 1) for cpus in (1, 2, 3, 4)],
        host_of=lambda name: clouds.host(name, cores=16, pages=32),
    )
    plan = consolidate(cloud)
    # A third of all CPUs is in use: on less than half of the hosts.
    assert len(plan.released.hosts) >= 7
    replay(cloud, plan, classes)


def test_late_hosts_are_not_asked_what_they_take():
    cloud, _ = clouds.random_cloud(5, hosts=12, fill=0.3)
    assert consolidate(cloud).steps
    # No time at all: none takes anything.
    assert consolidate(cloud, seconds=0.0).steps == ()


def test_without_solver_a_note_says_so(monkeypatch):
    cloud, _ = clouds.random_cloud(3, hosts=4, fill=0.3)
    assert consolidate(cloud).steps
    monkeypatch.setitem(sys.modules, 'scipy', None)
    plan = consolidate(cloud)
    assert (plan.steps, plan.released.hosts) == ((), ())
    [note] = plan.notes
    assert note.endswith('. Without it no moves are found.')
