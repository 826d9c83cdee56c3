"""The reader on real machines, against the results of other tools.

Unpacking a machine takes seconds: all that read one are in this file.
"""

import dataclasses
from random import Random
import re

import pytest

from nfv_sched.placement.codec import decode
from nfv_sched.placement.codec import encode
from nfv_sched.placement.codec import encode_supplement
from nfv_sched.placement.tree import summaries_of
from nfv_sched.publishing.l3_caches import l3_by_node
from nfv_sched.publishing.sysfs import supplement_of
from nfv_sched.sysfs.files import parse_list
from tests.placement.examples import host
from tests.sysfs import trees
from tests.sysfs.trees import facts
from tests.sysfs.trees import recorded


def _number(text):
    return None if text is None else f'0x{text}'


def _by_id(row):
    return {int(key): value for key, value in (row or {}).items()}


@pytest.mark.parametrize('name', recorded())
def test_every_field_of_a_recorded_machine(name):
    wanted = facts(name)
    machine = trees.machine(name)
    assert machine.problems == ()
    _check_cpus(machine, wanted)
    assert [node.id for node in machine.nodes] == [
        node['id'] for node in wanted['nodes']
    ]
    for node, expected in zip(machine.nodes, wanted['nodes'], strict=True):
        _check_node(node, expected)
    assert [device.address for device in machine.devices] == [
        device['addr'] for device in wanted['pci']
    ]
    for device, expected in zip(machine.devices, wanted['pci'], strict=True):
        _check_device(device, expected)


def _check_cpus(machine, wanted):
    cpus = machine.cpus
    assert cpus.present == parse_list(wanted['cpus_present'])
    assert cpus.online == parse_list(wanted['cpus_online'])
    # Firmware that does not report a socket has -1.
    assert cpus.sockets == {
        cpu: socket['id']
        for socket in wanted['sockets']
        for cpu in socket['cpus']
        if socket['id'] >= 0
    }
    assert [sorted(core) for core in cpus.siblings] == wanted['siblings']
    assert [sorted(cache.cpus) for cache in cpus.l3] == wanted['l3']


def _check_node(node, wanted):
    assert sorted(node.cpus) == wanted['cpus']
    # For one tree the expected memory is from a file outside sysfs.
    if 'memory_source' in wanted:
        assert node.memory_kib is None
    else:
        assert node.memory_kib == wanted['memory_kb']
    assert node.distances == _by_id(wanted['distances'])
    assert (list(node.distances.values()) or None) == wanted['distance_row']
    assert {
        size: {'nr': pages.total, 'free': pages.free}
        for size, pages in node.pages.items()
    } == {
        size: {'nr': pages['nr'], 'free': pages['free']}
        for size, pages in _by_id(wanted['hugepages']).items()
    }


def _check_device(device, wanted):
    assert _number(device.vendor) == wanted['vendor']
    assert _number(device.product) == wanted['device']
    node = wanted['numa_node']
    assert device.numa_node == (None if node == -1 else node)
    assert device.driver == wanted.get('driver')
    assert list(device.nets) == wanted.get('net', [])
    assert device.physfn == wanted.get('physfn')
    assert list(device.vfs) == wanted.get('vfs', [])
    assert device.sriov_total == wanted.get('sriov_totalvfs')


@pytest.mark.parametrize('name', recorded())
def test_every_recorded_machine_can_be_published(name):
    topology = supplement_of(trees.machine(name), 'host0', host().uuid)
    tree = encode(topology)
    assert decode('host0', tree.root.uuid, summaries_of(tree)) == topology
    wanted = facts(name)
    assert [
        list(cell.distances.values()) or None for cell in topology.cells
    ] == [node['distance_row'] for node in wanted['nodes']]
    assert [len(cell.l3) for cell in topology.cells] == [
        sum(bool(set(node['cpus']) & set(cpus)) for cpus in wanted['l3'])
        for node in wanted['nodes']
    ]
    assert {
        function.address: function.vfs
        for function in topology.functions
        if function.vfs
    } == {
        device['addr']: device['sriov_totalvfs']
        for device in wanted['pci']
        if device.get('sriov_totalvfs')
    }


@pytest.mark.parametrize(
    ('name', 'speeds'),
    [
        ('hwloc-2x4108-8ve-hugepages', {'0000:60:00.0': 1000}),
        ('hwloc-4xe7-pcilocality', {'0000:02:00.0': 1000}),
    ],
)
def test_speeds_of_links_that_are_up(name, speeds):
    if name not in recorded():
        pytest.skip('the recorded topologies are not here')
    machine = trees.machine(name)
    assert {
        device.address: device.link_mbps
        for device in machine.devices
        if device.link_mbps is not None
    } == speeds


@pytest.mark.parametrize('name', recorded())
def test_pcie_roots_are_those_that_libvirt_reads(name):
    machine = trees.machine(name)
    described = trees.TOPOLOGIES / 'raw' / name / 'libvirt-9.0.0-nodedev.xml'
    paths = dict(
        reversed(match.groups())
        for match in re.finditer(
            r'<path>.*?/devices/(pci[^/<]+)/(?:[^<]*/)?([^/<]+)</path>',
            described.read_text() if described.exists() else '',
        )
    )
    assert {
        device.address: device.pcie_root
        for device in machine.devices
        if device.address in paths
    } == {
        device.address: paths[device.address]
        for device in machine.devices
        if device.address in paths
    }


def _random_offline(random, machine):
    """Some or all CPUs but the first, which Nova never takes offline."""
    share = random.choice((0, 0.2, 0.5, 0.9, 1))
    return {
        cpu
        for cpu in sorted(machine.cpus.online)[1:]
        if random.random() < share
    }


def _publish_l3(machine, published):
    """The supplement, and the numbers of the L3 caches in it."""
    dedicated = machine.cpus.present
    topology = supplement_of(machine, 'host0', host().uuid, dedicated)
    l3 = l3_by_node(machine, published)
    cells = tuple(
        dataclasses.replace(cell, l3=l3[cell.id]) for cell in topology.cells
    )
    supplement = encode_supplement(dataclasses.replace(topology, cells=cells))
    return supplement, l3


@pytest.mark.parametrize('name', recorded())
def test_offline_dedicated_cpus_change_nothing_that_is_published(name):
    random = Random(name)  # noqa: S311 - repeatable
    machine = trees.machine(name)
    first, published = _publish_l3(machine, {})
    for _ in range(50):
        present = trees.offline(machine, _random_offline(random, machine))
        assert _publish_l3(present, published) == (first, published)


@pytest.mark.parametrize('name', recorded())
def test_l3_caches_are_added_and_never_renumbered(name):
    """The first publication may see a machine with offline CPUs."""
    random = Random(name)  # noqa: S311 - repeatable
    machine = trees.machine(name)
    count = {node: len(l3) for node, l3 in l3_by_node(machine, {}).items()}
    for _ in range(20):
        published = {}
        for _ in range(10):
            present = trees.offline(machine, _random_offline(random, machine))
            _, following = _publish_l3(present, published)
            for node, numbers in following.items():
                assert published.get(node, frozenset()) <= numbers
            published = following
        _, published = _publish_l3(machine, published)
        assert {node: len(l3) for node, l3 in published.items()} == count
