"""What a child provider has counts for reasons, capacity and suggestions."""

import pytest

from nfv_sched.capacity import CapacityCounter
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.explain.alternatives import Harm
from nfv_sched.explain.suggestions import suggest
from nfv_sched.nova import request_template
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import Unavailable
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.provider_trees import Amount
from nfv_sched_testing.provider_trees import create

HOST = """
about: eight CPUs on one node
dedicated: 0-7
cells:
- {id: 0, cpus: '0-7', memory_mib: 8192}
"""


@pytest.fixture
def cloud():
    """One host with two cards of three VGPUs each."""
    options = settings.profile_options(settings.NFV)
    with (
        simulated_cloud(settings.NFV, options=options) as running,
        settings.override(options),
    ):
        add_host(running, 'one')
        yield running


def add_host(cloud, name):
    cloud.add_host(name, machine.parse('cards', HOST))
    for number in range(2):
        create(
            PlacementClient(cloud.placement),
            f'{name}_card{number}',
            cloud.computes[name].node.uuid,
            VGPU=Amount(3),
        )


def flavor(vcpus=1, ram_mib=512, vgpus=1, **specs):
    return SimulatedFlavor(
        'gpu',
        vcpus,
        ram_mib,
        1,
        {
            'hw:cpu_policy': 'dedicated',
            'resources:VGPU': str(vgpus),
            **specs,
        },
    )


def dry_run(cloud, flavor):
    scheduler = DryRunScheduler(Pipeline(), PlacementClient(cloud.placement))
    template = request_template.of_stored(cloud.request_spec(flavor))
    return scheduler, scheduler.run(template.request()), template


def finding(cloud, flavor):
    _, run, _ = dry_run(cloud, flavor)
    [only] = run.explanation.findings
    return only


def changes(cloud, flavor):
    return {
        '; '.join(suggestion.commands): suggestion
        for suggestion in suggest(*dry_run(cloud, flavor))
    }


def test_free_vgpus_of_children_are_not_short(cloud):
    short = finding(cloud, flavor(ram_mib=9000))
    assert {blocker.condition for blocker in short.blockers} == {
        'MEMORY_MB',
        'memory',
    }
    assert short.all
    short = finding(cloud, flavor(vgpus=4))
    [blocker] = short.blockers
    assert (blocker.asked, blocker.available) == (4, 3)
    assert 'on one_card' in blocker.text
    assert '(6 on 2 providers)' in blocker.text
    assert short.all


def test_persistent_memory_is_counted(cloud):
    """Namespaces, which a flavor asks for by the names of their sizes."""
    name = 'CUSTOM_PMEM_NAMESPACE_6GB'
    client = PlacementClient(cloud.placement)
    client.put(f'/resource_classes/{name}', None)
    create(
        client,
        'one_pmem',
        cloud.computes['one'].node.uuid,
        **{name: Amount(2, 1)},
    )
    specs = {'hw:cpu_policy': 'dedicated'}
    wanted = SimulatedFlavor('pmem', 1, 512, 1, {**specs, 'hw:pmem': '6GB'})
    assert finding(cloud, wanted).fits
    specs['hw:pmem'] = '6GB,6GB'
    short = finding(cloud, SimulatedFlavor('pmem', 1, 512, 1, specs))
    [blocker] = short.blockers
    assert (blocker.condition, blocker.asked, blocker.available) == (
        name,
        2,
        1,
    )
    assert short.all


def moves_of(cloud, flavor):
    return [
        suggestion.host
        for suggestion in changes(cloud, flavor).values()
        if suggestion.harm is Harm.MOVE
    ]


def test_instances_that_leave_free_the_vgpus_of_children(cloud):
    guests = [cloud.boot(flavor(vgpus=3))[0] for _ in range(2)]
    assert all(guest.booted for guest in guests)
    for guest in guests:
        cloud.request_spec(flavor(vgpus=3), uuids=[guest.uuid]).create()
    assert finding(cloud, flavor()).first_blocker.condition == 'VGPU'
    # They fit nowhere else.
    assert moves_of(cloud, flavor()) == []
    add_host(cloud, 'two')
    assert moves_of(cloud, flavor()) == ['one']
    # Nothing that leaves makes room for more than a card has.
    assert moves_of(cloud, flavor(vgpus=4)) == []


def test_other_requests_are_suggested_for_vgpus_of_children(cloud):
    isolated = {'hw:emulator_threads_policy': 'isolate'}
    assert finding(
        cloud, flavor(vcpus=8, **isolated)
    ).first_blocker.condition in {'PCPU', 'dedicated CPUs'}
    share = 'openstack flavor set --property hw:emulator_threads_policy=share'
    found = changes(cloud, flavor(vcpus=8, **isolated))
    assert found[f'{share} gpu'].host == 'one'


class Failing(PlacementClient):
    """A client to which Placement answers a number of times.

    Queries of nova-scheduler are answered in any case.
    """

    def __init__(self, adapter, answers):
        super().__init__(adapter)
        self.answers = answers

    def get(self, path, **params):
        if not path.startswith('/allocation_candidates?'):
            if not self.answers:
                raise Unavailable('no answer')
            self.answers -= 1
        return super().get(path, **params)


def test_where_placement_stops_answering_nothing_fails(cloud):
    wanted = flavor(ram_mib=9000, vgpus=4)
    [guest] = cloud.boot(flavor())
    assert guest.booted
    texts = []
    for answers in range(20):
        client = Failing(cloud.placement, answers)
        scheduler = DryRunScheduler(Pipeline(), client)
        template = request_template.of_stored(cloud.request_spec(wanted))
        run = scheduler.run(template.request())
        [finding] = run.explanation.findings
        texts.append(finding.text)
        suggest(scheduler, run, template)
        counted = CapacityCounter(
            DryRunScheduler(Pipeline(), Failing(cloud.placement, answers))
        ).count(cloud.request_spec(wanted))
        assert counted.in_all == 0
        if client.answers:
            break
    assert len(texts) > 4
    assert all('the reason is unknown' in text for text in texts[:3])
    assert 'everything else fits' not in texts[0]
    assert '3 of 4 VGPU' in texts[-1]


@pytest.mark.parametrize(
    ('wanted', 'guests', 'short'),
    [
        (flavor(), 6, 'VGPU'),
        (flavor(ram_mib=3000), 2, 'MEMORY_MB'),
        (flavor(vgpus=2), 2, 'VGPU'),
        (flavor(vgpus=4), 0, 'VGPU'),
    ],
)
def test_capacity_is_short_of_what_the_tree_is_short_of(
    cloud, wanted, guests, short
):
    scheduler = DryRunScheduler(Pipeline(), PlacementClient(cloud.placement))
    capacity = CapacityCounter(scheduler).count(cloud.request_spec(wanted))
    assert capacity.in_all == guests
    assert capacity.shortages == [(short, 1)]
    for _ in range(guests):
        assert cloud.boot(wanted)[0].booted
    assert not cloud.boot(wanted)[0].booted
