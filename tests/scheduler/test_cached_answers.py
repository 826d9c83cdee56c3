"""A cached answer equals a fresh one, whatever changed in place meanwhile."""

import dataclasses

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from nova.scheduler import filters as scheduler_filters
import pytest

from nfv_sched import fit
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.nova import request_spec
from nfv_sched.scheduler import cycle
from nfv_sched.scheduler import host_cycle
from nfv_sched.scheduler import process
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched_testing import scheduling
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples

pytestmark = pytest.mark.usefixtures('no_placement')


def report(state, scene):
    """Update a state as for a later request, from the compute's record."""
    state.update(
        compute=scheduling.compute_node(scene, state.host),
        service={},
        aggregates=[],
        inst_dict={},
    )


def accepts(state, spec):
    handler = scheduler_filters.HostFilterHandler()
    return bool(handler.get_filtered_objects([NUMAFitFilter()], [state], spec))


def answers(state, spec, histogram):
    """Whether the host fits, and what the claim would leave."""
    accepted = accepts(state, spec)
    forecast = None
    if accepted:
        begun = cycle.begin(spec)
        begun.process.forecasts.histogram = histogram
        (forecast,), _ = begun.process.forecasts.get_many(
            [(begun.decide(state), state)]
        )
    return accepted, forecast


def fresh_answers(state, spec, histogram):
    """The same of a process, a request and a state that know nothing yet."""
    with process.replaced(
        process.SchedulerProcess(PublishedTopology(reader=None))
    ):
        copy = spec.obj_clone()
        kept = vars(state).pop(host_cycle.ATTRIBUTE, None)
        try:
            return answers(state, copy, histogram)
        finally:
            vars(state).pop(host_cycle.ATTRIBUTE, None)
            if kept is not None:
                setattr(state, host_cycle.ATTRIBUTE, kept)


def changed(draw, scene):
    """The host with one thing changed that a compute may report."""
    topology = scene.topology
    if topology is None:
        stats = draw(strategies.pci_stats_of(None))
        return dataclasses.replace(scene, stats=stats)
    if draw(st.integers(0, 3)) == 0:
        other = draw(strategies.scenes())
        return dataclasses.replace(other, spec=scene.spec)
    topology = topology.obj_clone()
    host_cell = draw(st.sampled_from(topology.cells))
    match draw(st.sampled_from(('shared', 'dedicated', 'pages', 'memory'))):
        case 'shared':
            shared = sorted(host_cell.cpuset)
            host_cell.cpuset = set(shared[: len(shared) // 2])
        case 'dedicated':
            left = sorted(host_cell.pcpuset - host_cell.pinned_cpus)
            host_cell.pcpuset = host_cell.pcpuset - set(left[:1])
        case 'pages' if host_cell.mempages:
            pages = draw(st.sampled_from(host_cell.mempages))
            pages.reserved = pages.reserved + 1
        case 'memory':
            host_cell.memory = host_cell.memory // 2
    scene.stats.numa_topology = topology
    return dataclasses.replace(scene, topology=topology)


def without_topology(scene):
    """A host that reports no NUMA topology, and a request for devices."""
    scene.spec.numa_topology = None
    scene.stats.numa_topology = None
    return dataclasses.replace(scene, topology=None)


@given(
    scene=st.one_of(
        strategies.scenes(),
        strategies.scenes(),
        strategies.scenes().map(without_topology),
    ),
    data=st.data(),
)
@settings(max_examples=examples(2000))
def test_a_cached_answer_equals_a_fresh_one(scene, data):
    histogram = fit.DemandHistogram()
    histogram.record(fit.FitRequest(request_spec.read_guest(scene.spec)))
    spec = scheduling.request(scene, num_instances=9)
    state = scheduling.host_state(scene)
    for _ in range(data.draw(st.integers(1, 4))):
        known = answers(state, spec, histogram)
        # A weigher of the same request, and one of a later request.
        assert answers(state, spec, histogram) == known
        assert fresh_answers(state, spec, histogram) == known
        if known[0] and data.draw(st.booleans()):
            state.consume_from_request(spec)
        else:
            scene = changed(data.draw, scene)
            report(state, scene)
            state.allocation_candidates = [scheduling.CANDIDATE]
    assert answers(state, spec, histogram) == fresh_answers(
        state, spec, histogram
    )
