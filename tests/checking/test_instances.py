"""The check of instances, on what Nova's own claims have left."""

import dataclasses

from nova import context as nova_context
from nova import objects
from oslo_upgradecheck.upgradecheck import Code
import pytest

from nfv_sched.checking import allocations
from nfv_sched.checking import instances
from nfv_sched.model import cpu_list
from nfv_sched.placement import api
from nfv_sched.placement.client import PlacementClient
from nfv_sched.sim import flavors
from nfv_sched.survey import nova as nova_survey
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

HOSTS = dict.fromkeys(('cmp-0', 'cmp-1'), 'dell-2x6230r-64vf')
GUESTS = ('anuket-HS.large', 'opnfv-vrouter-2port', 'anuket-HS.large')


@pytest.fixture(scope='module')
def cloud():
    with cloud_of(HOSTS, aliases=flavors.aliases()) as running:
        known = flavors.flavors()
        for name in GUESTS * 2:
            for guest in running.boot(known[name], name=name):
                assert guest.booted
        yield running


@pytest.fixture(scope='module')
def survey(cloud):
    return nova_survey.read()


@pytest.fixture(scope='module')
def amounts(cloud, survey):
    """Placement's own answers for the hosts, at the same moment."""
    client = PlacementClient(cloud.placement)
    return {
        host.topology.uuid: api.allocations_of(client, host.topology.uuid)
        for host in survey.hosts
    }


@pytest.fixture
def host(survey):
    """A host with instances that have pinned CPUs and devices."""
    return next(
        host
        for host in survey.hosts
        if len([guest for guest in host.residents if guest.devices]) > 1
    )


def found(*hosts):
    return instances.findings(hosts)[0]


def with_guest(host, number, **values):
    """The host with other values of one of its instances."""
    guests = list(host.residents)
    guests[number] = dataclasses.replace(guests[number], **values)
    return dataclasses.replace(host, residents=tuple(guests))


def with_state(host, number, **values):
    """The host with other values of one NUMA node."""
    cells = list(host.state.cells)
    cells[number] = cells[number].evolve(**values)
    return dataclasses.replace(host, state=host.state.evolve(cells=cells))


def place_of(host, cpus):
    [number] = [
        number
        for number, cell in enumerate(host.state.cells)
        if cell.dedicated_cpus >= cpus
    ]
    return number


def with_devices(host, devices):
    return dataclasses.replace(host, devices=tuple(devices))


def test_nothing_is_found_where_claims_succeeded(survey, amounts):
    assert sum(len(host.residents) for host in survey.hosts) == 6
    assert any(
        device.guest for host in survey.hosts for device in host.devices
    )
    result = instances.check(survey.hosts)
    assert result.code is Code.SUCCESS
    assert result.findings == []
    assert result.details == ''
    assert amounts


def test_two_instances_on_one_cpu(host):
    first = host.residents[0]
    [finding] = [
        finding
        for finding in found(with_guest(host, 1, cells=first.cells))
        if 'same' in finding.problem and finding.code is Code.FAILURE
    ][:1]
    assert finding.host == host.host
    assert {instance.uuid for instance in finding.instances} == {
        first.uuid,
        host.residents[1].uuid,
    }
    part = first.cells[0]
    cpus = sorted(part.host_cpus)
    assert str(finding.where).startswith(f'NUMA node {part.host_cell}, CPU')
    assert str(cpus[0]) in str(finding.where)
    assert finding.fix.startswith('openstack server migrate')


def test_pinned_cpus_of_no_instance(host):
    gone = host.residents[0]
    left = dataclasses.replace(host, residents=host.residents[1:])
    by_problem = {finding.problem: finding for finding in found(left)}
    finding = by_problem[
        'CPUs are reported as pinned, but no instance has them'
    ]
    assert f'NUMA node {gone.cells[0].host_cell}' in str(finding.where)
    assert host.host in finding.fix
    # Its pages and devices are found as well.
    assert any('reported as used' in problem for problem in by_problem)
    assert any('does not exist' in problem for problem in by_problem)


def test_cpus_outside_the_dedicated_set(host):
    cpu = min(host.residents[0].cells[0].host_cpus)
    number = place_of(host, {cpu})
    cell = host.state.cells[number]
    changed = with_state(
        host,
        number,
        dedicated_cpus=cell.dedicated_cpus - {cpu},
        pinned_cpus=cell.pinned_cpus - {cpu},
    )
    [finding] = found(changed)
    assert 'not dedicated' in finding.problem
    assert str(finding.where) == f'NUMA node {cell.id}, CPU {cpu}'
    assert 'cpu_dedicated_set' in finding.cause


def test_a_numa_node_that_is_gone(host):
    part = host.residents[0].cells[0]
    moved = dataclasses.replace(part, host_cell=99)
    findings = found(with_guest(host, 0, cells=(moved,)))
    assert any(str(finding.where) == 'NUMA node 99' for finding in findings)


def test_cpus_of_an_instance_that_are_reported_as_free(host):
    cpu = min(host.residents[0].cells[0].host_cpus)
    number = place_of(host, {cpu})
    cell = host.state.cells[number]
    [finding] = found(
        with_state(host, number, pinned_cpus=cell.pinned_cpus - {cpu})
    )
    assert finding.code is Code.FAILURE
    assert finding.problem == 'CPUs of an instance are reported as free'
    assert host.residents[0].uuid == finding.instances[0].uuid


def test_pages_that_do_not_add_up(host):
    cell = host.state.cells[0]
    pool = max(cell.pages, key=lambda pages: pages.size_kib)
    pages = [
        each.evolve(used=each.used + 2) if each is pool else each
        for each in cell.pages
    ]
    [finding] = found(with_state(host, 0, pages=pages))
    assert str(finding.where) == (
        f'NUMA node {cell.id}, pages of {pool.size_kib} KiB'
    )
    assert finding.problem.startswith(f'{pool.used + 2} page')


def owned(host):
    return next(device for device in host.devices if device.guest)


def test_a_device_of_an_instance_elsewhere_or_gone(survey, host):
    [other] = [each for each in survey.hosts if each is not host]
    device = owned(host)
    for guest, words in (('11', 'not exist'), ('22', f'is on {other.host}')):
        there = dataclasses.replace(
            other,
            residents=(
                *other.residents,
                dataclasses.replace(device_owner(host, device), uuid='22'),
            ),
        )
        here = with_devices(
            host,
            [
                dataclasses.replace(each, guest=guest)
                if each is device
                else each
                for each in host.devices
            ],
        )
        problems = {
            finding.problem: str(finding.where)
            for finding in found(here, there)
        }
        [problem] = [p for p in problems if 'of an instance that' in p]
        assert words in problem
        assert problems[problem] == device.address
        # Its former owner has lost it.
        assert any('lost' in problem for problem in problems)


def device_owner(host, device):
    [guest] = [guest for guest in host.residents if guest.uuid == device.guest]
    return guest


def test_a_lost_device(host):
    device = owned(host)
    rest = [each for each in host.devices if each is not device]
    [finding] = found(with_devices(host, rest))
    assert finding.code is Code.FAILURE
    assert '1 device of ' in finding.problem
    assert device.guest == finding.instances[0].uuid


@pytest.mark.parametrize(
    ('policy', 'code'),
    [('required', Code.WARNING), ('preferred', Code.SUCCESS)],
)
def test_far_devices(host, policy, code):
    device = owned(host)
    owner = device_owner(host, device)
    nodes = {part.host_cell for part in owner.cells}
    moved = dataclasses.replace(
        device,
        numa_node=next(
            cell.id for cell in host.state.cells if cell.id not in nodes
        ),
    )
    asked = tuple(
        dataclasses.replace(request, policy=policy)
        for request in owner.devices
    )
    changed = with_devices(
        with_guest(host, host.residents.index(owner), devices=asked),
        [moved if each is device else each for each in host.devices],
    )
    [finding] = found(changed)
    assert policy in finding.problem
    assert device.address in str(finding.where)
    assert finding.code is code
    result = instances.check([changed])
    assert result.code is code
    noun = 'problem' if code is Code.WARNING else 'note'
    assert result.details == f'1 {noun}: {host.host}'


def test_usage_is_not_compared_while_an_instance_changes(host):
    left = dataclasses.replace(host, residents=host.residents[1:])
    changing = with_guest(left, 0, changing=True)
    findings, hosts = instances.findings([changing])
    assert findings == []
    assert hosts == [host.host]
    [finding] = instances.check([changing]).findings
    assert (finding.host, finding.verdict) == (host.host, 'Skipped')


def test_what_a_migration_holds_is_known(cloud):
    """An instance that was resized to another host, and not yet confirmed."""
    known = flavors.flavors()
    [guest] = cloud.boot(known['anuket-HS.large'], name='mover')
    context = nova_context.get_admin_context()
    nova_context.set_target_cell(context, cloud.cell)
    instance = objects.Instance.get_by_uuid(
        context, guest.uuid, expected_attrs=['numa_topology', 'pci_devices']
    )
    source = guest.host
    [target] = [host for host in cloud.computes if host != source]
    migration = objects.Migration(
        context,
        instance_uuid=guest.uuid,
        source_compute=source,
        source_node=source,
        dest_compute=target,
        dest_node=target,
        dest_compute_id=cloud.computes[target].node.id,
        status='finished',
        migration_type='resize',
        old_instance_type_id=instance.instance_type_id,
        new_instance_type_id=instance.instance_type_id,
    )
    migration.create()
    instance.migration_context = objects.MigrationContext(
        instance_uuid=guest.uuid,
        migration_id=migration.id,
        old_numa_topology=instance.numa_topology,
        new_numa_topology=None,
    )
    instance.host = instance.node = target
    instance.compute_id = cloud.computes[target].node.id
    instance.numa_topology = None
    instance.pci_requests = objects.InstancePCIRequests(
        requests=[], instance_uuid=guest.uuid
    )
    instance.save()
    survey = nova_survey.read()
    held = {host.host: host.migrating for host in survey.hosts}
    assert held[target] == {}
    assert list(held[source]) == [migration.uuid]
    [moving] = held[source].values()
    assert moving.uuid == guest.uuid
    assert moving.cells
    assert found(*survey.hosts) == []
    migration.status = 'confirmed'
    migration.save()
    assert {finding.host for finding in found(*nova_survey.read().hosts)} == {
        source
    }


def test_ranges_are_written_as_in_nova_conf():
    assert cpu_list.ranges({8, 2, 3, 4, 10}) == '2-4,8,10'


def test_isolated_instances_use_whole_cores(cloud, host):
    cell = host.state.cells[0]
    core = next(core for core in cell.siblings if len(core) > 1)
    part = dataclasses.replace(
        host.residents[0].cells[0],
        host_cell=cell.id,
        pinning=((0, min(core)),),
        reserved=frozenset(),
        isolated=True,
    )
    guest = dataclasses.replace(host.residents[0], cells=(part,))
    assert core <= instances._occupied([guest], cell)
    plain = dataclasses.replace(part, isolated=False)
    assert instances._occupied(
        [dataclasses.replace(guest, cells=(plain,))], cell
    ) == {min(core)}


def test_allocations_of_a_good_cloud(survey, amounts):
    assert sum(map(len, amounts.values())) == len(GUESTS) * 2
    known = allocations.Allocations(amounts)
    assert allocations.check(survey.hosts, known).findings == []
    assert allocations.consumers_elsewhere(survey.hosts, amounts) == set()


def test_instances_without_or_with_other_allocations(host):
    first, second, *_ = host.residents
    pinned = sum(len(part.host_cpus) for part in second.cells)
    amounts = {
        host.topology.uuid: {
            guest.uuid: {
                'PCPU': sum(len(part.host_cpus) for part in guest.cells)
            }
            for guest in host.residents
        }
    }
    check = allocations.check
    assert check([host], allocations.Allocations(amounts)).findings == []
    del amounts[host.topology.uuid][first.uuid]
    amounts[host.topology.uuid][second.uuid] = {'VCPU': pinned}
    result = check([host], allocations.Allocations(amounts))
    assert result.code is Code.WARNING
    missing, other = result.findings
    assert 'nothing' in missing.problem
    assert first.uuid in missing.fix
    assert other.problem == (
        f'Placement has allocated 0 PCPU, the instance is pinned to '
        f'{pinned} CPUs'
    )
    assert 'heal_allocations' in other.fix


@pytest.mark.parametrize(
    ('hosts', 'booting', 'words'),
    [
        ({}, (), 'to a consumer that is no instance here'),
        ({'c': 'elsewhere'}, (), 'to an instance that is on elsewhere'),
        ({'c': None}, (), None),
        ({}, ('c',), None),
    ],
)
def test_consumers_that_are_not_on_the_host(host, hosts, booting, words):
    uuid = host.topology.uuid
    amounts = {uuid: {'c': {'PCPU': 4, 'MEMORY_MB': 8}}}
    bare = dataclasses.replace(host, residents=())
    assert allocations.consumers_elsewhere([bare], amounts) == {'c'}
    known = allocations.Allocations(amounts, hosts, frozenset(booting))
    problems = [
        finding.problem
        for finding in allocations.check([bare], known).findings
    ]
    assert problems == (
        [f'Placement has allocated 8 MEMORY_MB, 4 PCPU {words}']
        if words
        else []
    )


def test_unknown_allocations_are_not_a_success(host):
    known = allocations.Allocations(problem='Placement is down')
    result = allocations.check([host], known)
    assert (result.verdict, result.code) == ('Skipped', Code.WARNING)
    assert 'Placement is down' in result.details
