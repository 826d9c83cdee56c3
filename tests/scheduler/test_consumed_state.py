"""A consumed host state is what nova-compute reports after the claim.

Nova's own bookkeeping (``HostState.consume_from_request``) leaves functions
of cards in the pools that the claim takes off with others.
"""

from hypothesis import given
from hypothesis import settings
from nova import objects
import pytest

from nfv_sched_testing import builders
from nfv_sched_testing import multi_create
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples

pytestmark = pytest.mark.usefixtures('no_placement')


@given(scene=strategies.scenes())
@settings(max_examples=examples(2000))
def test_after_each_instance_the_state_is_what_the_compute_reports(scene):
    for ours, reported in multi_create.consume_all(scene):
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
    states = list(multi_create.consume_all(scene))
    assert len(states) == 4
    assert [ours for ours, _ in states] == [reported for _, reported in states]
