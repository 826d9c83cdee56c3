"""Counts without Nova's databases bound those with them."""

import dataclasses
import random

import pytest

from nfv_sched.capacity import CapacityCounter
from nfv_sched.capacity import from_trees
from nfv_sched.dryrun.candidates import PlacementCandidates
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.model import CellTopology
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import HostTopology
from nfv_sched.model import HostUsage
from nfv_sched.model import PageCapacity
from nfv_sched.nova import request_spec
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.nova.scheduler_pipeline import placement_query_of
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.publisher import publish
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.survey import placement as placement_survey
from nfv_sched.survey.values import HostSurvey
from nfv_sched.survey.values import SurveyedInstance
from nfv_sched_testing import capacity_trials
from nfv_sched_testing.budgets import ALL
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

PINNED = {'hw:cpu_policy': 'dedicated', 'hw:numa_nodes': '1'}
# Of the few some have counts that are not exact.
SEEDS = range(1, 61) if ALL else (1, 5, 6)


def exact(cloud, flavor):
    scheduler = DryRunScheduler(Pipeline(), PlacementClient(cloud.placement))
    capacity = CapacityCounter(scheduler).count(cloud.request_spec(flavor))
    return {count.host: count.guests for count in capacity.hosts}


def bounds(cloud, flavor, change=lambda host: host):
    spec = cloud.request_spec(flavor)
    client = PlacementClient(cloud.placement)
    hosts = [change(each) for each in placement_survey.read(client).hosts]
    counts = from_trees.count_on_trees(
        request_spec.read_guest(spec),
        PlacementCandidates(client, placement_query_of(spec)),
        hosts,
    )
    return {count.host: count for count in counts}


@pytest.fixture(scope='module')
def seen():
    """Of how many counts bounds were equal, and of how many not."""
    return {True: 0, False: 0}


@pytest.mark.parametrize('seed', SEEDS)
def test_what_fits_is_between_the_counts(seed, seen):
    dice = random.Random(seed)  # noqa: S311
    options = settings.profile_options(settings.NFV)
    with simulated_cloud(settings.NFV, options=options) as cloud:
        for number in range(2):
            cloud.add_host(f'h{number}', capacity_trials.host(dice))
        for _ in range(dice.randint(0, 5)):
            cloud.boot(capacity_trials.flavor(dice))
        publish(PlacementClient(cloud.placement), cloud.topologies())
        with settings.override(options):
            for _ in range(4):
                flavor = capacity_trials.flavor(dice)
                found = bounds(cloud, flavor)
                for host, count in exact(cloud, flavor).items():
                    bound = found[host]
                    assert bound.at_least <= count <= bound.at_most, (
                        flavor,
                        bound,
                        count,
                    )
                    seen[bound.exact] += 1
                    policy = flavor.extra_specs.get('hw:cpu_thread_policy')
                    if policy != 'require':
                        # Only the number of CPUs matters.
                        assert bound.exact, (flavor, bound)


def test_most_counts_are_exact(seen):
    assert seen[True] > 4 * seen[False] > 0


@pytest.fixture(scope='module')
def cloud():
    dice = random.Random(5)  # noqa: S311
    options = settings.profile_options(settings.NFV)
    with simulated_cloud(settings.NFV, options=options) as running:
        for number in range(2):
            running.add_host(f'h{number}', capacity_trials.host(dice))
        publish(PlacementClient(running.placement), running.topologies())
        with settings.override(options):
            yield running


FLAVOR = SimulatedFlavor('small', 2, 512, 1, PINNED)


def test_a_host_that_is_not_usable_takes_none(cloud):
    whole = bounds(cloud, FLAVOR)
    found = bounds(
        cloud,
        FLAVOR,
        lambda host: dataclasses.replace(
            host, enabled=host.topology.name != 'h0'
        ),
    )
    assert whole['h0'].at_least > 0
    assert found['h1'] == whole['h1']
    assert (found['h0'].at_most, found['h0'].short) == (0, 'nova-compute')


def test_with_a_migration_no_number_is_sure(cloud):
    moving = SurveyedInstance('a', 'a', '', changing=True)
    whole = bounds(cloud, FLAVOR)
    found = bounds(
        cloud,
        FLAVOR,
        lambda host: dataclasses.replace(host, migrating={'m': moving}),
    )
    for name, count in found.items():
        assert (count.at_least, count.at_most) == (0, whole[name].at_most)


def test_what_was_published_and_is_gone_counts_for_the_most_only(cloud):
    """An instance may have gone, or its image may isolate its CPUs."""

    def change(host):
        node = host.topology.cells[0].id
        before = HostUsage(dedicated_cpus={node: 4})
        return dataclasses.replace(host, published_usage=before)

    whole = bounds(cloud, FLAVOR)
    for name, count in bounds(cloud, FLAVOR, change).items():
        assert count.at_most == whole[name].at_most
        assert count.at_most - count.at_least == 2


class Enough:
    """Placement with enough of everything."""

    def __init__(self):
        held = {'PCPU': {'capacity': 99, 'used': 0}}
        self.summaries = {'u': {'resources': held}}

    def candidates(self, compute):
        allocated = {'u': {'resources': {'PCPU': 1}}}
        return [{'allocations': allocated, 'mappings': {}}]

    def blockers(self, compute):
        return (), True


def count_on(topology, guest):
    """The bounds of one host of which Placement has enough."""

    [count] = from_trees.count_on_trees(
        guest, Enough(), [HostSurvey('h', topology)]
    )
    return count.at_least, count.at_most


def guest(policy, cpus=2):
    return Guest(
        cells=(
            GuestCell(
                0,
                memory_mib=1,
                dedicated=frozenset(range(cpus)),
                cpu_policy='dedicated',
                thread_policy=policy,
            ),
        )
    )


@pytest.mark.parametrize(
    ('policy', 'used', 'dedicated', 'shared', 'expected'),
    [
        # Four cores of two threads. Two CPUs in use are one core or two.
        (None, 2, 8, 0, (3, 3)),
        ('prefer', 2, 8, 0, (3, 3)),
        ('require', 2, 8, 0, (2, 3)),
        # Refused where threads have siblings, see fit.cores.
        ('isolate', 2, 8, 0, (0, 0)),
        # Half of the threads are shared: perhaps one of each core.
        ('require', 0, 4, 4, (0, 2)),
        ('isolate', 0, 4, 4, (0, 2)),
        ('prefer', 0, 4, 4, (2, 2)),
    ],
)
def test_which_cpus_are_free_is_not_assumed(
    policy, used, dedicated, shared, expected
):
    node = CellTopology(
        0,
        memory_mib=100,
        dedicated_cpus=dedicated,
        shared_cpus=shared,
        cores=4,
        pages=(PageCapacity(4, 25600),),
    )
    usage = HostUsage(dedicated_cpus={0: used})
    topology = HostTopology('h', 'u', (node,), usage=usage)
    assert count_on(topology, guest(policy)) == expected
