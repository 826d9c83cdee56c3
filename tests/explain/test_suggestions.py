"""Each suggestion, typed as it is printed, makes the instance fit."""

import dataclasses
import shlex

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from nova import exception
import pytest

from nfv_sched.dryrun.scheduler import DryRunScheduler
from nfv_sched.explain.alternatives import Harm
from nfv_sched.explain.suggestions import suggest
from nfv_sched.nova import boot_ports
from nfv_sched.nova import boot_request
from nfv_sched.nova import request_template
from nfv_sched.nova.boot_ports import Port
from nfv_sched.nova.boot_request import BadRequestError
from nfv_sched.nova.boot_request import BootRequest
from nfv_sched.nova.scheduler_pipeline import Pipeline
from nfv_sched.placement.client import PlacementClient
from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud
from nfv_sched_testing import budgets
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

HOST = """
about: two nodes of four cores, VFs on node 1
smt: {threads: 2, stride: 8}
dedicated: 0-15
disk_gib: 200
cells:
- {id: 0, cpus: '0-3,8-11', memory_mib: 16384, socket: 0,
   pages: {1G: 8, 2M: 1024}}
- {id: 1, cpus: '4-7,12-15', memory_mib: 16384, socket: 1,
   pages: {1G: 8, 2M: 1024}}
nics:
- {address: '0000:81:00.0', cell: 1, ids: '8086:1572', vfs: 6,
   vf_ids: '8086:154c', physnet: physnet1}
"""
NEAR = Port('physnet1', numa_policy='required')


@pytest.fixture(scope='module')
def cloud():
    """Three hosts."""
    options = settings.profile_options(settings.NFV)
    with (
        simulated_cloud(
            settings.NFV, aliases=flavors.aliases(), options=options
        ) as running,
        settings.override(options),
    ):
        for number in range(3):
            running.add_host(f'cmp-{number}', machine.parse('small', HOST))
        yield running


@pytest.fixture
def residents(cloud):
    """Boot instances that end with the test, their requests stored."""
    stored = []

    def boot(count=1, vcpus=2, ram_mib=2048, name='old', ports=(), **specs):
        flavor = SimulatedFlavor(name, vcpus, ram_mib, 1, specs)
        booted = []
        for _ in range(count):
            [guest] = cloud.boot(flavor, ports=ports)
            assert guest.booted, guest.error
            spec = cloud.request_spec(flavor, uuids=[guest.uuid], ports=ports)
            spec.create()
            stored.append((guest, spec))
            booted.append(guest)
        return booted

    yield boot
    for guest, spec in stored:
        spec.destroy()
        cloud.delete(guest)


def request_of(specs, image=None, ports=(), vcpus=2, ram_mib=4096, **values):
    flavor = boot_request.flavor_of(
        None,
        'f',
        vcpus=vcpus,
        ram_mib=ram_mib,
        disk_gib=1,
        extra_specs=specs,
    )
    return BootRequest(
        flavor,
        image=image or {},
        ports=tuple(ports),
        flavor_name='f',
        image_id='i',
        **values,
    )


def suggestions_for(cloud, request):
    scheduler = DryRunScheduler(Pipeline(), PlacementClient(cloud.placement))
    template = request_template.of_boot(scheduler.context, request)
    dry_run = scheduler.run(template.request())
    return scheduler, dry_run, suggest(scheduler, dry_run, template)


def typed(request, commands):
    """The request of a boot after commands of suggestions were typed."""
    specs = dict(request.flavor.extra_specs)
    image = dict(request.image)
    hints = dict(request.hints)
    ports = list(request.ports)
    new_ports = []
    for command in commands:
        words = shlex.split(command)
        if words[0] == '--port':
            new_ports.append(boot_ports.port_of(words[1]))
            continue
        assert words[0] == 'openstack', command
        if words[1] == 'server':
            for pair in words[words.index('without') + 2 :: 2]:
                hints.pop(pair.partition('=')[0], None)
            continue
        values, name = {'flavor': (specs, 'f'), 'image': (image, 'i')}[
            words[1]
        ]
        *_, setting, owner = words
        assert owner == name
        key, _, value = setting.partition('=')
        if words[2] == 'unset':
            values.pop(key)
        else:
            values[key] = value
    for new in new_ports:
        # Instead of the first one that differs in its policy only.
        place = next(
            number
            for number, port in enumerate(ports)
            if port.numa_policy != new.numa_policy
            and dataclasses.replace(port, numa_policy=new.numa_policy) == new
        )
        ports[place] = new
    return dataclasses.replace(
        request_of(specs, image, ports, hints=hints),
        flavor=boot_request.flavor_of(
            None,
            'f',
            vcpus=request.flavor.vcpus,
            ram_mib=request.flavor.memory_mb,
            disk_gib=1,
            extra_specs=specs,
        ),
    )


def fitting(scheduler, request):
    spec = boot_request.request_spec(scheduler.context, request)
    return scheduler.explain(spec, detailed=0).fitting


def changes(suggestions):
    return {
        '; '.join(each.commands): each.hosts
        for each in suggestions
        if each.harm is not Harm.MOVE
    }


def booted(cloud, request):
    """Whether the request boots on the real scheduler and claim."""
    flavor = SimulatedFlavor(
        'f',
        request.flavor.vcpus,
        request.flavor.memory_mb,
        1,
        request.flavor.extra_specs,
    )
    [guest] = cloud.boot(flavor, ports=request.ports, image=request.image)
    if guest.booted:
        cloud.delete(guest)
    return guest.booted


def test_ports_that_ask_for_near_devices_are_changed_themselves(
    cloud, residents
):
    # Of the NUMA node with the devices on each host too few CPUs are left.
    residents(3, vcpus=6, ports=[NEAR], **HUGE, **{'nfv:placement': 'spread'})
    request = request_of({**HUGE}, ports=[NEAR] * 5, vcpus=4)
    scheduler, dry_run, found = suggestions_for(cloud, request)
    [condition] = dry_run.explanation.conditions
    assert condition.name == 'different NUMA nodes'
    assert (
        'CPUs and VFs are free, but on different NUMA nodes (CPUs on 0; VFs '
        'on 1)'
    ) in condition.nearest.text
    ports = '; '.join(['--port physnet1:direct:preferred'] * 5)
    assert changes(found)[ports] == 3
    assert not any('hw:pci' in change for change in changes(found))
    # That of the flavor, which counts after it, would not help.
    flavor = {**HUGE, 'hw:pci_numa_affinity_policy': 'preferred'}
    assert not fitting(
        scheduler, request_of(flavor, ports=[NEAR] * 5, vcpus=4)
    )
    assert not booted(cloud, request)
    assert booted(cloud, typed(request, ports.split('; ')))


def test_an_image_with_a_number_of_nodes_is_changed_itself(cloud):
    specs = {'hw:cpu_policy': 'dedicated', 'hw:mem_page_size': '1GB'}
    request = request_of(specs, {'hw_numa_nodes': '1'}, ram_mib=12288)
    _, _, found = suggestions_for(cloud, request)
    image = 'openstack image set --property hw_numa_nodes=2 i'
    assert changes(found)[image] == 3
    assert not any('hw:numa_nodes' in change for change in changes(found))
    assert booted(cloud, typed(request, [image]))
    flavor = SimulatedFlavor('f', 2, 12288, 1, {**specs, 'hw:numa_nodes': '2'})
    with pytest.raises(exception.ImageNUMATopologyForbidden):
        cloud.boot(flavor, image={'hw_numa_nodes': '1'})


def test_small_pages_are_the_last_resort(cloud, residents):
    residents(6, ram_mib=6144, **HUGE)
    request = request_of(HUGE, ram_mib=4096)
    _, _, found = suggestions_for(cloud, request)
    harms = [each.harm for each in found]
    assert harms == sorted(harms)
    assert [' '.join(each.commands) for each in found[-2:]] == [
        'openstack flavor set --property hw:mem_page_size=4KB f',
        'openstack flavor set --property hw:mem_page_size=any f',
    ]
    assert Harm.NODES in harms


def test_huge_pages_may_be_free_where_small_ones_are_short(cloud):
    # All memory but 4 GiB of each node is in huge pages.
    specs = {'hw:cpu_policy': 'dedicated'}
    request = request_of(specs, ram_mib=7168)
    _, dry_run, found = suggestions_for(cloud, request)
    [condition] = dry_run.explanation.conditions
    assert (
        'of 7168 MiB of memory in small pages (4 KiB, since no page size is '
        'requested)'
    ) in condition.nearest.text
    large = 'openstack flavor set --property hw:mem_page_size=large f'
    assert changes(found)[large] == 3
    assert booted(cloud, typed(request, [large]))


def test_only_instances_move_that_fit_elsewhere(cloud, residents):
    residents(6, ram_mib=8192, **HUGE)
    request = request_of(HUGE, ram_mib=8192)
    _, _, found = suggestions_for(cloud, request)
    # Each of the six would have to take the place of another one.
    assert not [each for each in found if each.harm is Harm.MOVE]


def test_moves_name_the_command_and_the_host(cloud, residents):
    # One node of each of two hosts is free.
    guests = residents(4, ram_mib=8192, **HUGE, **{'nfv:placement': 'spread'})
    hosts = [guest.host for guest in guests]
    first, second = (each for each in guests if hosts.count(each.host) == 1)
    # A live migration is for instances that run.
    first.instance.vm_state = 'stopped'
    first.instance.save()
    request = request_of({**HUGE, 'hw:numa_nodes': '2'}, ram_mib=16384)
    _, dry_run, found = suggestions_for(cloud, request)
    assert not dry_run.explanation.fitting
    moved = [each for each in found if each.harm is Harm.MOVE]
    by_host = {each.host: each for each in moved}
    migrate = 'openstack server migrate'
    assert by_host[first.host].commands == (
        f'{migrate} --host {second.host} {first.uuid}',
    )
    assert by_host[second.host].commands == (
        f'{migrate} --live-migration --host {first.host} {second.uuid}',
    )
    # From the third host two instances move, to a host each.
    [both] = by_host.keys() - {first.host, second.host}
    assert moved[-1].host == both
    assert set(moved[-1].to) == {first.host, second.host}
    assert {uuid for _, uuid in moved[-1].guests} == {
        guest.uuid for guest in guests if guest.host == both
    }


LOADS = st.tuples(
    st.integers(0, 4), st.sampled_from((3072, 6144)), st.sampled_from((2, 6))
)
SPECS = st.fixed_dictionaries(
    {
        'hw:cpu_policy': st.just('dedicated'),
        'hw:mem_page_size': st.sampled_from(('1GB', '2MB', 'large', 'any')),
    },
    optional={
        'hw:cpu_thread_policy': st.sampled_from(('require', 'isolate')),
        'hw:emulator_threads_policy': st.just('isolate'),
        'hw:pci_numa_affinity_policy': st.sampled_from(
            ('required', 'socket', 'preferred')
        ),
        'pci_passthrough:alias': st.just('xxv710-vf:1'),
    },
)
IMAGES = st.fixed_dictionaries(
    {},
    optional={
        'hw_numa_nodes': st.sampled_from(('1', '2')),
        'hw_mem_page_size': st.sampled_from(('1GB', '2MB')),
    },
)
PORTS = st.lists(
    st.builds(
        Port,
        st.sampled_from(('physnet1', 'physnet1', 'physnet2')),
        st.just('direct'),
        st.sampled_from((None, 'required', 'legacy')),
    ),
    max_size=3,
)


@given(
    load=LOADS,
    specs=SPECS,
    image=IMAGES,
    ports=PORTS,
    vcpus=st.sampled_from((2, 4, 6)),
    ram_mib=st.sampled_from((2048, 6144, 8192, 12288)),
)
@hypothesis_settings(
    # A second each.
    max_examples=400 if budgets.ALL else 12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_suggestion_that_is_typed_helps_as_many_hosts(
    cloud, load, specs, image, ports, vcpus, ram_mib
):
    request = request_of(specs, image, ports, vcpus, ram_mib)
    count, memory, cpus = load
    flavor = SimulatedFlavor('load', cpus, memory, 1, HUGE)
    guests = [cloud.boot(flavor)[0] for _ in range(count)]
    try:
        try:
            scheduler, _, found = suggestions_for(cloud, request)
        except BadRequestError:
            return
        for each in found:
            if each.harm is not Harm.MOVE:
                changed = typed(request, each.commands)
                assert fitting(scheduler, changed) >= each.hosts
    finally:
        for guest in guests:
            if guest.booted:
                cloud.delete(guest)
