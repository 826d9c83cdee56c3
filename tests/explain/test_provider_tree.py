"""What a child provider has counts for reasons, capacity and suggestions."""

from nova.objects import fields
import pytest

from nfv_sched.capacity import CapacityCounter
from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.dryrun.values import PLACEMENT
from nfv_sched.explain.alternatives import Harm
from nfv_sched.explain.suggestions import suggest
from nfv_sched.nova import request_template
from nfv_sched.nova.boot_ports import Port
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import Unavailable
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.provider_trees import Amount
from nfv_sched_testing.provider_trees import CONTEXTS
from nfv_sched_testing.provider_trees import create
from nfv_sched_testing.provider_trees import EGRESS

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


def dry_run(cloud, flavor, **values):
    scheduler = DryRunScheduler(Pipeline(), PlacementClient(cloud.placement))
    template = request_template.of_stored(cloud.request_spec(flavor, **values))
    return scheduler, scheduler.run(template.request()), template


def finding(cloud, flavor, **values):
    _, run, _ = dry_run(cloud, flavor, **values)
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


def numbers(short):
    """Condition, asked and available amount of each blocker."""
    assert short.all
    return [
        (blocker.condition, blocker.asked, blocker.available)
        for blocker in short.blockers
    ]


SHORT_OF_MEMORY = {'MEMORY_MB', 'memory'}
ENCRYPTED = {'hw_firmware_type': 'uefi', 'hw_machine_type': 'q35'}


@pytest.mark.parametrize(
    ('model', 'trait'),
    [
        ('amd-sev', 'HW_CPU_X86_AMD_SEV'),
        ('amd-sev-es', 'HW_CPU_X86_AMD_SEV_ES'),
        ('intel-tdx', 'HW_CPU_X86_INTEL_TDX'),
    ],
)
def test_encrypted_memory_of_children_is_counted(cloud, model, trait):
    """A class and a trait that Nova adds to the request by itself."""
    # Nova 31 asks for no trait.
    known = getattr(fields, 'MemEncryptionModel', None)
    if not known or model not in known.ALL:
        pytest.skip(f'Nova asks for no trait of {model} yet')
    client = PlacementClient(cloud.placement)
    compute = cloud.computes['one'].node.uuid

    def wanted(ram_mib=512):
        specs = {
            'hw:cpu_policy': 'dedicated',
            'hw:mem_encryption': 'true',
            'hw:mem_encryption_model': model,
        }
        return SimulatedFlavor('secret', 1, ram_mib, 1, specs)

    image = dict(ENCRYPTED)
    if model == 'intel-tdx':
        image |= {'hw_firmware_stateless': 'true', 'hw_video_model': 'none'}
        add_trait(client, compute, 'COMPUTE_SECURITY_STATELESS_FIRMWARE')
    short = finding(cloud, wanted(), image=image)
    assert {name for name, *_ in numbers(short)} == {
        CONTEXTS,
        f'trait {trait}',
    }
    create(client, 'other', compute, **{CONTEXTS: Amount(9)})
    [(condition, _, _)] = numbers(finding(cloud, wanted(), image=image))
    assert condition == f'trait {trait}'
    create(client, 'mine', compute, [trait], **{CONTEXTS: Amount(16, 14)})
    assert finding(cloud, wanted(), image=image).fits
    short = finding(cloud, wanted(9000), image=image)
    assert {name for name, *_ in numbers(short)} == SHORT_OF_MEMORY


def add_trait(client, provider, name):
    path = f'/resource_providers/{provider}/traits'
    body = client.get(path)
    client.put(path, {**body, 'traits': [*body['traits'], name]})


NIC = """
nics:
- {address: '0000:05:00.0', cell: 0, ids: '8086:158b', vfs: 4,
   vf_ids: '8086:154c', physnet: net, egress_kbps: 3000}
"""


def port(egress_kbps):
    return Port('net', egress_kbps=egress_kbps)


@pytest.mark.parametrize(
    ('ports', 'short'),
    [
        ([port(1000)], None),
        ([port(1000)] * 3, None),
        ([port(4000)], (EGRESS, 4000, 3000)),
        ([port(2000)] * 2, (EGRESS, 4000, 3000)),
        ([Port('net', 'macvtap', egress_kbps=1)], None),
    ],
)
def test_bandwidth_of_interfaces_is_counted(cloud, ports, short):
    """Numbered groups, one for each port."""
    cloud.add_host('two', machine.parse('card', f'{HOST}{NIC}'))

    def of_two(ram_mib):
        specs = {'hw:cpu_policy': 'dedicated'}
        wanted = SimulatedFlavor('net', 1, ram_mib, 1, specs)
        explanation = dry_run(cloud, wanted, ports=ports)[1].explanation
        [found] = [f for f in explanation.findings if f.host == 'two']
        return found

    found = of_two(512)
    assert found.fits is (short is None)
    assert short in (None, *numbers_of_placement(found))
    names = {each.condition for each in of_two(9000).blockers}
    assert names >= SHORT_OF_MEMORY
    assert (EGRESS in names) is (short is not None and short[0] == EGRESS)


def numbers_of_placement(found):
    return [
        (blocker.condition, blocker.asked, blocker.available)
        for blocker in found.blockers
        if blocker.stage == PLACEMENT
    ]


def test_accelerators_of_ports_are_counted(cloud):
    client = PlacementClient(cloud.placement)
    client.put('/traits/CUSTOM_GOLD')
    create(
        client,
        'one_fpga',
        cloud.computes['one'].node.uuid,
        FPGA=Amount(1),
    )

    def asked(*accelerators, ram_mib=512):
        ports = [
            Port('net', 'accelerator-direct', accelerator=accelerator)
            for accelerator in accelerators
        ]
        return finding(cloud, flavor(ram_mib=ram_mib), ports=ports)

    assert asked('FPGA').fits
    assert {name for name, *_ in numbers(asked('FPGA', ram_mib=9000))} == (
        SHORT_OF_MEMORY
    )
    assert numbers(asked('FPGA', 'FPGA')) == [('FPGA', 2, 1)]
    [(condition, _, _)] = numbers(asked('FPGA+CUSTOM_GOLD'))
    assert condition == 'trait CUSTOM_GOLD'


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
