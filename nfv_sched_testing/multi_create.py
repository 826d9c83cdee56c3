"""Several instances of one request, consumed and claimed in parallel."""

from nova.scheduler import filters as scheduler_filters

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling

#: Instances of one request, at most.
INSTANCES = 5


def _known(state):
    """What a host state knows of NUMA cells and devices."""
    topology = state.numa_topology
    return (
        [_set_fields(cell) for cell in topology.cells] if topology else None,
        [dict(pool) for pool in state.pci_stats.pools],
    )


def _set_fields(value):
    """The fields of a versioned object that are set, nested ones too."""
    if isinstance(value, list):
        return [_set_fields(element) for element in value]
    if not hasattr(value, 'obj_fields'):
        return value
    return {
        field: _set_fields(getattr(value, field))
        for field in value.obj_fields
        if value.obj_attr_is_set(field)
    }


def _accepts(state, spec, number):
    return bool(
        scheduler_filters.HostFilterHandler().get_filtered_objects(
            [NUMAFitFilter()], [state], spec, number
        )
    )


def consume_all(scene, instances=INSTANCES):
    """Consume instances until one is refused; yield the two states."""
    state = scheduling.host_state(scene)
    spec = scheduling.request(scene, num_instances=instances)
    for number in range(instances):
        accepted = _accepts(state, spec, number)
        assert accepted == nova_oracle.succeeds(scene)
        if not accepted:
            return
        claimed, stats = nova_oracle.claim_on(scene)
        scene = nova_oracle.after(scene, claimed, stats)
        state.consume_from_request(spec)
        yield _known(state), _known(scheduling.host_state(scene))
