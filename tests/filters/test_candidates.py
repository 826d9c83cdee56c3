"""Allocation candidates whose devices Placement has chosen."""

import uuid

from nova import objects
from nova.scheduler import filters as scheduler_filters
from nova.scheduler.filters import numa_topology_filter
from nova.scheduler.filters import pci_passthrough_filter
import pytest

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.filters.pci_numa import PCINUMAFilter
from nfv_sched.fit import candidates
from nfv_sched_testing import builders
from nfv_sched_testing import scheduling

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
    found = builders.scene(
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
    for pool in found.stats.pools:
        bus = int(pool['address'][6])
        pool['rp_uuid'] = PROVIDERS[DEVICES[bus]]
    return found


def candidate(names):
    """An allocation candidate that gives the devices ``names``."""
    return {
        'names': names,
        'allocations': {
            PROVIDERS[name]: {'resources': {'CUSTOM_PCI': 1}} for name in names
        },
        'mappings': {
            '': ['root'],
            **{
                f'{REQUEST}-{n}': [PROVIDERS[name]]
                for n, name in enumerate(names)
            },
        },
    }


def kept(classes, policy, *choices):
    """What is left of the candidates that give ``choices`` of devices."""
    found = scene(policy, len(choices[0]))
    state = scheduling.host_state(
        found, candidates=[candidate(names) for names in choices]
    )
    passed = scheduler_filters.HostFilterHandler().get_filtered_objects(
        [cls() for cls in classes], [state], scheduling.request(found)
    )
    # Nova drops a rejected host, whatever candidates it has.
    if not passed:
        return []
    return [one['names'] for one in state.allocation_candidates]


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
    found = scene('required', 1)
    twins = [dict(scheduling.CANDIDATE), dict(scheduling.CANDIDATE)]
    state = scheduling.host_state(found, candidates=twins)
    assert NUMAFitFilter().host_passes(state, scheduling.request(found))
    assert state.allocation_candidates == twins
