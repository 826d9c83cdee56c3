"""What operators see of the cloud."""

import json
import re

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


def ask(plane, command, *arguments, code=0):
    """What a command prints, of the cloud that the schedulers see."""
    conf = plane.nova_conf.with_name('nova-scheduler-1.conf')
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
    [line] = re.findall(
        '^alias = .*$', plane.nova_conf.read_text(), re.MULTILINE
    )
    alias.write_text(f'[pci]\n{line}\n')
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


def checks(plane, *arguments, code):
    """The verdicts and details of all checks."""
    found = json.loads(
        ask(plane, 'check', '-f', 'json', *arguments, code=code)
    )
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


@pytest.fixture
def reference(plane):
    """Schedulers as the files in ``etc`` set them up, and by nothing else."""
    plane.restart_schedulers(configuration.OURS)
    yield
    plane.restart_schedulers(configuration.CHOOSING)


def test_a_cloud_set_up_by_the_examples_passes(plane, reference):
    test_the_publisher_publishes_every_host(plane)
    found = checks(
        plane,
        f'--placement-config-file={plane.placement_conf}',
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
