"""A consumed host state is what nova-compute reports after the claim.

Nova's own bookkeeping (``HostState.consume_from_request``) leaves functions
of cards in the pools that the claim takes off with others.
"""

import dataclasses

from hypothesis import given
from hypothesis import settings
from nova import objects
from nova.scheduler import filters as scheduler_filters
import pytest

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples

pytestmark = pytest.mark.usefixtures('no_placement')

#: Instances of one request, at most.
INSTANCES = 5


def after(scene, claimed, stats):
    """The scene once nova-compute has taken a claim from it."""
    topology = scene.topology
    if claimed.topology:
        topology = nova_oracle.hardware.numa_usage_from_instance_numa(
            topology, claimed.topology
        )
    stats.numa_topology = topology
    return dataclasses.replace(scene, topology=topology, stats=stats)


def known(state):
    """What a host state knows of NUMA cells and devices."""
    topology = state.numa_topology
    return (
        [set_fields(cell) for cell in topology.cells] if topology else None,
        [dict(pool) for pool in state.pci_stats.pools],
    )


def set_fields(value):
    """The fields of a versioned object that are set, nested ones too."""
    if isinstance(value, list):
        return [set_fields(element) for element in value]
    if not hasattr(value, 'obj_fields'):
        return value
    return {
        field: set_fields(getattr(value, field))
        for field in value.obj_fields
        if value.obj_attr_is_set(field)
    }


def accepts(state, spec, number):
    return bool(
        scheduler_filters.HostFilterHandler().get_filtered_objects(
            [NUMAFitFilter()], [state], spec, number
        )
    )


def consume_all(scene):
    """Consume instances until one is refused; yield the two states."""
    state = scheduling.host_state(scene)
    spec = scheduling.request(scene, num_instances=INSTANCES)
    for number in range(INSTANCES):
        accepted = accepts(state, spec, number)
        assert accepted == nova_oracle.succeeds(scene)
        if not accepted:
            return
        claimed, stats = nova_oracle.claim_on(scene)
        scene = after(scene, claimed, stats)
        state.consume_from_request(spec)
        yield known(state), known(scheduling.host_state(scene))


@given(scene=strategies.scenes())
@settings(max_examples=examples(2000))
def test_after_each_instance_the_state_is_what_the_compute_reports(scene):
    for ours, reported in consume_all(scene):
        assert ours == reported


def card(bus, node):
    parent = f'0000:8{bus}:00.0'
    yield builders.device(parent, 'type-PF', node)
    for function in (1, 2):
        yield builders.device(
            f'0000:8{bus}:00.{function}', 'type-VF', node, parent, '154c'
        )


@pytest.mark.parametrize(
    ('policy', 'far_node'), [('preferred', 1), ('legacy', None), (None, None)]
)
def test_a_physical_function_goes_with_its_first_virtual_function(
    policy, far_node
):
    """A card's PF that is gone does not count as a near device.

    CPUs are free on node 0 only. Once the VFs of its card are taken, its PF
    would look near enough, and VFs elsewhere would not be tried.
    """
    devices = [*card(0, 0), *card(1, far_node)]
    nova_oracle.link(devices)
    scene = builders.scene(
        [
            builders.host_cell(0, cores=8, pages={}),
            builders.host_cell(1, cores=8, pinned=range(8), pages={}),
        ],
        [builders.guest_cell(0)],
        devices,
        [
            objects.InstancePCIRequest(
                count=1,
                spec=[{'vendor_id': '8086'}],
                alias_name='alias',
                request_id='00000000-0000-0000-0000-000000000001',
                numa_policy=policy,
            )
        ],
    )
    states = list(consume_all(scene))
    assert len(states) == 4
    assert [ours for ours, _ in states] == [reported for _, reported in states]
