"""The reader on small sysfs trees, regular and malformed ones."""

import pathlib

import pytest

from nfv_sched import sysfs
from nfv_sched.sysfs.files import MalformedSysfs
from tests.sysfs.trees import device
from tests.sysfs.trees import plain
from tests.sysfs.trees import write

SYSTEM = 'devices/system'


def test_a_plain_machine(tmp_path):
    machine = sysfs.read(write(tmp_path, plain()))
    assert [sorted(node.cpus) for node in machine.nodes] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
    ]
    assert [node.memory_kib for node in machine.nodes] == [2**20, 2**21]
    assert machine.nodes[1].distances == {0: 21, 1: 10}
    assert machine.nodes[1].pages == {2048: sysfs.SysfsPages(8, 4)}
    assert machine.cpus.siblings == tuple(
        frozenset({cpu, cpu + 1}) for cpu in (0, 2, 4, 6)
    )
    assert machine.devices == ()


def test_offline_cpus_belong_to_a_node_but_not_to_a_core(tmp_path):
    files = plain()
    files[f'{SYSTEM}/cpu/online'] = '0-4,6-7'
    # As on x86: removed from the node's list, but the link stays.
    files[f'{SYSTEM}/node/node1/cpulist'] = '4,6-7'
    for cpu in (4, 5, 6, 7):
        files[f'{SYSTEM}/node/node1/cpu{cpu}'] = pathlib.Path(
            f'../../cpu/cpu{cpu}'
        )
    machine = sysfs.read(write(tmp_path, files))
    node = machine.nodes[1]
    assert (node.cpus, node.offline) == ({4, 6, 7}, {5})
    assert machine.nodes[0].offline == frozenset()
    assert frozenset({4}) in machine.cpus.siblings
    assert all(5 not in group for group in machine.cpus.siblings)
    assert machine.cpus.l3[1].cpus == {4, 6, 7}
    assert 5 not in machine.cpus.sockets


def test_offline_cpus_that_stay_in_the_list_of_their_node(tmp_path):
    files = plain()
    files[f'{SYSTEM}/cpu/online'] = '0-5'
    machine = sysfs.read(write(tmp_path, files))
    assert machine.nodes[1].cpus == {4, 5}
    assert machine.nodes[1].offline == {6, 7}


def test_without_lists_each_cpu_says_whether_it_is_online(tmp_path):
    files = plain(nodes=1)
    del files[f'{SYSTEM}/cpu/online'], files[f'{SYSTEM}/cpu/present']
    files[f'{SYSTEM}/cpu/cpu2/online'] = 0
    files[f'{SYSTEM}/cpu/cpu3/online'] = 1
    machine = sysfs.read(write(tmp_path, files))
    assert machine.cpus.online == {0, 1, 3}
    assert machine.cpus.present == {0, 1, 2, 3}


def test_an_offline_node_is_left_out(tmp_path):
    files = plain()
    files[f'{SYSTEM}/node/online'] = '1'
    files[f'{SYSTEM}/node/node1/distance'] = '10'
    files |= device('0000:3b:00.0', node=0) | device('0000:3c:00.0', node=1)
    machine = sysfs.read(write(tmp_path, files))
    assert [node.id for node in machine.nodes] == [1]
    assert machine.nodes[0].distances == {1: 10}
    assert [device.numa_node for device in machine.devices] == [None, 1]


@pytest.mark.parametrize(
    ('name', 'text', 'why'),
    [
        (f'{SYSTEM}/cpu/online', '0-', 'not a list'),
        (f'{SYSTEM}/cpu/online', '3-1', 'not a range'),
        (f'{SYSTEM}/cpu/online', '0-99999999999', 'not a range'),
        (f'{SYSTEM}/node/node1/cpulist', 'all', 'not a list'),
        (f'{SYSTEM}/node/node1/meminfo', 'Node 1 MemFree: 3 kB', 'MemTotal'),
        (f'{SYSTEM}/cpu/cpu0/topology/physical_package_id', 'x', "'x'"),
        (
            f'{SYSTEM}/node/node0/hugepages/hugepages-2048kB/nr_hugepages',
            '1.5',
            '1.5',
        ),
    ],
)
def test_a_malformed_file_is_named(name, text, why, tmp_path):
    write(tmp_path, plain() | {name: text})
    with pytest.raises(MalformedSysfs, match=why) as caught:
        sysfs.read(tmp_path)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize(
    ('row', 'why'),
    [('10', '1 columns for 2'), ('10 far', 'far'), ('', 'no distances')],
)
def test_a_bad_row_of_distances_costs_this_row(row, why, tmp_path):
    name = f'{SYSTEM}/node/node1/distance'
    machine = sysfs.read(write(tmp_path, plain() | {name: row}))
    assert [node.distances for node in machine.nodes] == [{0: 10, 1: 21}, {}]
    assert machine.nodes[1].cpus == {4, 5, 6, 7}
    (problem,) = machine.problems
    assert str(tmp_path / name) in problem
    assert why in problem


def test_firmware_without_distances_is_not_a_problem(tmp_path):
    files = plain()
    for node in (0, 1):
        del files[f'{SYSTEM}/node/node{node}/distance']
    machine = sysfs.read(write(tmp_path, files))
    assert [node.distances for node in machine.nodes] == [{}, {}]
    assert machine.problems == ()


def test_a_missing_sysfs_is_malformed(tmp_path):
    with pytest.raises(MalformedSysfs, match='no CPU is online'):
        sysfs.read(tmp_path)


def test_a_malformed_device_is_reported_and_the_others_are_read(tmp_path):
    files = plain()
    files |= device('0000:3b:00.0', vendor='intel') | device('0000:3b:00.1')
    files |= device('0000:3b:00.2', device='0x12345')
    files |= device('0000:3b:00.3', sriov_totalvfs=-5)
    machine = sysfs.read(write(tmp_path, files))
    assert [device.address for device in machine.devices] == ['0000:3b:00.1']
    assert len(machine.problems) == 3
    assert '0000:3b:00.0/vendor' in machine.problems[0]
    assert '0x12345 is not an id' in machine.problems[1]
    assert 'sriov_totalvfs: -5 functions' in machine.problems[2]


def test_functions_and_their_links(tmp_path):
    pf, vf = '0000:3b:00.0', '0000:3b:02.0'
    files = plain()
    files |= device(
        pf,
        sriov_totalvfs=64,
        virtfn0=pathlib.Path(f'../{vf}'),
        driver=pathlib.Path('../../drivers/i40e'),
        **{'net/ens1/speed': 25000, 'net/ens1d1/speed': -1},
    )
    files |= device(vf, physfn=pathlib.Path(f'../{pf}'), numa_node=-1)
    machine = sysfs.read(write(tmp_path, files))
    physical, virtual = machine.devices
    assert (physical.vfs, physical.sriov_total) == ((vf,), 64)
    assert (physical.driver, physical.nets) == ('i40e', ('ens1', 'ens1d1'))
    assert physical.link_mbps == 25000
    assert (virtual.physfn, virtual.numa_node) == (pf, None)


@pytest.mark.parametrize('speed', ['-1', '4294967295', '2147483648', '0', ''])
def test_a_link_that_is_down_has_no_speed(speed, tmp_path):
    files = plain() | device('0000:3b:00.0', **{'net/ens1/speed': speed})
    machine = sysfs.read(write(tmp_path, files))
    assert machine.devices[0].link_mbps is None


def test_devices_are_found_behind_bridges_where_no_bus_lists_them(tmp_path):
    files = plain()
    below = 'devices/pci0000:3a/0000:3a:00.0'
    vmd = f'{below}/pci10000:00/10000:00:02.0'
    for name in (below, f'{below}/0000:3b:00.0', vmd):
        files |= {f'{name}/{key}': '0x1234' for key in ('vendor', 'device')}
    machine = sysfs.read(write(tmp_path, files))
    assert [device.address for device in machine.devices] == [
        '0000:3a:00.0',
        '0000:3b:00.0',
        '10000:00:02.0',
    ]
