"""Passes over a simulated cloud: real databases, a real Placement."""

import logging

from nova.db.main import api as main_db
import pytest

from nfv_sched.nova import compute_nodes
from nfv_sched.nova import node_topologies
from nfv_sched.nova import node_versions
from nfv_sched.placement import api
from nfv_sched.placement import publisher
from nfv_sched.placement import schema
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.codec import encode
from nfv_sched.placement.errors import Refused
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.publishing.cells import CellsSource
from nfv_sched.publishing.pass_report import PassReport
from nfv_sched.sim import flavors
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.clouds import restored_databases

HOSTS = {
    'one': 'dell-2x6230r-64vf',
    'two': 'epyc7451-4node',
    'three': 'opteron-sparse-ids',
}


@pytest.fixture(scope='module')
def started():
    with cloud_of(HOSTS, aliases=flavors.aliases()) as running:
        yield running


@pytest.fixture
def cloud(started, tmp_path):
    """The cloud as it was started, whatever a test does to its databases.

    Objects of its computes are not restored: tests change copies of them.
    """
    with restored_databases(tmp_path):
        yield started


def copy_of_node(cloud, name):
    """A compute's record, to be changed and saved."""
    return cloud.computes[name].node.obj_clone()


@pytest.fixture
def settled(monkeypatch):
    """Treat rows that were just written like old ones."""
    monkeypatch.setattr(node_versions, 'SETTLE_SECONDS', -1.0)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


class Passes:
    """Passes of one publisher."""

    def __init__(self, cloud, source=None, **options):
        self.clock = Clock()
        self.source = source or CellsSource(clock=self.clock, **options)
        self.client = PlacementClient(cloud.placement)

    def __call__(self, may_continue=lambda: True):
        report = PassReport('none')
        self.source.run(self.client, report, may_continue)
        return report


def published(cloud):
    reader = TopologyReader(lambda: PlacementClient(cloud.placement))
    assert reader.refresh()
    return {host.name: host for host in reader.snapshot.hosts.values()}


def expected(cloud):
    """All hosts as they are, as far as a tree can describe them."""
    return {host.name: host for host in cloud.topologies()}


def test_only_what_changed_is_read_and_written(cloud, settled, monkeypatch):
    passes = Passes(cloud)
    first = passes()
    assert (first.kind, first.hosts, first.written) == ('full', 3, 3)
    assert first.finished
    assert published(cloud) == expected(cloud)
    # A host that was written is checked once more, and is unchanged.
    second = passes()
    assert (second.kind, second.checked, second.unchanged) == ('changed', 3, 3)
    assert second.writes == 0
    read = []
    real = compute_nodes._nodes_with_devices

    def nodes(context, uuids):
        read.extend(uuids)
        return real(context, uuids)

    monkeypatch.setattr(compute_nodes, '_nodes_with_devices', nodes)
    third = passes()
    assert (third.hosts, third.checked, third.writes) == (3, 0, 0)
    assert read == []
    (guest,) = cloud.boot(flavors.flavors()['anuket-HS.large'])
    assert guest.booted
    fourth = passes()
    assert (fourth.checked, fourth.usage, fourth.writes) == (1, 1, 1)
    assert read == [cloud.computes[guest.host].node.uuid]
    assert published(cloud) == expected(cloud)
    cloud.delete(guest)
    fifth = passes()
    assert (fifth.usage, fifth.writes) == (1, 1)
    assert published(cloud) == expected(cloud)
    assert [passes().checked, passes().checked] == [1, 0]


def test_a_device_alone_is_a_change(cloud, settled):
    passes = Passes(cloud)
    passes()
    passes()
    assert passes().checked == 0
    device = cloud.computes['one'].devices[0].obj_clone()
    device.claim('e9d2dcf4-6f4a-4e0f-9a52-000000000001')
    device.save()
    # Nova has not saved the pools yet: for a moment there is one more.
    changed = passes()
    assert (changed.checked, changed.written) == (1, 1)
    assert sum(published(cloud)['one'].usage.devices.values()) == 1


def test_rows_that_may_change_without_a_new_time_are_read_again(
    cloud, monkeypatch
):
    # All rows are younger than this.
    monkeypatch.setattr(node_versions, 'SETTLE_SECONDS', 3600.0)
    passes = Passes(cloud)
    for _ in range(3):
        assert passes().checked == 3


def test_a_rack_is_a_change(cloud, settled):
    passes = Passes(cloud, kinds=('rack',))
    passes()
    passes()
    assert passes().checked == 0
    cloud.add_aggregate('rack 7', ['two'], {'rack': 'r7'})
    changed = passes()
    assert (changed.checked, changed.written) == (1, 1)
    assert published(cloud)['two'].domains == {'rack': 'r7'}


def test_the_next_pass_repairs_a_root_that_others_changed(cloud, settled):
    passes = Passes(cloud)
    passes()
    passes()
    root = schema.root_uuid(cloud.computes['one'].node.uuid)
    passes.client.delete(f'/resource_providers/{root}/inventories')
    changed = passes()
    assert (changed.checked, changed.written) == (1, 1)
    # A root without the sentinel is not listed: missing, not incomplete.
    assert published(cloud) == expected(cloud)


def test_a_rack_name_that_fits_in_no_trait_is_logged_once(
    cloud, settled, caplog
):
    passes = Passes(cloud, kinds=('rack',), full_interval=100)
    name = '机柜' * 15
    cloud.add_aggregate('rack 7', ['two'], {'rack': name})
    for _ in range(3):
        report = passes()
        assert (report.failed, report.problems) == (0, [])
        passes.clock.now += 100
    assert published(cloud)['two'].domains == {}
    (line,) = [
        record.getMessage()
        for record in caplog.records
        if record.levelno == logging.WARNING
        and 'failure domain' in record.getMessage()
    ]
    assert 'Host two ' in line
    assert f'rack {name!r}' in line


def test_a_full_pass_repairs_children_that_others_changed(cloud, settled):
    passes = Passes(cloud, full_interval=100)
    passes()
    passes()
    root = schema.root_uuid(cloud.computes['one'].node.uuid)
    cell = schema.cell_uuid(root, 0)
    passes.client.delete(f'/resource_providers/{cell}/traits')
    assert 'one' not in published(cloud)
    assert passes().checked == 0
    passes.clock.now += 100
    full = passes()
    assert (full.kind, full.checked, full.written) == ('full', 3, 1)
    assert full.incomplete == 1
    assert published(cloud) == expected(cloud)


def test_an_orphaned_tree_is_removed_after_the_grace_period(
    cloud, settled, caplog
):
    passes = Passes(cloud, grace=50)
    passes()
    copy_of_node(cloud, 'two').destroy()
    left = passes()
    assert (left.hosts, left.removed) == (2, 0)
    passes.clock.now += 49
    assert passes().removed == 0
    assert len(published(cloud)) == 3
    passes.clock.now += 1
    assert passes().removed == 1
    assert 'two:nfv' in caplog.text
    assert sorted(published(cloud)) == ['one', 'three']
    assert passes().removed == 0


def test_a_compute_node_that_returns_in_time_keeps_its_tree(
    cloud, settled, monkeypatch
):
    passes = Passes(cloud, grace=50)
    passes()
    real = compute_nodes._rows
    with monkeypatch.context() as patch:
        patch.setattr(compute_nodes, '_rows', _without(real, 'two'))
        passes()
    passes.clock.now += 40
    passes()
    monkeypatch.setattr(compute_nodes, '_rows', _without(real, 'two'))
    passes.clock.now += 40
    # The grace period began again.
    assert passes().removed == 0


def test_the_grace_period_restarts_when_a_nova_cell_does_not_answer(
    cloud, settled, monkeypatch
):
    passes = Passes(cloud, grace=50)
    passes()
    copy_of_node(cloud, 'two').destroy()
    passes()
    passes.clock.now += 40

    def down(*args):
        raise OSError('gone')

    with monkeypatch.context() as patch:
        patch.setattr(compute_nodes, '_rows', down)
        passes()
    passes.clock.now += 40
    assert passes().removed == 0
    passes.clock.now += 50
    assert passes().removed == 1


def test_a_tree_that_cannot_be_removed_does_not_fail_the_pass(
    cloud, settled, monkeypatch
):
    passes = Passes(cloud, grace=0, full_interval=100)
    passes()
    for name in 'one', 'two':
        copy_of_node(cloud, name).destroy()
    real = PlacementClient.delete

    def delete(client, path):
        if schema.root_uuid(cloud.computes['one'].node.uuid) in path:
            raise Refused(409, '', 'another client uses it')
        real(client, path)

    monkeypatch.setattr(PlacementClient, 'delete', delete)
    passes.clock.now += 100
    for kind, removed in (('full', 1), ('changed', 0)):
        report = passes()
        assert (report.kind, report.removed) == (kind, removed)
        assert report.finished
        (problem,) = report.problems
        assert 'one:nfv' in problem
        assert 'another client uses it' in problem


def test_a_host_that_cannot_be_published_is_a_problem(
    cloud, settled, monkeypatch, caplog
):
    passes = Passes(cloud)

    def refuse(host):
        if host.name == 'two':
            raise schema.Unencodable('too many cells')
        return encode(host)

    monkeypatch.setattr(publisher, 'encode', refuse)
    report = passes()
    assert (report.failed, report.written) == (1, 2)
    assert report.problems == ['two: too many cells']
    # The loop logs it, once.
    assert 'too many cells' not in caplog.text


def _without(real, name):
    return lambda *args: [row for row in real(*args) if row.name != name]


def test_no_tree_is_removed_while_a_nova_cell_does_not_answer(
    cloud, settled, monkeypatch
):
    passes = Passes(cloud, grace=0)
    passes()
    before = len(published(cloud))

    def down(*args):
        raise OSError('mysql+pymysql://nova:s3cret@db/nova_cell1 is down')

    with monkeypatch.context() as patch:
        patch.setattr(compute_nodes, '_rows', down)
        report = passes()
    assert (report.finished, report.hosts, report.removed) == (False, 0, 0)
    assert 's3cret' not in str(report.problems)
    assert 'cell1' in report.problems[0]
    assert len(published(cloud)) == before
    again = passes()
    assert again.finished
    assert again.problems == []


def test_a_nova_cell_lost_between_two_pages_affects_only_its_hosts(
    cloud, settled, monkeypatch
):
    passes = Passes(cloud, page=1)
    real = compute_nodes._nodes_with_devices
    pages = []

    def nodes(context, uuids):
        pages.append(uuids)
        if len(pages) > 1:
            raise OSError('gone')
        return real(context, uuids)

    monkeypatch.setattr(compute_nodes, '_nodes_with_devices', nodes)
    report = passes()
    assert report.written == 1
    assert len(report.problems) == 1
    monkeypatch.setattr(compute_nodes, '_nodes_with_devices', real)
    assert passes().written == 2
    assert published(cloud) == expected(cloud)


def test_a_malformed_compute_node_is_read_in_each_pass(cloud, settled):
    passes = Passes(cloud)
    node = cloud.computes['two'].node

    def store(text):
        main_db.compute_node_update(
            cloud.cell_context, node.id, {'numa_topology': text}
        )

    store('no json')
    first = passes()
    assert (first.written, first.skipped) == (2, 1)
    assert len(first.problems) == 1
    assert node.uuid in first.problems[0]
    # Its tree is not removed.
    passes()
    assert passes().skipped == 1
    store(node.numa_topology)
    assert passes().written == 1
    assert published(cloud) == expected(cloud)


def test_a_pass_ends_between_two_hosts(cloud, settled):
    passes = Passes(cloud)
    calls = []

    def may_continue():
        calls.append(1)
        # Once before the page, then before each host.
        return len(calls) <= 2

    report = passes(may_continue)
    assert (report.written, report.finished) == (1, False)
    assert len(published(cloud)) == 1
    assert passes().kind == 'full'
    assert published(cloud) == expected(cloud)


def test_pages_of_any_size_show_all_compute_nodes(cloud):
    everything = {compute.node.uuid for compute in cloud.computes.values()}
    for page in (1, 2, 3, 500):
        scan = node_versions.scan(page=page)
        assert scan.node_versions.keys() == everything
        hosts = [
            host.uuid
            for part in node_topologies.read_topologies(scan, everything, page)
            for host in part.hosts
        ]
        assert sorted(hosts) == sorted(everything)


def test_a_renamed_host_keeps_its_tree(cloud, settled):
    passes = Passes(cloud)
    passes()
    node = copy_of_node(cloud, 'two')
    root = schema.root_uuid(node.uuid)
    node.hypervisor_hostname = 'two.example.org'
    node.save()
    assert passes().written == 1
    names = {
        provider.name for provider in api.tree_of(passes.client, root).values()
    }
    assert all(name.startswith('two.example.org:nfv') for name in names)
    assert 'two' not in published(cloud)
    assert published(cloud)['two.example.org'].uuid == node.uuid


def test_progress_of_a_long_pass_is_logged(cloud, caplog):
    caplog.set_level(logging.INFO)
    passes = Passes(cloud)

    class Slow(Clock):
        def __call__(self):
            self.now += 6
            return self.now

    Passes(cloud, CellsSource(clock=Slow()))()
    assert '3 of 3 hosts' in caplog.text or '2 of 3 hosts' in caplog.text
    caplog.clear()
    passes()
    assert 'of 3 hosts' not in caplog.text
