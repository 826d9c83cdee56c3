"""Up to Nova 33 a claim without devices does not sort NUMA nodes by devices.

``Claim._test_numa_topology`` gives ``numa_fit_instance_to_host`` no
``pci_stats`` then (Nova bug 2144660), so that instances that need no devices
take NUMA nodes with devices. ``consume_from_request`` always sorts.
"""

from nova import objects
from nova.scheduler import filters
import pytest

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.nova import host_states
from nfv_sched.nova import releases
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling

pytestmark = pytest.mark.usefixtures('no_placement')

_INSTALLED = objects.service.SERVICE_VERSION


def devices_on_the_first_node(version):
    scene = builders.scene(
        [builders.host_cell(i, cores=2, pages={}) for i in range(2)],
        [builders.guest_cell(0)],
        [builders.device('0000:81:00.0', 'type-PCI', 0)],
    )
    scene.service_version = version
    return scene


def nodes(topology):
    return [cell.id for cell in topology.cells]


@pytest.mark.parametrize('version', [None, nova_oracle.NOVA_33])
def test_the_node_of_the_claim_is_predicted(version):
    scene = devices_on_the_first_node(version)
    old = (version or _INSTALLED) <= nova_oracle.NOVA_33
    taken = 0 if old else 1
    assert nodes(nova_oracle.claim(scene).topology) == [taken]
    (cell,) = builders.evaluate(scene).outcome.cells
    assert cell.host_cell == taken


@pytest.mark.parametrize(
    ('version', 'sorts'), [(68, False), (70, False), (72, False), (74, True)]
)
def test_the_service_version_of_the_host_decides(version, sorts):
    state = scheduling.host_state(devices_on_the_first_node(version))
    assert host_states.host_of(state).claims_sort_by_devices is sorts


def test_an_unknown_version_is_that_of_the_installed_release():
    state = scheduling.host_state(devices_on_the_first_node(None))
    state.service = {}
    assert host_states.host_of(
        state
    ).claims_sort_by_devices is releases.claims_sort_by_devices(_INSTALLED)


def test_another_version_is_another_fingerprint():
    old, new = (
        scheduling.host_state(devices_on_the_first_node(version))
        for version in (72, 74)
    )
    assert host_states.state_fingerprint(old) != host_states.state_fingerprint(
        new
    )


def test_the_next_instance_finds_the_node_that_the_claim_takes():
    """Also where the scheduler is of a later release than the compute."""
    scene = devices_on_the_first_node(nova_oracle.NOVA_33)
    state = scheduling.host_state(scene)
    spec = scheduling.request(scene, num_instances=2)
    assert filters.HostFilterHandler().get_filtered_objects(
        [NUMAFitFilter()], [state], spec, 0
    )
    devices = state.pci_stats
    state.consume_from_request(spec)
    pinned = [len(cell.pinned_cpus) for cell in state.numa_topology.cells]
    assert pinned == [1, 0]
    assert state.pci_stats is devices
