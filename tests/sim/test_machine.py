import json
import pathlib
import re

import pytest

from nfv_sched.sim import machine
from nfv_sched.sim import numa_devices
from nfv_sched.sim.machine import MachineError
from nfv_sched.sim.machine import parse_cpus

EXPECTED = (
    pathlib.Path(__file__).resolve().parents[3]
    / 'shared'
    / 'topologies'
    / 'expected'
)

# Our machine -> the record whose facts it has.
RECORDED = {
    'dell-2x6230r-64vf': 'dell-2x6230r-64vf',
    'epyc7451-4node': 'xml-epyc7451-4node-pci',
    'opteron-sparse-ids': 'hwloc-opteron-sparse-ids',
    'r740xd-one-pool': 'nto-worker1-2x6230-hp',
    'turin-nps4': 'xml-turin-nps4',
}

GOOD = """
about: two small cells
smt: {threads: 2, stride: 4}
dedicated: 1-3,5-7
cells:
  - {id: 0, cpus: '0-1,4-5', memory_mib: 4096, pages: {1G: 2}}
  - {id: 1, cpus: '2-3,6-7', memory_mib: 4096}
nics:
  - {address: '0000:3b:00.1', cell: 1, ids: '8086:158b', vfs: 10,
     vf_ids: '8086:154c', physnet: physnet1}
"""


@pytest.mark.parametrize(
    ('text', 'cpus'),
    [
        ('', set()),
        ('3', {3}),
        ('0-2,7', {0, 1, 2, 7}),
        ('0-7:1/2', {0, 2, 4, 6}),
        ('1-8:2/4', {1, 2, 5, 6}),
    ],
)
def test_cpu_lists_are_read_as_the_kernel_writes_them(text, cpus):
    assert parse_cpus(text) == cpus


@pytest.mark.parametrize('text', ['a', '1-', '0-7:2', '-3'])
def test_what_is_no_cpu_list_is_refused(text):
    with pytest.raises(ValueError, match='not a range'):
        parse_cpus(text)


def test_a_description_becomes_a_machine():
    small = machine.parse('small', GOOD)
    assert [cell.id for cell in small.cells] == [0, 1]
    assert small.memory_mib == 8192
    assert small.cores(small.cells[0]) == ({0, 4}, {1, 5})
    assert small.cells[0].pages == {1048576: 2}
    assert small.cells[0].base_pages(4) == 2 * 1024 * 1024 // 4
    [nic] = small.nics
    assert nic.assign is machine.Assign.VFS
    assert nic.vf_addresses[0] == '0000:3b:0a.0'
    assert nic.vf_addresses[-1] == '0000:3b:0b.1'
    assert nic.assignable_addresses == nic.vf_addresses


@pytest.mark.parametrize(
    ('old', 'new', 'complaint'),
    [
        ('about: two small cells', '', '3: about: is missing'),
        ('about:', 'abuot: x\nabout:', '2: abuot: is unknown; did you mean'),
        (
            'memory_mib: 4096}',
            'memory_mib: -1}',
            '7: cells[1].memory_mib: must not be negative',
        ),
        (
            'memory_mib: 4096}',
            'memory_mib: 4G}',
            '7: cells[1].memory_mib: must be a whole number, not "4G"',
        ),
        (
            '{id: 1,',
            '{id: 0,',
            '7: cells[1].id: there is a NUMA node 0 already',
        ),
        (
            "'2-3,6-7'",
            "'1-3,6-7'",
            '7: cells[1].cpus: NUMA node 0 has CPU 1 already',
        ),
        (
            "'2-3,6-7'",
            "'2-3,7'",
            '7: cells[1].cpus: has only part of the core of CPUs 2, 6',
        ),
        (
            "'2-3,6-7'",
            "'2-3,6-x'",
            '7: cells[1].cpus: "2-3,6-x" is not a list of CPUs such as',
        ),
        ('stride: 4', 'stride: 0', '3: smt.stride: several threads need a'),
        ('1-3,5-7', '1-3,5-9', '4: dedicated: no NUMA node has CPUs 8, 9'),
        (
            'dedicated:',
            'shared: 3\ndedicated:',
            '4: shared: CPU 3 both dedicated and shared',
        ),
        ('{1G: 2}', '{1G: 5}', 'pages: more huge pages than memory'),
        (
            '{1G: 2}',
            '{1X: 2}',
            'pages.1X: is not a page size such as 4K, 2M or 1G',
        ),
        (
            '{1G: 2}',
            '{1G: 2}, reserved_pages: {1G: 3}',
            'reserved_pages: more pages of 1048576 KiB are reserved than',
        ),
        (
            '{1G: 2}',
            '{1G: 2}, distances: [10]',
            'cells[0].distances: needs 2 distances',
        ),
        ('cell: 1', 'cell: 7', 'nics[0].cell: there is no NUMA node 7'),
        (
            "'0000:3b:00.1'",
            "'3b:00.1'",
            'address: "3b:00.1" is not a PCI address such as 0000:3b:00.1',
        ),
        (
            "'8086:158b'",
            "'158b'",
            'ids: "158b" is not a pair of vendor and product such as',
        ),
        (
            'vfs: 10',
            'vfs: 10, assign: port',
            'assign: "port" is not one of none, ports, vfs, both; did you '
            'mean ports?',
        ),
        ("vf_ids: '8086:154c', ", '', 'nics[0].vf_ids: is missing'),
        ('cells:', 'cells: []\nmore:', '5: cells: must not be empty'),
        ('about: two', 'about: {two', '3: not YAML'),
        ('about: two', '- two', 'not YAML'),
    ],
)
def test_a_bad_description_is_refused_with_the_entry_at_fault(
    old, new, complaint
):
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    if new.startswith('cells: []'):
        text = text.replace('more:', '', 1).split('  - {id', 1)[0]
    with pytest.raises(MachineError, match=re.escape(complaint)) as error:
        machine.parse('broken', text)
    assert str(error.value).startswith('machine broken:')


def test_all_problems_of_a_description_are_reported_by_line():
    text = (
        GOOD.replace("'2-3,6-7'", "'2-3'")
        .replace('{1G: 2}', '{1X: 2}')
        .replace('physnet:', 'fysnet:')
    )
    with pytest.raises(MachineError) as error:
        machine.parse('broken', text)
    assert [
        (problem.line, problem.path) for problem in error.value.problems
    ] == [
        (6, 'cells[0].pages.1X'),
        (7, 'cells[1].cpus'),
        (7, 'cells[1].cpus'),
        (10, 'nics[0].fysnet'),
    ]
    assert len(str(error.value).splitlines()) == 4


def test_an_unknown_machine_is_refused_with_the_known_ones():
    with pytest.raises(MachineError, match='turin-nps4'):
        machine.load('nope')
    with pytest.raises(MachineError, match=r'did you mean turin-nps4\?'):
        machine.load('turin-nps')


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_bytes(b'about: \xff')
    with pytest.raises(MachineError, match=r'mine\.yaml:1: is not UTF-8 text'):
        machine.load_file(path)


def test_every_machine_of_the_package_loads():
    assert len(machine.names()) >= 6
    for name in machine.names():
        assert machine.load(name).name == name


@pytest.mark.parametrize(('name', 'record'), RECORDED.items())
def test_a_machine_has_the_facts_of_its_record(name, record):
    path = EXPECTED / f'{record}.json'
    if not path.exists():
        pytest.skip(f'the recorded topologies are not at {EXPECTED}')
    facts = json.loads(path.read_text())
    ours = machine.load(name)
    nodes = facts['nodes']
    assert [cell.id for cell in ours.cells] == [node['id'] for node in nodes]
    sockets = {
        cpu: socket['id']
        for socket in facts['sockets']
        for cpu in socket['cpus']
    }
    for cell, node in zip(ours.cells, nodes, strict=True):
        assert cell.cpus == set(node['cpus'])
        assert {sockets[cpu] for cpu in cell.cpus} == {cell.socket}
        assert list(cell.distances) == node['distance_row']
        assert cell.memory_mib == node['memory_kb'] // 1024
    cores = {core for cell in ours.cells for core in ours.cores(cell)}
    assert cores == {frozenset(core) for core in facts['siblings']}
    recorded = {device['addr']: device for device in facts['pci'] or ()}
    for nic in ours.nics:
        device = recorded[nic.address]
        assert nic.cell == device['numa_node']
        assert f'0x{nic.vendor_id}' == device['vendor']
        assert f'0x{nic.product_id}' == device['device']
        if vfs := device.get('vfs_inferred'):
            assert list(nic.vf_addresses) == vfs


@pytest.mark.parametrize('size', [4, 16, 64])
def test_a_kernel_has_base_pages_of_its_size(size):
    text = GOOD.replace('cells:', f'base_page_kib: {size}\ncells:', 1)
    one = machine.parse('small', text)
    [cell, _] = numa_devices.numa_topology(one).cells
    assert [pool.size_kb for pool in cell.mempages] == [size, 1048576]
    assert cell.mempages[0].total == 2 * 1024 * 1024 // size


def test_no_kernel_has_other_base_pages():
    text = GOOD.replace('cells:', 'base_page_kib: 8\ncells:', 1)
    with pytest.raises(MachineError, match='base_page_kib'):
        machine.parse('small', text)
