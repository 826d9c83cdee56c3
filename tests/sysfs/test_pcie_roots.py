"""The PCIe roots of devices, from the paths of sysfs."""

import pathlib

import pytest

from nfv_sched import sysfs
from nfv_sched.model import FunctionTopology
from nfv_sched.placement import schema
from nfv_sched.publishing.sysfs import supplement_of
from tests.sysfs.trees import plain
from tests.sysfs.trees import write

UUID = '11111111-2222-3333-4444-555555555555'


def devices(*paths, listed=True, **values):
    """Files of the devices at these paths below ``devices``."""
    files = {}
    for path in paths:
        at = f'devices/{path}'
        files |= {f'{at}/{key}': '0x1234' for key in ('vendor', 'device')}
        files |= {f'{at}/{key}': value for key, value in values.items()}
        if listed:
            address = path.rpartition('/')[2]
            files[f'bus/pci/devices/{address}'] = pathlib.Path(
                f'../../../{at}'
            )
    return files


def read(tmp_path, files):
    machine = sysfs.read(write(tmp_path, plain() | files))
    assert machine.problems == ()
    return machine


def functions(machine):
    return supplement_of(machine, 'host', UUID).functions


PORT = 'pci0000:3a/0000:3a:00.0'
CARD = f'{PORT}/0000:3b:00.0'


@pytest.mark.parametrize('listed', [True, False])
def test_the_root_and_the_bridges_are_those_of_the_path(tmp_path, listed):
    vmd = f'{PORT}/pci10000:00/10000:00:02.0'
    machine = read(tmp_path, devices(PORT, CARD, vmd, listed=listed))
    assert {
        device.address: (device.pcie_root, device.bridges)
        for device in machine.devices
    } == {
        '0000:3a:00.0': ('pci0000:3a', ()),
        '0000:3b:00.0': ('pci0000:3a', ('0000:3a:00.0',)),
        # The domain has a root of its own, which is below the first one.
        '10000:00:02.0': ('pci0000:3a', ('0000:3a:00.0',)),
    }


def test_a_tree_without_links_has_no_roots(tmp_path):
    at = 'bus/pci/devices/0000:3b:00.0'
    files = {f'{at}/vendor': '0x8086', f'{at}/device': '0x158b'}
    [device] = read(tmp_path, files).devices
    assert (device.pcie_root, device.bridges) == (None, ())


def test_cards_are_published_and_parts_of_the_processor_are_not(tmp_path):
    switch = f'{PORT}/0000:3b:00.0'
    gpu = f'{switch}/0000:3c:08.0/0000:3d:00.0'
    vf = 'pci0000:5d/0000:5d:00.0/0000:5e:02.0'
    pf = 'pci0000:5d/0000:5d:00.0/0000:5e:00.0'
    files = devices(PORT, switch, gpu.rpartition('/')[0], gpu)
    files |= devices(pf, sriov_totalvfs=64)
    files |= devices(vf, physfn=pathlib.Path('../0000:5e:00.0'))
    files |= devices('pci0000:5d/0000:5d:00.0')
    # An accelerator in the processor, and one of its other parts.
    files |= devices('pci0000:6b/0000:6b:00.0', sriov_totalvfs=16)
    files |= devices('pci0000:6b/0000:6b:01.0', sriov_totalvfs=0)
    assert functions(read(tmp_path, files)) == (
        FunctionTopology('0000:3d:00.0', pcie_root='pci0000:3a'),
        FunctionTopology('0000:5e:00.0', vfs=64, pcie_root='pci0000:5d'),
        FunctionTopology('0000:6b:00.0', vfs=16, pcie_root='pci0000:6b'),
    )


def test_the_trait_of_a_root():
    trait = schema.root_trait('0000:3b:00.0', 'pci10000:3a')
    assert trait == 'CUSTOM_NFV_PCIE_0000_3B_00_0_10000_3A'
    fact = ('pcie', ('0000:3b:00.0', 'pci10000:3a'))
    assert schema.read_trait(trait) == fact
    assert schema.is_supplement(trait)
    with pytest.raises(schema.Unencodable, match='PCIe root'):
        schema.root_trait('0000:3b:00.0', '0000:3a')
    with pytest.raises(schema.Unencodable, match='PCI address'):
        schema.root_trait('3b:00.0', 'pci0000:3a')
