"""The supplement that a compute node publishes about itself."""

import pytest

from nfv_sched.model import FunctionTopology
from nfv_sched.nova import config as nova_config
from nfv_sched.placement.publisher import publish
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.publishing.pass_report import PassReport
from nfv_sched.publishing.sysfs import SysfsSource
from nfv_sched.sysfs import MalformedSysfs
from tests.placement.examples import host
from tests.placement.examples import read
from tests.placement.examples import reported
from tests.sysfs.trees import device
from tests.sysfs.trees import plain
from tests.sysfs.trees import write


def machine_files():
    pf = '0000:3b:00.0'
    files = plain()
    files |= device(pf, sriov_totalvfs=64, **{'net/ens1/speed': 25000})
    files |= device('0000:3c:00.0', sriov_totalvfs=0)
    files |= device('0000:3d:00.0', **{'net/ens2/speed': 1000})
    # One L3 cache shared by both nodes, and one offline CPU.
    for cpu in range(8):
        at = f'devices/system/cpu/cpu{cpu}/cache/index3/shared_cpu_list'
        files[at] = '0-7'
    files['devices/system/cpu/online'] = '0-6'
    return files


def test_only_what_nova_does_not_report_is_published(tmp_path, client):
    uuid = host().uuid
    publish(client, [reported()])
    source = SysfsSource('host0', uuid, write(tmp_path, machine_files()))
    first, second = PassReport(''), PassReport('')
    source.run(client, first)
    assert (first.written, first.finished) == (1, True)
    source.run(client, second)
    assert (second.unchanged, second.writes) == (1, 0)
    reader = TopologyReader(lambda: client)
    assert reader.refresh()
    published = reader.snapshot.get(uuid)
    assert [cell.distances for cell in published.cells] == [
        {0: 10, 1: 21},
        {0: 21, 1: 10},
    ]
    assert [cell.l3 for cell in published.cells] == [{0}, {0}]
    assert [cell.offline_cpus for cell in published.cells] == [0, 1]
    assert published.functions == (
        FunctionTopology('0000:3b:00.0', 64, 25000, numa_node=0),
        FunctionTopology('0000:3d:00.0', None, 1000, numa_node=0),
    )
    assert published.cells[0].memory_mib == host().cells[0].memory_mib


def test_a_pass_without_a_tree_fails_and_is_repeated(tmp_path, client):
    source = SysfsSource('host0', host().uuid, write(tmp_path, plain()))
    report = PassReport('')
    source.run(client, report)
    assert not report.finished
    assert 'not published yet' in report.problems[0]
    publish(client, [reported()])
    report = PassReport('')
    source.run(client, report)
    assert report.finished


def test_malformed_sysfs_leaves_the_supplement(tmp_path, client):
    publish(client, [reported()])
    root = write(tmp_path, plain())
    source = SysfsSource('host0', host().uuid, root)
    source.run(client, PassReport(''))
    write(root, {'devices/system/node/node0/cpulist': 'far'})
    with pytest.raises(MalformedSysfs):
        source.run(client, PassReport(''))
    reader = TopologyReader(lambda: client)
    assert reader.refresh()
    assert reader.snapshot.get(host().uuid).cells[0].distances


def test_the_local_node_is_read_from_novas_file(tmp_path, nova_options):
    nova_options.set_override('state_path', str(tmp_path))
    nova_options.set_override('host', 'cmp-1')
    with pytest.raises(nova_config.NoIdentityError, match='compute_id'):
        nova_config.local_node()
    (tmp_path / 'compute_id').write_text(f'{host().uuid}\n')
    assert nova_config.local_node() == ('cmp-1', host().uuid)
    (tmp_path / 'compute_id').write_text('me')
    with pytest.raises(nova_config.NoIdentityError, match='compute_id'):
        nova_config.local_node()


@pytest.mark.parametrize('ids', [True, False])
def test_offline_dedicated_cpus_write_nothing(ids, tmp_path, client, wsgi):
    """As nova-compute takes them offline while no instance uses them."""
    publish(client, [reported()])
    files = plain()
    if ids:
        for cpu in range(8):
            at = f'devices/system/cpu/cpu{cpu}/cache/index3/id'
            files[at] = 3 * (cpu // 4)
    write(tmp_path / 'idle', files)
    files['devices/system/cpu/online'] = '0-3,6'
    # Sysfs shows nothing of an offline CPU.
    hidden = [f'devices/system/cpu/cpu{cpu}/' for cpu in (4, 5, 7)]
    files = {
        name: value
        for name, value in files.items()
        if not name.startswith(tuple(hidden))
    }
    files['devices/system/node/node1/cpulist'] = '6'
    for cpu in range(4, 8):
        files[f'devices/system/node/node1/cpu{cpu}'] = f'../../cpu/cpu{cpu}'
        name = f'devices/system/cpu/cpu{cpu}/cache/index3/shared_cpu_list'
        if name in files:
            files[name] = '6'
    write(tmp_path / 'saving', files)

    def run(folder):
        report = PassReport('')
        SysfsSource(
            'host0', host().uuid, tmp_path / folder, frozenset(range(4, 8))
        ).run(client, report)
        assert report.problems == []
        return report.writes

    assert run('idle') > 0
    published = read(client, reported())
    second = {3} if ids else {4}
    assert [cell.l3 for cell in published.cells] == [{0}, second]
    wsgi.calls.clear()
    assert run('saving') == 0
    assert wsgi.writes == []
    assert read(client, reported()) == published
