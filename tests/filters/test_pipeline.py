"""The filters in Nova's own filter pipeline."""

import dataclasses

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from nova import filters as nova_filters
from nova import objects
from nova.scheduler import filters as scheduler_filters
import pytest

from nfv_sched import filters
from nfv_sched import fit
from nfv_sched.filters.cpu_pinning import CPUPinningFilter
from nfv_sched.filters.huge_pages import HugePagesFilter
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.filters.pci_numa import PCINUMAFilter
from nfv_sched.nova import host_states
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples

pytestmark = pytest.mark.usefixtures('no_placement')

ALL = (HugePagesFilter, CPUPinningFilter, PCINUMAFilter, NUMAFitFilter)


def run(classes, states, spec, index=0):
    """Names of the hosts that Nova's handler lets through."""
    handler = scheduler_filters.HostFilterHandler()
    kept = handler.get_filtered_objects(
        [cls() for cls in classes], states, spec, index
    )
    return [state.host for state in kept]


@st.composite
def clouds(draw):
    """Several hosts and one request: scenes that share their spec."""
    first = draw(strategies.scenes())
    others = draw(st.lists(strategies.scenes(), min_size=1, max_size=3))
    return [
        first,
        *(dataclasses.replace(scene, spec=first.spec) for scene in others),
    ]


def states_of(cloud):
    return [
        scheduling.host_state(scene, f'host{i}')
        for i, scene in enumerate(cloud)
    ]


def test_nova_loads_every_filter_through_the_loader():
    handler = scheduler_filters.HostFilterHandler()
    classes = handler.get_matching_classes(['nfv_sched.filters.all_filters'])
    assert set(ALL) <= set(classes)
    assert classes == filters.all_filters()
    assert all(issubclass(cls, nova_filters.BaseFilter) for cls in classes)


@given(cloud=clouds())
@settings(max_examples=examples(400))
def test_all_four_and_numa_fit_alone_keep_the_hosts_whose_claim_succeeds(
    cloud,
):
    spec = scheduling.request(cloud[0])
    alone = run([NUMAFitFilter], states_of(cloud), spec)
    together = run(ALL, states_of(cloud), spec)
    expected = [
        f'host{i}'
        for i, scene in enumerate(cloud)
        if nova_oracle.succeeds(scene)
    ]
    assert alone == expected
    assert together == expected


@given(scene=strategies.scenes())
@settings(max_examples=examples(200))
def test_filtering_leaves_request_and_host_as_they_were(scene):
    spec = scheduling.request(scene)
    state = scheduling.host_state(scene)
    before = (
        spec.obj_to_primitive(),
        state.numa_topology and state.numa_topology.obj_to_primitive(),
        [dict(pool) for pool in state.pci_stats.pools],
    )
    run(ALL, [state], spec)
    assert before == (
        spec.obj_to_primitive(),
        state.numa_topology and state.numa_topology.obj_to_primitive(),
        [dict(pool) for pool in state.pci_stats.pools],
    )


@given(scene=strategies.scenes(), data=st.data())
@settings(max_examples=examples(300))
def test_each_guest_of_one_request_is_decided_as_its_own_claim(scene, data):
    """Nova consumes the first guest, then asks about the second."""
    spec = scheduling.request(scene, num_instances=2)
    state = scheduling.host_state(scene)
    if not run(ALL, [state], spec):
        return
    first, stats = nova_oracle.claim_on(scene)
    state.consume_from_request(spec)
    kept = run(ALL, [state], spec, index=1)
    after = nova_oracle.after(scene, first, stats)
    assert bool(kept) == nova_oracle.succeeds(after)


def two_cell_scene(**guest):
    """A plain host of two cells, and a guest for one of them."""
    cells = [
        objects.NUMACell(
            id=i,
            cpuset=set(),
            pcpuset=set(range(i * 4, i * 4 + 4)),
            pinned_cpus=set(),
            siblings=[{i * 4, i * 4 + 1}, {i * 4 + 2, i * 4 + 3}],
            memory=4096,
            memory_usage=0,
            cpu_usage=0,
            socket=i,
            mempages=[
                objects.NUMAPagesTopology(
                    size_kb=4, total=4096 * 256, used=0, reserved=0
                )
            ],
            network_metadata=objects.NetworkMetadata(
                physnets=set(), tunneled=False
            ),
        )
        for i in range(2)
    ]
    topology = objects.NUMATopology(cells=cells)
    wanted = objects.InstanceNUMATopology(
        cells=[
            objects.InstanceNUMACell(
                id=0,
                cpuset=set(),
                pcpuset={0, 1},
                memory=512,
                cpu_policy='dedicated',
                **guest,
            )
        ]
    )
    spec = objects.RequestSpec(
        numa_topology=wanted,
        pci_requests=objects.InstancePCIRequests(requests=[]),
        network_metadata=objects.NetworkMetadata(
            physnets={'net'}, tunneled=False
        ),
    )
    stats = nova_oracle.stats_for(topology)
    return nova_oracle.Scene(topology, stats, spec)


def test_limits_are_handed_to_the_claim_as_by_the_stock_filter():
    scene = two_cell_scene()
    spec, state = scheduling.request(scene), scheduling.host_state(scene)
    assert run(ALL, [state], spec)
    limits = state.limits['numa_topology']
    assert limits.cpu_allocation_ratio == state.cpu_allocation_ratio
    assert limits.ram_allocation_ratio == state.ram_allocation_ratio
    assert limits.network_metadata.physnets == {'net'}


def test_a_rebuild_passes_unseen():
    scene = two_cell_scene(pagesize=1048576)
    spec = scheduling.request(
        scene, scheduler_hints={'_nova_check_type': ['rebuild']}
    )
    state = scheduling.host_state(scene, candidates=())
    assert run(ALL, [state], spec) == ['host']


def test_a_guest_that_asks_for_nothing_passes_without_a_look():
    scene = two_cell_scene()
    spec = scheduling.request(scene, numa_topology=None)
    state = scheduling.host_state(scene, candidates=())
    state.numa_topology = state.pci_stats = NotImplemented
    assert run(ALL, [state], spec) == ['host']


def test_a_host_without_candidates_is_rejected():
    scene = two_cell_scene()
    state = scheduling.host_state(scene, candidates=())
    assert not run(ALL, [state], scheduling.request(scene))


def test_a_malformed_host_is_skipped_and_logged_once(caplog):
    scene = two_cell_scene()
    good = scheduling.host_state(scene, 'good')
    bad = scheduling.host_state(scene, 'bad')
    bad.numa_topology = objects.NUMATopology(cells=[objects.NUMACell(id=0)])
    assert run(ALL, [bad, good], scheduling.request(scene)) == ['good']
    [record] = [r for r in caplog.records if 'bad' in r.getMessage()]
    assert 'its state is malformed' in record.getMessage()


def test_a_malformed_request_is_refused_with_the_reason(caplog):
    scene = two_cell_scene()
    scene.spec.pci_requests.requests.append(
        objects.InstancePCIRequest(count=2, spec=[], alias_name='a')
    )
    state = scheduling.host_state(scene)
    assert not run(ALL, [state], scheduling.request(scene))
    assert 'asks for 2 devices by 0 specs' in caplog.text


def test_no_filter_raises_over_a_request_that_lacks_fields(caplog):
    scene = two_cell_scene()
    spec = scheduling.request(scene)
    delattr(spec, '_obj_pci_requests')
    delattr(spec, '_obj_instance_uuid')
    for cls in ALL:
        states = [scheduling.host_state(scene)]
        assert list(cls().filter_all(states, spec)) == []
    assert 'its request is malformed' in caplog.text


def test_reasons_are_debug_only(caplog):
    scene = two_cell_scene(pagesize=1048576)
    caplog.set_level('DEBUG', logger='nfv_sched')
    assert not run(
        ALL, [scheduling.host_state(scene)], scheduling.request(scene)
    )
    (record,) = [r for r in caplog.records if 'rejects' in r.getMessage()]
    assert record.levelname == 'DEBUG'
    assert 'has 0 of 1 free pages of 1 GiB' in record.getMessage()


@given(
    scene=strategies.scenes(),
    size=st.sampled_from((4, 2048, strategies.GIB)),
    pages=st.integers(1, 1024),
    wanted=st.integers(1, 4),
)
def test_a_glance_at_the_pages_sees_what_counting_cell_by_cell_sees(
    scene, size, pages, wanted
):
    state = scheduling.host_state(scene)
    enough = [
        cell
        for cell in host_states.host_of(state).cells
        if cell.free_pages(size) >= pages
    ]
    lacking = host_states.lacks_pages(
        state, fit.PerCellDemand(size, pages, 1), wanted
    )
    assert lacking == (len(enough) < wanted)
