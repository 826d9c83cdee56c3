"""A move passes for what the boot requested, and its claim takes other things.

The RequestSpec of a move is that of the boot. The stock filters decide with
it, whatever the move: they send a shelved instance to hosts without pages of
the size that it had, let a live migration change the page size, and apply the
PCI NUMA affinity policy of the flavor, which no migration does.
"""

import dataclasses

from nova import objects
from nova.compute import task_states
import pytest

from nfv_sched.model import PAGES_LARGE
from nfv_sched_testing import builders
from nfv_sched_testing import move_oracle
from nfv_sched_testing import scheduling
from tests.scheduler import moves

pytestmark = pytest.mark.usefixtures('no_placement')

GIB = builders.GIB


def large_pages(pages):
    """One guest NUMA node of 1 GiB, with large pages."""
    return builders.scene(
        [builders.host_cell(0, pages=pages)],
        [builders.guest_cell(0, memory=1024, pagesize=PAGES_LARGE)],
        emulator_threads_policy=None,
    )


def stored(scene, task_state, **fields):
    """The instance with pages of 1 GiB on another host."""
    topology = scene.spec.numa_topology.obj_clone()
    if topology.cells[0].pagesize:
        topology.cells[0].pagesize = GIB
    values = {
        'topology': topology,
        'pci_requests': scene.spec.pci_requests.obj_clone(),
        **fields,
    }
    return move_oracle.Stored(task_state, **values)


def passes(scene, instance, aliases=None, candidate=scheduling.CANDIDATE):
    """Whether the filters keep a host, which is whether the claims succeed."""
    with moves.moving(instance, aliases or {}):
        kept = moves.kept(scene, [candidate], moves.ALL) == [candidate]
        assert kept == move_oracle.succeeds(scene, instance, candidate)
    return kept


@pytest.mark.parametrize(
    ('task_state', 'pages', 'expected'),
    [
        (task_states.UNSHELVING, {2048: 512, GIB: 1}, True),
        (task_states.UNSHELVING, {2048: 512}, False),
        (task_states.MIGRATING, {2048: 512, GIB: 1}, True),
        (task_states.MIGRATING, {2048: 512}, False),
        (task_states.MIGRATING, {2048: 512, 4 * GIB: 1, GIB: 1}, True),
        # A cold migration and an evacuation may change the page size.
        (task_states.RESIZE_PREP, {2048: 512}, True),
        (task_states.REBUILDING, {2048: 512}, True),
    ],
)
def test_the_page_size_that_an_instance_has(task_state, pages, expected):
    scene = large_pages(pages)
    assert builders.nova_fit(scene) is not None
    assert passes(scene, stored(scene, task_state)) is expected


def far_device(policy):
    """A device on NUMA node 1; only node 0 has a free CPU."""
    request = builders.device_request(vendor_id='8086', product_id='1572')
    request.alias_name = 'nic'
    request.numa_policy = policy
    device = builders.device('0000:81:00.0', 'type-PCI', 1)
    device.extra_info = {'rp_uuid': moves.PROVIDER}
    scene = builders.scene(
        [
            builders.host_cell(0, pages={}),
            builders.host_cell(1, pages={}, pinned={0}),
        ],
        [builders.guest_cell(0)],
        [device],
        [request],
    )
    scene.spec.flavor = objects.Flavor(
        extra_specs={'pci_passthrough:alias': 'nic:1'}
    )
    return scene


def aliases(policy):
    """``[pci] alias`` with a policy of its own."""
    return {'nic': (policy, [{'vendor_id': '8086', 'product_id': '1572'}])}


MIGRATIONS = (task_states.RESIZE_PREP, task_states.REBUILDING)


@pytest.mark.parametrize('task_state', MIGRATIONS)
@pytest.mark.parametrize(
    ('flavor', 'alias', 'expected'),
    [
        ('required', 'preferred', True),
        ('preferred', 'required', False),
        ('preferred', None, False),
    ],
)
def test_the_policy_of_the_alias_counts(task_state, flavor, alias, expected):
    scene = far_device(flavor)
    assert (builders.nova_fit(scene) is not None) is (flavor == 'preferred')
    instance = stored(scene, task_state)
    assert passes(scene, instance, aliases(alias)) is expected


@pytest.mark.parametrize(
    ('flavor', 'alias', 'expected'),
    [
        ('preferred', 'preferred', True),
        # NUMA nodes by the alias, then devices by the request of the boot.
        ('required', 'preferred', False),
        ('preferred', 'required', False),
    ],
)
def test_a_live_migration_has_to_meet_both_policies(flavor, alias, expected):
    scene = far_device(flavor)
    instance = stored(scene, task_states.MIGRATING)
    assert passes(scene, instance, aliases(alias)) is expected


def test_an_unshelved_instance_has_the_policy_of_its_last_claim():
    scene = far_device('required')
    instance = stored(scene, task_states.UNSHELVING)
    assert not passes(scene, instance, aliases('preferred'))
    instance.pci_requests.requests[0].numa_policy = 'preferred'
    assert passes(scene, instance, aliases('preferred'))


def test_a_migration_does_not_take_the_devices_of_its_candidate():
    scene = far_device('preferred')
    [request] = scene.requests
    group = f'{request.request_id}-0'
    scene.spec.requested_resources = [
        objects.RequestGroup(requester_id=group, resources={'CUSTOM_NIC': 1})
    ]
    scene = dataclasses.replace(scene, names={})
    other = {
        'allocations': {},
        'mappings': {'': ['root'], group: [moves.OTHER_PROVIDER]},
    }
    for task_state, expected in (
        (task_states.RESIZE_PREP, True),
        (task_states.REBUILDING, True),
        (task_states.UNSHELVING, False),
        (task_states.MIGRATING, False),
    ):
        instance = stored(scene, task_state)
        host_passes = passes(scene, instance, aliases('preferred'), other)
        assert host_passes is expected


def test_a_port_that_was_attached_later_counts():
    scene = large_pages({GIB: 1})
    instance = stored(scene, task_states.RESIZE_PREP)
    assert passes(scene, instance)
    instance.pci_requests.requests.append(
        objects.InstancePCIRequest(
            count=1,
            spec=[{'physical_network': 'physnet0'}],
            request_id=moves.PROVIDER,
            requester_id=moves.OTHER_PROVIDER,
        )
    )
    assert not passes(scene, instance)
