"""The attributes that the protocols name are those of Nova's classes."""

from nova import filters as nova_filters
from nova import objects
from nova.scheduler import host_manager
from nova.scheduler import weights
import pytest

from nfv_sched.nova import pci_devices
from nfv_sched.nova import types

objects.register_all()


def host_state():
    state = host_manager.HostState('host', 'node', 'cell')
    state.update(service={'disabled': False})
    return state


def attributes(protocol):
    """The names of attributes and methods, without those of all objects."""
    members = {
        name
        for name in vars(protocol)
        if not name.startswith('_') or name == '__contains__'
    }
    return members | set(protocol.__annotations__)


@pytest.mark.parametrize(
    ('protocol', 'instance'),
    [
        (types.Aggregate, objects.Aggregate),
        (types.HostState, host_state()),
        (types.WeighedHost, weights.WeighedHost(None, 1.0)),
        (types.RequestSpec, objects.RequestSpec),
        (types.HostFilter, nova_filters.BaseFilter),
        (types.ComputeService, objects.Service),
        (types.ComputeNode, objects.ComputeNode),
        (types.PciDevice, objects.PciDevice),
        (types.PciDevice, pci_devices.DeviceRow),
        (types.CellMapping, objects.CellMapping),
    ],
    ids=lambda value: getattr(value, '__name__', None),
)
def test_every_attribute_exists(protocol, instance):
    names = attributes(protocol)
    assert names
    assert {name for name in names if not hasattr(instance, name)} == set()
