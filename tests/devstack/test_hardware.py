"""What devstack nodes get from their hardware, on recorded machines."""

import importlib.util
import pathlib

import pytest

from nfv_sched import sysfs
from nfv_sched.model import cpu_list
from tests.sysfs import trees

_PATH = pathlib.Path(__file__).parents[2] / 'devstack' / 'hardware.py'


@pytest.fixture(scope='module')
def hardware():
    """The script, which is in no package."""
    spec = importlib.util.spec_from_file_location('hardware', _PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize('name', trees.recorded())
def test_every_cpu_of_a_recorded_machine_is_shared_or_dedicated(
    hardware, name, tmp_path
):
    root = trees.unpack(name, tmp_path)
    read = sysfs.read(root)
    found = hardware.nodes(root)
    usable = {
        node.id: node.cpus
        for node in read.nodes
        if node.cpus and node.memory_kib
    }
    assert [node.id for node in found] == sorted(usable)
    siblings = {cpu: core for core in read.cpus.siblings for cpu in core}
    for node in found:
        assert node.shared
        assert node.shared | node.dedicated == usable[node.id]
        assert not node.shared & node.dedicated
        # No core is split.
        for cpu in node.shared:
            assert siblings.get(cpu, {cpu}) & usable[node.id] <= node.shared
    lines = {line[1]: line[2] for line in hardware.compute(found)}
    assert lines['cpu_shared_set'] == cpu_list.ranges(
        {cpu for node in found for cpu in node.shared}
    )


@pytest.mark.parametrize(
    ('pages', 'memory', 'size', 'unit'),
    [
        ({2048}, 255, '2MB', '256'),
        ({1048576}, 256, '1GB', '1024'),
        ({64, 2048}, 256, '64KB', '256'),
        ((), 256, 'small', '256'),
    ],
)
def test_pages_for_tempest(hardware, pages, memory, size, unit):
    node = hardware.Node(0, {0}, {1, 2, 3}, frozenset(pages))
    assert list(hardware.tempest([node], memory, '')) == [
        ('nfv_sched', 'page_size', size),
        ('nfv_sched', 'cells', '1'),
        ('nfv_sched', 'memory_unit', unit),
    ]


def test_pages_that_not_every_node_has_are_not_asked_for(hardware):
    found = [
        hardware.Node(0, {0}, {1, 2, 3}, frozenset((2048,))),
        hardware.Node(1, {4}, {5, 6, 7}, frozenset()),
    ]
    assert ('nfv_sched', 'page_size', 'small') in list(
        hardware.tempest(found, 256, '')
    )
