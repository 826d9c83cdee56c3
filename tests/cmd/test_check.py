"""``nfv-sched check`` on a simulated cloud."""

import dataclasses
import pathlib
import re
import time

from nova import objects
import nova.conf
import pytest

from nfv_sched.checking import CHECKS
from nfv_sched.checking import hosts as checked_hosts
from nfv_sched.cmd import backends
from nfv_sched.cmd.main import main
from nfv_sched.nova import compute_nodes
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.errors import PlacementError
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.removal import prune
from nfv_sched.publishing import status
from nfv_sched.sim import settings
from nfv_sched_testing.clouds import HUGE

CONF = nova.conf.CONF


@pytest.fixture
def published(cloud):
    client = PlacementClient(cloud.placement)
    publish(client, cloud.topologies())
    yield client
    prune(client, [])


@pytest.fixture
def reading(cloud):
    """Make schedulers read the trees, which those of the cloud do not."""
    CONF.set_override('read_topology', True, 'nfv_sched')
    yield
    CONF.set_override('read_topology', False, 'nfv_sched')


def by_name(found):
    return {row['check']: row for row in found['checks']}


def test_a_good_cloud_passes_every_check(run, published, reading):
    rows = run('check')['checks']
    assert [row['check'] for row in rows] == [check.name for check in CHECKS]
    skipped = {
        row['check']: row['details']
        for row in rows
        if row['verdict'] == 'skipped'
    }
    assert skipped == {
        'Placement retries': (
            'name placement.conf with --placement-config-file'
        ),
        'Placement candidates': (
            'name placement.conf with --placement-config-file'
        ),
        'Candidates of all hosts': (
            'name placement.conf with --placement-config-file'
        ),
        'Wide provider trees': (
            'name placement.conf with --placement-config-file'
        ),
        # With one scheduler this weigher is off.
        'Boots at once': '[nfv_sched] in_flight_weight_multiplier is 0',
        'Node labels': '[nfv_sched] choose_nodes is off, no host has labels',
        'Publisher': '[nfv_sched_publisher] status_file is not set',
    }
    assert {row['verdict'] for row in rows if row['check'] not in skipped} == {
        'success'
    }
    assert not any(row['fix'] for row in rows)


@pytest.fixture
def partly_published(cloud):
    client = PlacementClient(cloud.placement)
    publish(client, list(cloud.topologies())[:1])
    yield
    prune(client, [])


def test_warnings_and_failures_are_the_exit_code(
    run, partly_published, reading, tmp_path
):
    path = tmp_path / 'placement.conf'
    path.write_text('[placement]\nmax_allocation_candidates = 2\n')
    rows = by_name(run('check', code=1))
    row = rows['Unpublished hosts']
    assert row['verdict'] == 'warning'
    assert row['fix'] == 'nfv-sched publish'
    words = ('--placement-config-file', str(path))
    rows = by_name(run('check', *words, code=2))
    assert rows['Placement candidates']['verdict'] == 'failure'
    assert rows['Placement retries']['verdict'] == 'warning'


def test_a_cloud_set_up_by_the_examples_passes(run, reading):
    """By both files of etc, and not published: that is optional."""
    etc = pathlib.Path(__file__).parents[2] / 'etc'
    example = etc / 'placement.conf.example'
    rows = by_name(run('check', '--placement-config-file', str(example)))
    assert rows['Placement retries']['verdict'] == 'success'
    assert rows['Recommended options']['verdict'] == 'success'
    assert {row['verdict'] for row in rows.values()} == {'success', 'skipped'}


def test_trees_that_are_not_read_may_be_missing(run):
    rows = by_name(run('check'))
    assert rows['Unpublished hosts']['verdict'] == 'skipped'
    assert 'read_topology' in rows['Unpublished hosts']['details']


def test_an_incomplete_tree_is_found(run, published):
    [cell] = [
        provider
        for provider in published.get('/resource_providers')[
            'resource_providers'
        ]
        if provider['name'] == 'cmp-0:nfv:numa0'
    ]
    path = f'/resource_providers/{cell["uuid"]}/inventories/NUMA_MEMORY_MB'
    inventory = published.get(path)
    published.put(path, {**inventory, 'total': inventory['total'] + 1})
    rows = by_name(run('check', code=1))
    assert 'cmp-0:nfv (IncompleteTree)' in rows['Incomplete trees']['details']


def test_no_tree_is_orphaned_while_a_nova_cell_is_down(
    run, published, monkeypatch
):
    def down(self, *_):
        raise OSError('the database is down')
        yield

    monkeypatch.setattr(compute_nodes.CloudReader, '_of_cell', down)
    rows = by_name(run('check', code=2))
    assert rows['Records readable']['verdict'] == 'failure'
    row = rows['Orphaned trees']
    assert row['verdict'] == 'skipped'
    assert 'not every Nova cell or record' in row['details']


def test_placement_down_costs_the_checks_that_need_it(
    run, published, monkeypatch
):
    def down(*_, **__):
        raise PlacementError('Placement does not answer')

    with monkeypatch.context() as patch:
        patch.setattr(PlacementClient, 'get', down)
        rows = by_name(run('check', code=2))
    assert rows['Placement readable']['verdict'] == 'failure'
    assert 'does not answer' in rows['Placement readable']['details']
    for name in ('Incomplete trees', 'Drifted hosts', 'Allocations'):
        assert rows[name]['verdict'] == 'skipped'
    for name in ('Databases readable', 'CPU sets', 'Instances'):
        assert rows[name]['verdict'] == 'success'


def test_a_database_that_is_down_costs_the_checks_that_need_it(
    run, published, monkeypatch
):
    def down(self):
        raise OSError('mysql://nova:secret@host/nova_api is down')

    monkeypatch.setattr(compute_nodes.CloudReader, '__init__', down)
    rows = by_name(run('check', code=2))
    row = rows['Databases readable']
    assert row['verdict'] == 'failure'
    assert 'host/nova_api is down' in row['details']
    assert 'secret' not in row['details']
    for name in ('Records readable', 'Instances', 'Orphaned trees'):
        assert rows[name]['verdict'] == 'skipped'
    for name in ('Placement readable', 'Incomplete trees', 'Weighers'):
        assert rows[name]['verdict'] == 'success'


def test_a_check_that_fails_does_not_end_the_others(run, monkeypatch):
    def broken(*_):
        raise TypeError('unexpected record')

    monkeypatch.setattr(checked_hosts, 'cpu_sets', broken)
    rows = by_name(run('check', code=2))
    row = rows['CPU sets']
    assert row['verdict'] == 'failure'
    assert 'TypeError: unexpected record' in row['details']
    assert rows['Failure domains']['verdict'] == 'success'


def test_each_finding_about_instances_is_a_row(
    run, cloud, guests_of, tmp_path
):
    group = cloud.add_group('together', 'affinity')
    first, second = guests_of(2, extra_specs=HUGE, group=group)
    assert first.host == second.host
    record = objects.Instance.get_by_uuid(
        cloud.cell_context, second.uuid, expected_attrs=['numa_topology']
    )
    other = objects.Instance.get_by_uuid(
        cloud.cell_context, first.uuid, expected_attrs=['numa_topology']
    )
    record.numa_topology = other.numa_topology
    record.save()
    found = run('check', code=2)
    assert found['verdict'] == 'failure'
    details = by_name(found)['Instances']['details']
    assert details.endswith(f'problems: {first.host}')
    rows = [row for row in found['findings'] if row['check'] == 'Instances']
    [row] = [row for row in rows if 'same CPUs' in row['problem']]
    assert (row['verdict'], row['host']) == ('failure', first.host)
    assert {tuple(each.items()) for each in row['instances']} == {
        (('uuid', guest.uuid), ('name', 'tenant')) for guest in (first, second)
    }
    assert row['fix'].startswith('openstack server migrate')
    path = tmp_path / 'cloud.html'
    assert main(['report', '--output', str(path)]) == 0
    page = path.read_text()
    assert '2 instances are pinned to the same CPUs' in page
    assert f'tenant ({second.uuid})' in page
    # The CPUs that the second one has left, and its pages if these are on
    # another NUMA node.
    assert any('no instance has them' in row['problem'] for row in rows)
    text = run('check', '-f', 'table', code=2)
    assert f'{first.host}, tenant (' in text


def finding_of(found, check):
    [finding] = [row for row in found['findings'] if row['check'] == check]
    return finding


def test_stored_requests_are_tried_on_their_hosts(run, cloud, guests_of):
    [guest] = guests_of(1, extra_specs=HUGE)
    spec = objects.RequestSpec.get_by_instance_uuid(cloud.context, guest.uuid)
    [cell] = spec.numa_topology.cells
    cell.memory = 64 * 1024
    spec.save()
    found = finding_of(run('check', code=1), 'Requests on own hosts')
    assert (found['verdict'], found['host']) == ('warning', guest.host)
    assert found['instances'] == [{'uuid': guest.uuid, 'name': 'tenant'}]
    assert '8 of 64 free pages of 1 GiB' in found['where']
    [shortage] = [
        each for each in found['shortages'] if each['condition'] == 'pages'
    ]
    assert (shortage['asked'], shortage['available']) == (64, 8)


@pytest.fixture
def with_filters():
    """Enable more of Nova's filters."""
    more = [
        'AggregateInstanceExtraSpecsFilter',
        'AggregateMultiTenancyIsolation',
        'ServerGroupAffinityFilter',
        'ServerGroupAntiAffinityFilter',
    ]
    names = [
        name
        for name in CONF.filter_scheduler.enabled_filters
        if name not in more
    ]
    with settings.override(
        {'filter_scheduler.enabled_filters': [*names, *more]}
    ):
        yield


def rejected(found):
    """Instance, filter and text of each rejection."""
    return {
        (each['instances'][0]['uuid'], each['filter'], each['problem'])
        for each in found['findings']
        if each['check'] == 'Requests on own hosts'
    }


@pytest.mark.usefixtures('with_filters')
def test_filters_that_reject_the_own_host_are_named(run, cloud, guests_of):
    """Aggregates have changed since, as the stored requests show."""
    tagged, zoned = guests_of(2, extra_specs=HUGE)
    # 1: our filters come before cheaper ones.
    assert rejected(run('check', code=1)) == set()
    again = 'this host would not be chosen again for the stored request: '
    spec = objects.RequestSpec.get_by_instance_uuid(cloud.context, tagged.uuid)
    specs = {**HUGE, 'aggregate_instance_extra_specs:ssd': 'true'}
    spec.flavor.extra_specs = specs
    spec.save()
    spec = objects.RequestSpec.get_by_instance_uuid(cloud.context, zoned.uuid)
    spec.availability_zone = 'z9'
    spec.save()
    rack = {'cmp-2': 'r2'}.get(tagged.host, 'r1')
    assert rejected(run('check', code=1)) == {
        (
            tagged.uuid,
            'AggregateInstanceExtraSpecsFilter',
            f'{again}no aggregate of the host matches the extra specs '
            f'(it is in {rack})',
        ),
        (
            zoned.uuid,
            None,
            f'{again}the request is for availability zone z9, and the host is '
            'in nova',
        ),
    }
    records = [
        cloud.add_aggregate('fast', [tagged.host], {'ssd': 'true'}),
        cloud.add_aggregate('zone', [zoned.host], {'availability_zone': 'z9'}),
    ]
    try:
        assert rejected(run('check', code=1)) == set()
        records.append(
            cloud.add_aggregate(
                'theirs', [zoned.host], {'filter_tenant_id': 'others'}
            )
        )
        assert (
            zoned.uuid,
            'AggregateMultiTenancyIsolation',
            f'{again}its aggregates are reserved for other projects',
        ) in rejected(run('check', code=1))
    finally:
        for record in records:
            for host in list(record.hosts):
                record.delete_host(host)
            record.destroy()


@pytest.mark.usefixtures('with_filters')
def test_members_where_their_group_does_not_allow_them(run, cloud, guests_of):
    guests = guests_of(7, extra_specs=HUGE)
    hosts = [each.host for each in guests]
    crowded = max(hosts, key=hosts.count)
    there = [each for each in guests if each.host == crowded]
    elsewhere = next(each for each in guests if each.host != crowded)
    made = []

    def group(name, policy, members, **rules):
        one = objects.InstanceGroup(
            cloud.context,
            name=name,
            policy=policy,
            rules=rules,
            members=[each.uuid for each in members],
            user_id=cloud.context.user_id,
            project_id=cloud.context.project_id,
        )
        one.create()
        made.append(one)

    try:
        group('two', 'anti-affinity', there[:2], max_server_per_host=2)
        group('one', 'affinity', there[:1])
        group('soft', 'soft-anti-affinity', guests)
        # 1: our filters come before cheaper ones.
        assert rejected(run('check', code=1)) == set()
        group('apart', 'anti-affinity', there[:3], max_server_per_host=2)
        group('both', 'affinity', [there[0], elsewhere])
        found = rejected(run('check', code=1))
    finally:
        for one in made:
            one.destroy()
    again = 'this host would not be chosen again for the stored request: '
    assert found == {
        *(
            (
                each.uuid,
                'ServerGroupAntiAffinityFilter',
                f'{again}3 instances of the server group apart are there, '
                'where 2 may be (anti-affinity)',
            )
            for each in there[:3]
        ),
        *(
            (
                each.uuid,
                'ServerGroupAffinityFilter',
                f'{again}the server group both is on {other.host}, too '
                '(affinity)',
            )
            for each, other in (
                (there[0], elsewhere),
                (elsewhere, there[0]),
            )
        ),
    }


def test_a_misspelt_filter_is_a_failure(run):
    names = ['ComputeFilter', 'NUMAFitFiltr']
    with settings.override({'filter_scheduler.enabled_filters': names}):
        rows = by_name(run('check', code=2))
    row = rows['Scheduler starts']
    assert row['verdict'] == 'failure'
    assert 'NUMAFitFiltr' in row['details']
    row = rows['Requests on own hosts']
    assert row['verdict'] == 'skipped'
    assert row['details'].startswith('only claims were tried, no filters: ')


def test_wrong_metadata_of_aggregates_are_rows(run, cloud):
    record = cloud.add_aggregate(
        'odd', ['cmp-0'], {'rack': 'R9', 'nfv_scatter_weight_multiplier': 'x'}
    )
    try:
        found = run('check', code=1)
    finally:
        for host in list(record.hosts):
            record.delete_host(host)
        record.destroy()
    problem = finding_of(found, 'Failure domains')['problem']
    assert 'kind rack: R1, R9' in problem
    problem = finding_of(found, 'Multipliers of aggregates')['problem']
    assert 'nfv_scatter_weight_multiplier = x' in problem


def test_an_error_of_the_check_is_not_a_result(run, tmp_path, monkeypatch):
    words = ('--placement-config-file', str(tmp_path / 'no.conf'))
    assert run('check', *words, code=255) == ''
    assert 'no.conf' in run.err

    def unconfigured(parsed):
        raise backends.NoBackendError('no nova.conf')

    monkeypatch.setattr(backends, 'Backends', unconfigured)
    assert run('check', code=255) == ''
    assert 'no nova.conf' in run.err


def test_the_status_of_the_publisher_is_read(run, cloud, tmp_path):
    path = tmp_path / 'publisher.json'
    group = 'nfv_sched_publisher'
    CONF.set_override('status_file', str(path), group)
    try:
        rows = by_name(run('check', code=1))
        assert 'does not exist' in rows['Publisher']['details']
        new = status.Status('cells', 60.0, passed=time.time())
        status.write(path, new)
        assert by_name(run('check'))['Publisher']['verdict'] == 'success'
        old = dataclasses.replace(new, passed=time.time() - 999)
        status.write(path, old)
        rows = by_name(run('check', code=1))
        finding = rows['Publisher']['details']
        [age] = re.findall(r'the last pass was (\d+) s ago', finding)
        assert 999 <= int(age) <= round(time.time() - old.passed)
        path.write_text('[]')
        rows = by_name(run('check', code=1))
        assert 'not the status' in rows['Publisher']['details']
        path.write_text('{"source": "cells", "interval": 60, "counts": null}')
        rows = by_name(run('check', code=1))
        assert 'wrong type of counts' in rows['Publisher']['details']
    finally:
        CONF.clear_override('status_file', group)
