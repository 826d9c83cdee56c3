"""What the first guest of a request took of a card, whole, is not left over.

``consume_from_request`` takes devices off the pools that were asked for. The
physical function of a virtual function that is gone looks free to the next
guest, and so do the virtual functions of a physical one. Where one guest has
both, both may even come off the pools of one card.
"""

from nova.scheduler import filters
import pytest

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling

pytestmark = pytest.mark.usefixtures('no_placement')

CARDS = 3


def card(number):
    parent = f'0000:8{number}:00.0'
    yield builders.device(parent, 'type-PF', 0)
    for function in (1, 2):
        yield builders.device(
            f'0000:8{number}:00.{function}', 'type-VF', 0, parent, '154c'
        )


def both_kinds(kinds):
    devices = [device for i in range(CARDS) for device in card(i)]
    return builders.scene(
        [builders.host_cell(0, cores=8, pages={})],
        [builders.guest_cell(0)],
        devices,
        [builders.device_request(dev_type=kind) for kind in kinds],
    )


def claimed(scene):
    """Guests whose claims succeed, one after another."""
    for count in range(CARDS + 1):
        try:
            claim, stats = nova_oracle.claim_on(scene)
        except nova_oracle.Refused:
            return count
        scene = nova_oracle.after(scene, claim, stats)
    return None


@pytest.mark.parametrize('multiplier', [0.0, 2.0])
@pytest.mark.parametrize(
    'kinds', [('type-VF', 'type-PF'), ('type-PF', 'type-VF')]
)
def test_as_many_guests_are_accepted_as_claims_succeed(
    kinds, multiplier, nova_options
):
    nova_options.set_override(
        'in_flight_weight_multiplier', multiplier, 'nfv_sched'
    )
    scene = both_kinds(kinds)
    state = scheduling.host_state(scene)
    spec = scheduling.request(scene, num_instances=CARDS + 1)
    handler, accepted = filters.HostFilterHandler(), 0
    while handler.get_filtered_objects(
        [NUMAFitFilter()], [state], spec, accepted
    ):
        state.consume_from_request(spec)
        accepted += 1
    assert accepted == claimed(scene) == CARDS - 1


def test_a_virtual_function_takes_its_physical_one_off_the_pools():
    scene = both_kinds(['type-VF'])
    state = scheduling.host_state(scene)
    spec = scheduling.request(scene, num_instances=2)
    NUMAFitFilter().filter_all([state], spec)
    state.consume_from_request(spec)
    counts = [pool['count'] for pool in state.pci_stats.pools]
    # Of the first card one VF is left; of each other the PF and both VFs.
    assert sorted(counts) == [1, 1, 1, 2, 2]
