"""Plans of a simulated cloud, carried out by Nova's own claims.

A claim takes what the step says, or the test fails.
"""

import random

import pytest

from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.plan import planner
from nfv_sched.plan.planner import SearchLimits
from nfv_sched.plan.reading import CloudReading
from nfv_sched.plan.values import Method
from nfv_sched.sim import boot_request
from nfv_sched.sim import machine
from nfv_sched.sim import moves
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched.survey import nova as nova_survey
from nfv_sched_testing import budgets
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

MACHINES = [
    """
about: two nodes of eight CPUs, VFs on both
smt: {threads: 2, stride: 8}
dedicated: "0-15"
disk_gib: 200
cells:
- {id: 0, cpus: "0-3,8-11", memory_mib: 12288, socket: 0, pages: {1G: 8}}
- {id: 1, cpus: "4-7,12-15", memory_mib: 12288, socket: 1, pages: {1G: 8}}
nics:
- {address: '0000:41:00.0', cell: 0, ids: '8086:1572', vfs: 4,
   vf_ids: '8086:154c', physnet: physnet0}
- {address: '0000:81:00.0', cell: 1, ids: '8086:1572', vfs: 4,
   vf_ids: '8086:154c', physnet: physnet1}
""",
    """
about: one node of twelve CPUs
smt: {threads: 1, stride: 1}
dedicated: "0-11"
disk_gib: 200
cells:
- {id: 0, cpus: "0-11", memory_mib: 16384, socket: 0, pages: {1G: 12}}
nics:
- {address: '0000:41:00.0', cell: 0, ids: '8086:1572', vfs: 4,
   vf_ids: '8086:154c', physnet: physnet0}
""",
]


def random_flavor(dice, number):
    nodes = dice.choice((1, 1, 2))
    specs = {
        'hw:cpu_policy': 'dedicated',
        'hw:mem_page_size': '1GB',
        'hw:numa_nodes': str(nodes),
    }
    if dice.random() < 0.3:
        specs['hw:cpu_thread_policy'] = 'isolate'
    if dice.random() < 0.2:
        specs = {}
    return SimulatedFlavor(
        f'flavor{number}',
        nodes * dice.choice((1, 2, 3)),
        nodes * 1024 * dice.randint(1, 2),
        1,
        specs,
    )


def fill(cloud, dice, part):
    """Boot instances until a part of the boots has failed."""
    flavors = [random_flavor(dice, number) for number in range(4)]
    groups = [cloud.add_group('apart', 'anti-affinity', 2)]
    guests, failed = [], 0
    for number in range(200):
        values = {}
        if dice.random() < 0.4:
            values['ports'] = [
                boot_request.Port(dice.choice(('physnet0', 'physnet1')))
            ]
        if dice.random() < 0.2:
            values['group'] = groups[0]
        flavor = dice.choice(flavors)
        [guest] = cloud.boot(flavor, name=f'vnf{number}', **values)
        if not guest.booted:
            failed += 1
            if failed > 3:
                break
            continue
        cloud.request_spec(flavor, uuids=[guest.uuid], **values).create()
        guests.append(guest)
    dice.shuffle(guests)
    kept = round(len(guests) * part)
    for guest in guests[kept:]:
        cloud.delete(guest)
    return guests[:kept]


def cores(compute, node, cpus):
    """How many CPUs of each core.

    Which thread of a core that is free Nova takes first depends on the order
    of a set, which changes as nova-compute stores and reads it.
    """
    [cell] = [each for each in compute.topology.cells if each.id == node]
    return sorted(
        (min(core), len(core & set(cpus)))
        for core in cell.siblings or [{cpu} for cpu in cell.pcpuset]
        if core & set(cpus)
    )


def landed(guest, compute):
    """The NUMA nodes that an instance has, and its CPUs by core."""
    topology = guest.instance.numa_topology
    return [
        (
            cell.id,
            cores(
                compute,
                cell.id,
                {*(cell.cpu_pinning or {}).values()}
                | set(cell.cpuset_reserved or ()),
            ),
        )
        for cell in (topology.cells if topology else ())
    ]


@pytest.mark.parametrize('seed', range(100 if budgets.ALL else 3))
def test_every_claim_of_a_drain_succeeds_as_the_plan_says(seed):
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    options = settings.profile_options(settings.NFV)
    with (
        simulated_cloud(settings.NFV, options=options) as cloud,
        settings.override(options),
    ):
        for number in range(dice.randint(3, 5)):
            cloud.add_host(
                f'host{number}',
                machine.parse('host', dice.choice(MACHINES)),
            )
        guests = {
            each.uuid: each
            for each in fill(cloud, dice, dice.uniform(0.6, 0.9))
        }
        scheduler = DryRunScheduler(
            Pipeline(), PlacementClient(cloud.placement)
        )
        reading = CloudReading(
            scheduler, nova_survey.read(), methods=[Method.COLD]
        )
        model, _ = reading.cloud()
        assert not reading.problems
        plan = planner.relocate(
            model, ['host0'], search_limits=SearchLimits(most_leaving=2)
        )
        for step in plan.steps:
            guest = guests[step.instance]
            assert guest.host == step.source
            moved = moves.migrate(cloud, guest, step.destination)
            guests[step.instance] = moved
            compute = cloud.computes[step.destination]
            assert landed(moved, compute) == [
                (node.node, cores(compute, node.node, node.cpus))
                for node in step.predicted.nodes
            ]
            assert sum(each.count for each in step.predicted.devices) == len(
                compute.devices_of(step.instance)
            )
        left = {each.instance for each in plan.unplaced}
        assert {
            uuid for uuid, each in guests.items() if each.host == 'host0'
        } == left
