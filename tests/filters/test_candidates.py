"""Allocation candidates whose devices Placement has chosen."""

import uuid

from hypothesis import given
from hypothesis import settings
from nova import objects
from nova.scheduler import filters as scheduler_filters
from nova.scheduler.filters import numa_topology_filter
from nova.scheduler.filters import pci_passthrough_filter
import pytest

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.filters.pci_numa import PCINUMAFilter
from nfv_sched.fit import candidates
from nfv_sched.model import Resource
from nfv_sched_testing import builders
from nfv_sched_testing import candidate_strategies
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling
from nfv_sched_testing.budgets import examples

pytestmark = pytest.mark.usefixtures('no_placement')

REQUEST = str(uuid.UUID(int=7))
#: Devices by name: the digit is the cell that each sits on.
DEVICES = ('a0', 'b0', 'c1')
PROVIDERS = {name: str(uuid.UUID(int=n + 1)) for n, name in enumerate(DEVICES)}
STOCK = (
    pci_passthrough_filter.PciPassthroughFilter,
    numa_topology_filter.NUMATopologyFilter,
)
OURS = ((PCINUMAFilter, NUMAFitFilter), (NUMAFitFilter,))


def scene(policy, count):
    """Devices on both cells; only cell 1 has a free CPU."""
    example = builders.scene(
        [
            builders.host_cell(0, cores=1, pinned={0}, pages={}),
            builders.host_cell(1, cores=1, pages={}),
        ],
        [builders.guest_cell(0)],
        [
            builders.device(f'0000:8{n}:00.0', 'type-PCI', int(name[1]))
            for n, name in enumerate(DEVICES)
        ],
        [
            objects.InstancePCIRequest(
                count=count,
                spec=[{'dev_type': 'type-PCI'}],
                alias_name='accelerator',
                request_id=REQUEST,
                numa_policy=policy,
            )
        ],
    )
    for pool in example.stats.pools:
        bus = int(pool['address'][6])
        pool['rp_uuid'] = PROVIDERS[DEVICES[bus]]
    return example


def candidate(names):
    """An allocation candidate that gives the devices ``names``."""
    return builders.device_candidate(REQUEST, names, PROVIDERS)


def kept(classes, policy, *choices):
    """What is left of the candidates that give ``choices`` of devices."""
    example = scene(policy, len(choices[0]))
    state = scheduling.host_state(
        example, candidates=[candidate(names) for names in choices]
    )
    passed = scheduler_filters.HostFilterHandler().get_filtered_objects(
        [cls() for cls in classes], [state], scheduling.request(example)
    )
    # Nova drops a rejected host, whatever candidates it has.
    if not passed:
        return []
    return [candidate['names'] for candidate in state.allocation_candidates]


@pytest.mark.parametrize('classes', [*OURS, STOCK])
@pytest.mark.parametrize('policy', ['required', 'preferred'])
def test_far_devices_are_dropped_where_near_ones_suffice(classes, policy):
    assert kept(classes, policy, ['a0'], ['c1'], ['b0']) == [['c1']]
    assert kept(classes, policy, ['a0']) == []


def test_the_stock_filters_leave_the_order_to_placement():
    choices = ['a0', 'b0'], ['a0', 'c1']
    assert kept(STOCK, 'preferred', *choices) == list(choices)


@pytest.mark.parametrize('classes', OURS)
def test_the_candidate_with_the_nearest_devices_comes_first(classes):
    assert kept(
        classes, 'preferred', ['a0', 'b0'], ['a0', 'c1'], ['c1', 'b0']
    ) == [['a0', 'c1'], ['c1', 'b0'], ['a0', 'b0']]


def test_candidates_without_a_choice_of_devices_are_not_compared(monkeypatch):
    """Nova asks Placement twice for pinned guests: for PCPU and for VCPU."""
    monkeypatch.setattr(
        candidates,
        '_penalty',
        lambda *args, **options: pytest.fail('asked'),
    )
    example = scene('required', 1)
    twins = [dict(scheduling.CANDIDATE), dict(scheduling.CANDIDATE)]
    state = scheduling.host_state(example, candidates=twins)
    assert NUMAFitFilter().host_passes(state, scheduling.request(example))
    assert state.allocation_candidates == twins


@given(scene=candidate_strategies.scenes())
@settings(max_examples=examples(600))
def test_exactly_the_candidates_are_kept_whose_claim_succeeds(scene):
    expected = [
        candidate
        for candidate in scene.candidates
        if nova_oracle.candidate_succeeds(scene, candidate)
    ]
    for classes in OURS:
        state = scheduling.host_state(scene, candidates=scene.candidates)
        spec = scheduling.request(
            scene, requested_resources=scene.spec.requested_resources
        )
        with scheduling.provider_names(scene.names):
            passed = (
                scheduler_filters.HostFilterHandler().get_filtered_objects(
                    [cls() for cls in classes], [state], spec
                )
            )
        assert bool(passed) == bool(expected)
        if expected:
            kept = state.allocation_candidates
            assert sorted(kept, key=str) == sorted(expected, key=str)


def kept_interfaces(scene, *choices, names=None):
    """What is left of the candidates with their bandwidth on interfaces."""
    state = scheduling.host_state(
        scene, candidates=[builders.bandwidth_candidate(c) for c in choices]
    )
    spec = scheduling.request(
        scene, requested_resources=scene.spec.requested_resources
    )
    with scheduling.provider_names(scene.names if names is None else names):
        if not NUMAFitFilter().host_passes(state, spec):
            return []
    return [
        candidate['interface'] for candidate in state.allocation_candidates
    ]


def test_a_port_takes_a_vf_of_the_interface_of_its_bandwidth():
    assert kept_interfaces(builders.bandwidth_scene(), 'ens0', 'ens1') == [
        'ens1'
    ]
    assert kept_interfaces(builders.bandwidth_scene(), 'ens0') == []


def test_an_interface_without_vfs_is_of_no_use():
    assert kept_interfaces(builders.bandwidth_scene(), 'ens2', 'ens1') == [
        'ens1'
    ]


def test_the_candidate_with_the_nearest_interface_comes_first():
    scene = builders.bandwidth_scene('preferred')
    assert kept_interfaces(scene, 'ens0', 'ens1') == ['ens1', 'ens0']


def test_an_interface_that_is_not_known_by_name_leaves_all_open():
    choices = ['ens0', 'ens1', 'ens2']
    assert (
        kept_interfaces(builders.bandwidth_scene(), *choices, names={})
        == choices
    )


def test_a_provider_without_an_interface_in_its_name_aborts_the_build():
    names = {builders.bandwidth_provider('ens1'): 'host:Open vSwitch agent'}
    assert (
        kept_interfaces(builders.bandwidth_scene(), 'ens1', names=names) == []
    )


def test_a_group_that_is_not_named_by_the_port_leaves_all_open():
    """Nova does not find the interface then, and takes any."""
    scene = builders.bandwidth_scene()
    scene.spec.pci_requests.requests[0].requester_id = str(uuid.UUID(int=9))
    assert kept_interfaces(scene, 'ens0') == ['ens0']


def test_a_port_without_bandwidth_takes_a_vf_of_any_interface():
    scene = builders.bandwidth_scene()
    scene.requests.append(
        objects.InstancePCIRequest(
            count=1,
            spec=[{'remote_managed': 'False'}],
            request_id=REQUEST,
            requester_id=str(uuid.UUID(int=9)),
            numa_policy='preferred',
        )
    )
    assert kept_interfaces(scene, 'ens0', 'ens1') == ['ens1']


def test_the_reason_names_the_interface():
    scene = builders.bandwidth_scene()
    refusal = builders.refusal_of(scene, builders.bandwidth_candidate('ens2'))
    (reason,) = refusal.reasons
    assert reason.resource is Resource.DEVICES
    assert str(reason) == (
        '0 of 1 devices (parent_ifname=ens2 remote_managed=False) free'
    )
