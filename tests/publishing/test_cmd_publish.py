"""``nfv-sched publish`` on a whole simulated cloud."""

import io
import json
import logging
import sys

from nova import objects
import nova.conf
import pytest

from nfv_sched.cmd import publish_action
from nfv_sched.cmd.main import main
from nfv_sched.nova import compute_nodes
from nfv_sched.nova import compute_topology
from nfv_sched.nova import config as nova_config
from nfv_sched.nova import node_topologies
from nfv_sched.placement import publisher
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.publishing import progress
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from tests.sysfs import trees

CONF = nova.conf.CONF


@pytest.fixture(scope='module')
def two_hosts():
    hosts = {'one': 'dell-2x6230r-64vf', 'two': 'epyc7451-4node'}
    with cloud_of(hosts) as running:
        yield running


@pytest.fixture
def publish(two_hosts, monkeypatch, capsys):
    files = []
    monkeypatch.setattr(nova_config, 'configure', files.append)
    monkeypatch.setattr(
        nova_config, 'placement_adapter', lambda: two_hosts.placement
    )

    def run(*arguments):
        code = main(['publish', '-f', 'json', *arguments])
        found = json.loads(capsys.readouterr().out)
        dry = '--dry-run' in arguments
        return code, found['writes' if dry else 'hosts']

    run.files = files
    return run


def test_a_cloud_is_published_and_read(two_hosts, publish):
    code, rows = publish('--dry-run', '--config-file', 'a', '--config-file=b')
    assert code == 0
    assert publish.files == [['a', 'b']]
    assert {row['host'] for row in rows} == {'one', 'two'}
    assert any(row['method'] == 'POST' for row in rows)
    code, rows = publish()
    assert code == 0
    assert {row['host']: row['outcome'] for row in rows} == {
        'one': 'written',
        'two': 'written',
    }
    reader = TopologyReader(lambda: PlacementClient(two_hosts.placement))
    assert reader.refresh()
    assert len(reader.snapshot.hosts) == 2
    for name, compute in two_hosts.computes.items():
        topology = reader.snapshot.get(compute.node.uuid)
        assert topology.name == name
        assert len(topology.cells) == len(compute.topology.cells)
        assert sum(pool.total for pool in topology.pools) == len(
            compute.devices
        )
    code, rows = publish()
    assert [row['outcome'] for row in rows] == ['unchanged'] * 2


def test_racks_are_published_with_one_query_for_all_hosts(
    two_hosts, publish, monkeypatch
):
    publish()
    two_hosts.add_aggregate('rack 7', ['one'], {'rack': 'r7', 'ssd': 'true'})
    assert [row['outcome'] for row in publish()[1]] == ['unchanged'] * 2
    CONF.set_override('failure_domains', ['rack', 'row'], 'nfv_sched')
    contexts = []
    real = objects.AggregateList.get_all

    def get_all(context):
        contexts.append(context)
        return real(context)

    monkeypatch.setattr(objects.AggregateList, 'get_all', get_all)
    try:
        code, rows = publish()
        again = publish()[1]
    finally:
        CONF.clear_override('failure_domains', 'nfv_sched')
    assert code == 0
    assert len(contexts) == 2
    outcomes = {row['host']: (row['outcome'], row['writes']) for row in rows}
    assert outcomes == {'one': ('written', 2), 'two': ('unchanged', 0)}
    assert [row['outcome'] for row in again] == ['unchanged'] * 2
    reader = TopologyReader(lambda: PlacementClient(two_hosts.placement))
    assert reader.refresh()
    assert {
        topology.name: topology.domains
        for topology in reader.snapshot.hosts.values()
    } == {'one': {'rack': 'r7'}, 'two': {}}


def test_unreadable_cells_are_reported_and_no_tree_is_removed(
    two_hosts, publish, monkeypatch, caplog
):
    publish()

    def fail(*args):
        raise OSError('the database is down')

    monkeypatch.setattr(compute_nodes, '_rows', fail)
    code, rows = publish('--prune')
    assert (code, rows) == (1, [])
    assert 'the database is down' in caplog.text
    assert 'No tree is removed' in caplog.text
    monkeypatch.undo()
    reader = TopologyReader(lambda: PlacementClient(two_hosts.placement))
    reader.refresh()
    assert len(reader.snapshot.hosts) == 2


def test_a_malformed_compute_node_does_not_stop_others(
    two_hosts, publish, monkeypatch, caplog
):
    real = node_topologies.topology_of

    def fail(node, *rest):
        if node.hypervisor_hostname == 'two':
            raise compute_topology.MalformedComputeError(
                'compute node two: torn'
            )
        return real(node, *rest)

    monkeypatch.setattr(node_topologies, 'topology_of', fail)
    code, rows = publish('--prune')
    assert code == 1
    assert [row['host'] for row in rows] == ['one']
    assert 'compute node two' in caplog.text
    reader = TopologyReader(lambda: PlacementClient(two_hosts.placement))
    reader.refresh()
    assert len(reader.snapshot.hosts) == 2


def test_orphaned_trees_are_pruned(two_hosts, publish, monkeypatch, caplog):
    publish()
    real = compute_nodes._rows
    monkeypatch.setattr(
        compute_nodes,
        '_rows',
        lambda *args: [row for row in real(*args) if row.name != 'two'],
    )
    publish()
    reader = TopologyReader(lambda: PlacementClient(two_hosts.placement))
    reader.refresh()
    assert len(reader.snapshot.hosts) == 2
    publish('--prune')
    assert 'two:nfv' in caplog.text
    reader.refresh()
    assert [host.name for host in reader.snapshot.hosts.values()] == ['one']


def test_what_sysfs_adds_is_published_once(
    two_hosts, publish, monkeypatch, tmp_path
):
    uuid = two_hosts.computes['two'].node.uuid
    monkeypatch.setattr(nova_config, 'local_node', lambda: ('two', uuid))
    root = trees.write(tmp_path, trees.plain())
    monkeypatch.setattr(publish_action, '_SYSFS', root)
    assert publish()[0] == 0
    code, (row,) = publish('--source', 'sysfs')
    assert (code, row['host'], row['outcome']) == (0, 'two', 'written')
    assert publish('--source=sysfs')[1][0]['outcome'] == 'unchanged'
    # The part that nova-computes reported is unchanged.
    assert {row['outcome'] for row in publish()[1]} == {'unchanged'}


@pytest.mark.parametrize(
    ('arguments', 'expected'), [((), 3), (('--concurrency=7',), 7)]
)
def test_several_hosts_are_published_at_the_same_time(
    publish, monkeypatch, arguments, expected
):
    numbers = []

    class Recorded(publisher.Round):
        def __init__(self, *args, concurrency, **options):
            numbers.append(concurrency)
            super().__init__(*args, concurrency=concurrency, **options)

    monkeypatch.setattr(publish_action, 'Round', Recorded)
    CONF.set_override('concurrency', 3, 'nfv_sched_publisher')
    try:
        code, rows = publish(*arguments)
    finally:
        CONF.clear_override('concurrency', 'nfv_sched_publisher')
    assert (code, numbers) == (0, [expected])
    assert {row['host'] for row in rows} == {'one', 'two'}


@pytest.mark.parametrize('number', ['0', '11', 'x'])
def test_the_number_of_hosts_at_the_same_time_is_limited(
    two_hosts, number, capsys
):
    with pytest.raises(SystemExit):
        main(['publish', '--concurrency', number])
    assert '--concurrency' in capsys.readouterr().err


@pytest.mark.parametrize('terminal', [True, False])
def test_progress_is_shown_on_a_terminal_and_logged_elsewhere(
    two_hosts, publish, monkeypatch, caplog, terminal
):
    """Neither appears in the output."""
    # As -v does.
    caplog.set_level(logging.INFO, progress.LOG.name)
    monkeypatch.setattr(progress, 'INTERVAL', 0.0)
    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(sys, 'stderr', stream)
    monkeypatch.setenv('TERM', 'xterm')
    code, rows = publish()
    assert code == 0
    assert len(rows) == 2
    assert ('Hosts' in stream.getvalue()) is terminal
    logged = 'Published 2 of 2 hosts, about 0 s left' in caplog.text
    assert logged is not terminal


def test_sysfs_cannot_be_combined_with_dry_run(publish, two_hosts):
    assert main(['publish', '--source=sysfs', '--dry-run']) == 1
