"""What operators see of the cloud."""

import contextlib
import json
import re
import uuid

import pytest

from tests.stack import configuration
from tests.stack.guests import PER_HOST


def published(plane):
    listed = plane.cloud.placement.get(
        '/resource_providers?resources=CUSTOM_NFV_TOPOLOGY:1',
        microversion='1.39',
    )
    # The class is not there before the first pass.
    found = listed.json()['resource_providers'] if listed.ok else []
    return {one['name'].removesuffix(':nfv') for one in found}


def test_the_publisher_publishes_every_host(plane):
    plane.processes.wait(
        'nfv-sched-publisher', lambda: published(plane) == set(plane.hosts)
    )


def test_publishing_again_writes_nothing(plane):
    test_the_publisher_publishes_every_host(plane)
    # Computes may still report what earlier guests gave back.
    plane.processes.wait(
        'nfv-sched-publisher', lambda: outcomes(plane) == {'unchanged'}
    )


def outcomes(plane):
    """What a one-shot publication did with the hosts."""
    found = plane.run(
        'nfv-sched',
        'publish',
        f'--config-file={plane.nova_conf}',
        '--format=json',
    )
    return {row['outcome'] for row in json.loads(found)['hosts']}


def ask(plane, command, *arguments, conf=None, code=0):
    """What a command prints, of the cloud that the schedulers see."""
    conf = conf or plane.nova_conf.with_name('nova-scheduler-1.conf')
    return plane.run(
        'nfv-sched', command, f'--config-file={conf}', *arguments, code=code
    )


def test_capacity_is_what_the_hosts_have_room_for(plane, flavors):
    found = json.loads(ask(plane, 'capacity', '--flavor=vnf', '-f', 'json'))
    rows = found['hosts']
    assert {row['host'] for row in rows} == set(plane.hosts)
    assert [row['instances'] for row in rows] == [PER_HOST] * len(plane.hosts)


def test_the_openstack_client_counts_the_same(plane, flavors, tmp_path):
    """Without the databases, with the credentials of an administrator."""
    test_the_publisher_publishes_every_host(plane)
    words = ('capacity', '--flavor=vnf', '-f', 'json')
    with_databases = json.loads(ask(plane, *words))['hosts']
    alias = tmp_path / 'alias.conf'
    lines = re.findall('(?m)^alias = .*$', plane.nova_conf.read_text())
    alias.write_text('\n'.join(['[pci]', *lines, '']))
    found = json.loads(
        plane.run('openstack', 'nfv', *words, f'--config-file={alias}')
    )
    assert found['source'] == 'apis'
    assert [
        (row['host'], row['instances'], row['instances_at_most'])
        for row in found['hosts']
    ] == [
        (row['host'], row['instances'], row['instances'])
        for row in with_databases
    ]
    listed = json.loads(
        plane.run('openstack', 'nfv', 'host', 'list', '-f', 'json')
    )
    assert [row['host'] for row in listed['summary']] == list(plane.hosts)
    assert all(row['enabled'] for row in listed['summary'])


def test_an_explanation_accounts_for_every_host(plane, guests):
    flavor = guests.flavor('vnf.wide', vcpus=16)
    told = ask(plane, 'explain', f'--flavor={flavor.name}')
    assert f'{len(plane.hosts)} hosts: none fits' in told
    assert 'of 16 free dedicated CPUs' in told


def test_a_host_is_drawn(plane):
    drawn = ask(plane, 'topology', plane.hosts[0])
    assert 'NUMA node 1' in drawn
    assert '24/24 free' in drawn


def checks(plane, *arguments, code, conf=None):
    """The verdicts and details of all checks."""
    words = ('check', '-f', 'json', *arguments)
    found = json.loads(ask(plane, *words, conf=conf, code=code))
    return {
        row['check']: (row['verdict'], row['details'])
        for row in found['checks']
    }


def test_hosts_that_lack_labels_are_the_only_warning(plane):
    test_the_publisher_publishes_every_host(plane)
    found = checks(plane, code=1)
    [(verdict, details)] = [
        row for row in found.values() if row[0] not in ('success', 'skipped')
    ]
    # Half of the hosts, for other scenarios.
    number = len(plane.hosts) - len(plane.labelled)
    assert verdict == 'warning'
    assert details.startswith(
        f'{number} hosts of several NUMA nodes have no labels'
    )


def test_a_cloud_set_up_by_the_examples_passes(plane):
    """With a nova.conf as the files in ``etc`` make it, and nothing else."""
    test_the_publisher_publishes_every_host(plane)
    found = checks(
        plane,
        f'--placement-config-file={plane.placement_conf}',
        conf=plane.write_conf('nova-scheduler-examples', configuration.OURS),
        code=0,
    )
    # Each of the others was made; these have nothing to look at here.
    skipped = {
        name for name, (verdict, _) in found.items() if verdict == 'skipped'
    }
    assert skipped == {
        'Candidates of all hosts',
        'Wide provider trees',
        'Failure domains',
    }
    assert {verdict for verdict, _ in found.values()} == {
        'success',
        'skipped',
    }


VGPU = {'hw:cpu_policy': 'dedicated', 'resources:VGPU': '1'}


@contextlib.contextmanager
def provider(plane, name, parent=None, **totals):
    """A resource provider with inventories, as operators make them."""
    placement = plane.cloud.placement
    created = placement.create_resource_provider(
        name=name, id=str(uuid.uuid4()), parent_provider_id=parent
    )
    for resource_class, total in totals.items():
        placement.create_resource_provider_inventory(
            created, resource_class, total=total, max_unit=total
        )
    try:
        yield created
    finally:
        placement.delete_resource_provider(created)


@pytest.fixture
def cards(plane):
    """Two providers of three VGPUs below the provider of each of two hosts."""
    placement = plane.cloud.placement
    with contextlib.ExitStack() as stack:
        for host in plane.hosts[:2]:
            root = placement.find_resource_provider(host)
            for number in range(2):
                name = f'{host}_card{number}'
                stack.enter_context(provider(plane, name, root.id, VGPU=3))
        yield plane.hosts[:2]


def blockers(plane, flavor, *options):
    """What blocks each host: conditions with what is asked and available."""
    found = json.loads(
        ask(
            plane, 'explain', f'--flavor={flavor.name}', '-f', 'json', *options
        )
    )
    by_host = {}
    for each in found['blockers']:
        by_host.setdefault(each['host'], {})[each['condition']] = (
            each['asked'],
            each['available'],
            each['text'],
        )
    return by_host


def test_vgpus_of_child_providers_are_counted(plane, guests, cards):
    """Three on each of two cards: six, of which a provider has three."""
    large = guests.flavor('vgpu.large', VGPU, vcpus=2, ram_mib=90000)
    found = blockers(plane, large)
    for host in plane.hosts:
        short = found[host]
        assert ('VGPU' in short) is (host not in cards)
        assert short['MEMORY_MB'][:2] == (90000, 65536)
    many = guests.flavor('vgpu.many', {**VGPU, 'resources:VGPU': '4'})
    found = blockers(plane, many)
    for host in cards:
        [(condition, (asked, available, text))] = found[host].items()
        assert (condition, asked, available) == ('VGPU', 4, 3)
        assert '(6 on 2 providers)' in text
    one = guests.flavor('vgpu.one', VGPU)
    told = json.loads(ask(plane, 'explain', '--flavor=vgpu.one', '-f', 'json'))
    fitting = {row['host'] for row in told['hosts'] if row['fits']}
    answer = plane.cloud.placement.get(
        '/allocation_candidates?resources=VGPU:1,PCPU:4,MEMORY_MB:4096',
        microversion='1.39',
    )
    offered = {
        plane.cloud.placement.get_resource_provider(root).name
        for each in answer.json()['provider_summaries'].values()
        for root in [each['root_provider_uuid']]
    }
    assert fitting == offered == set(cards), one.name


def test_a_sharing_provider_is_counted(plane, guests):
    """One provider has licences for two hosts of an aggregate."""
    placement = plane.cloud.placement
    resource_class = 'CUSTOM_LICENCE'
    answer = placement.put(
        f'/resource_classes/{resource_class}', microversion='1.39'
    )
    assert answer.ok, answer.text
    sharing = plane.hosts[:2]
    aggregate = str(uuid.uuid4())
    with provider(plane, 'licences', CUSTOM_LICENCE=5) as licences:
        read = placement.get_resource_provider(licences.id)
        answer = placement.put(
            f'/resource_providers/{licences.id}/traits',
            json={
                'resource_provider_generation': read.generation,
                'traits': ['MISC_SHARES_VIA_AGGREGATE'],
            },
            microversion='1.39',
        )
        assert answer.ok, answer.text
        members = [placement.find_resource_provider(host) for host in sharing]
        for each in (licences, *members):
            set_aggregates(placement, each.id, [aggregate])
        try:
            specs = {**VGPU, 'resources:CUSTOM_LICENCE': '9'}
            specs.pop('resources:VGPU')
            many = guests.flavor('licensed.many', specs)
            found = blockers(plane, many)
            for host in plane.hosts:
                [(condition, (asked, available, _))] = found[host].items()
                assert (condition, asked) == (resource_class, 9)
                assert available == (5 if host in sharing else 0)
            specs['resources:CUSTOM_LICENCE'] = '2'
            guests.flavor('licensed', specs)
            # Of five licences two instances take two each.
            counted = json.loads(
                ask(plane, 'capacity', '--flavor=licensed', '-f', 'json')
            )
            assert counted['total'][0]['instances'] == 2
        finally:
            for each in members:
                set_aggregates(placement, each.id, [])


def set_aggregates(placement, provider_uuid, aggregates):
    """The aggregates of a provider in Placement."""
    path = f'/resource_providers/{provider_uuid}/aggregates'
    held = placement.get(path, microversion='1.39').json()
    answer = placement.put(
        path,
        json={
            'aggregates': aggregates,
            'resource_provider_generation': held[
                'resource_provider_generation'
            ],
        },
        microversion='1.39',
    )
    assert answer.ok, answer.text
