"""A compute keeps to what Nova's own objects say."""

import contextlib
import json

from nova import objects
from nova.scheduler import host_manager
import pytest

from benchmarks.packing import clouds
from benchmarks.packing import computes
from benchmarks.packing import loads
from benchmarks.tests import tiny
from nfv_sched_testing import nova_oracle

pytestmark = pytest.mark.usefixtures('configured')

_LIMITS = objects.NUMATopologyLimits(
    cpu_allocation_ratio=computes.CPU_RATIO, ram_allocation_ratio=1.0
)
_SHAPES = [computes.shape(one) for one in loads.LOADS['vnf'].flavors]
_MACHINES = {
    machine.name: machine
    for cloud in clouds.CLOUDS.values()
    for machine, _ in cloud.kinds
    if any(nic.assignable_addresses for nic in machine.nics)
}


def _bytes(compute):
    """The record in the database, sets in order."""
    record = compute.record().obj_to_primitive()['nova_object.data']
    return json.dumps(
        {
            'topology': _ordered(json.loads(record.pop('numa_topology'))),
            'devices': sorted(
                device.address for device in compute.stats.get_free_devs()
            ),
            **record,
        },
        sort_keys=True,
        default=str,
    )


def _ordered(value):
    if isinstance(value, dict):
        # What a field was set from is no part of its value.
        return {
            key: _ordered(item)
            for key, item in value.items()
            if key != 'nova_object.changes'
        }
    if isinstance(value, list):
        return sorted(map(_ordered, value), key=str)
    return value


def _fields(state):
    return {
        key: value
        for key, value in vars(state).items()
        if key not in ('numa_topology', 'pci_stats', 'metrics', 'updated')
    }


def _assert_as_updated(compute):
    """The HostState is what Nova would make of the record."""
    fresh = host_manager.HostState(compute.name, compute.name, compute.name)
    fresh.update(
        compute=compute.record(), service={}, aggregates=[], inst_dict={}
    )
    seen = compute.state
    assert _fields(seen) == _fields(fresh)
    assert seen.pci_stats.pools == fresh.pci_stats.pools
    assert _ordered(json.loads(seen.numa_topology._to_json())) == _ordered(
        json.loads(fresh.numa_topology._to_json())
    )


@pytest.mark.parametrize('machine', _MACHINES.values(), ids=_MACHINES)
def test_the_state_follows_every_change(machine):
    compute = computes.Compute('one', machine)
    _assert_as_updated(compute)
    held = []
    for shape in _SHAPES:
        with contextlib.suppress(computes.Refused):
            held.append(compute.claim(shape, _LIMITS))
        _assert_as_updated(compute)
    assert len(held) > 4
    for instance in held:
        compute.release(instance)
        _assert_as_updated(compute)


@pytest.mark.parametrize('machine', _MACHINES.values(), ids=_MACHINES)
def test_a_departure_restores_the_state(machine):
    compute = computes.Compute('one', machine)
    for shape in _SHAPES:
        before = _bytes(compute)
        with contextlib.suppress(computes.Refused):
            held = compute.claim(shape, _LIMITS)
            assert _bytes(compute) != before
            compute.release(held)
            # The next one finds the host with one guest more.
            after = _bytes(compute)
            compute.claim(shape, _LIMITS)
            assert after == before


@pytest.mark.parametrize('machine', _MACHINES.values(), ids=_MACHINES)
def test_claims_as_the_oracle(machine):
    compute = computes.Compute('one', machine)
    for shape in _SHAPES:
        scene = nova_oracle.Scene(
            compute.topology,
            compute.stats,
            shape.spec,
            cpu_ratio=computes.CPU_RATIO,
        )
        try:
            wanted = nova_oracle.claim(scene)
        except nova_oracle.Refused:
            with pytest.raises(computes.Refused):
                compute.claim(shape, scene.limits())
            continue
        held = compute.claim(shape, scene.limits())
        assert _taken(compute, held.topology) == _taken(
            compute, wanted.topology
        )
        assert [device.address for device in held.devices] == [
            device.address for device in wanted.devices
        ]


def _taken(compute, topology):
    """Per guest cell its host cell, pages, and CPUs of each core.

    Which thread of a core comes first is up to the order of a set.
    """
    cells = {cell.id: cell for cell in compute.topology.cells}
    return [
        (
            cell.id,
            cell.pagesize,
            [
                len(core & set((cell.cpu_pinning or {}).values()))
                for core in cells[cell.id].siblings
            ],
        )
        for cell in topology.cells
    ]


def test_a_claim_takes_what_the_guest_asks():
    compute = computes.Compute('one', tiny.MACHINE)
    shape = next(known for known in tiny.SHAPES if known.name == 'near')
    held = compute.claim(shape, _LIMITS)
    cell = compute.state.numa_topology.cells[0]
    assert held.cells == {0}
    assert held.near == len(held.devices) == 1
    assert len(cell.pinned_cpus) == 2
    assert [pages.used for pages in cell.mempages] == [0, 1]
    counts = {
        pool['physical_network']: pool['count']
        for pool in compute.state.pci_stats.pools
    }
    assert counts == {'physnet1': 1, 'physnet2': 2}
    assert compute.state.vcpus_used == compute.state.num_instances * 2 == 2


def test_a_refused_claim_takes_nothing():
    compute = computes.Compute('one', tiny.MACHINE)
    shape = next(known for known in tiny.SHAPES if known.name == 'near')
    for _ in range(2):
        compute.claim(shape, _LIMITS)
    before = _bytes(compute)
    with pytest.raises(computes.Refused):
        compute.claim(shape, _LIMITS)
    assert _bytes(compute) == before


def test_placement_counts():
    compute = computes.Compute('one', tiny.MACHINE)
    shape = next(known for known in tiny.SHAPES if known.name == 'wide')
    assert compute.offered(shape)
    compute.claim(shape, _LIMITS)
    compute.claim(shape, _LIMITS)
    assert not compute.offered(shape)
