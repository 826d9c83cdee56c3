"""Nova asks for the second guest of a request with what the first one got.

``consume_from_request`` puts the topology that it gave to the first guest,
narrowed and renumbered, in the place of the request's own. The claim of the
second guest starts from what the flavor asks.
"""

from nova.scheduler import filters
from nova.scheduler.filters import numa_topology_filter
import pytest

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.model import PAGES_ANY
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import scheduling

pytestmark = pytest.mark.usefixtures('no_placement')


def any_page_size():
    """Once the 1 GiB page is gone, only small pages are left."""
    return builders.scene(
        [builders.host_cell(0, cores=4, pages={builders.GIB: 1})],
        [builders.guest_cell(0, memory=1024, pagesize=PAGES_ANY)],
    )


def second_guest_passes(filter_class):
    scene = any_page_size()
    state = scheduling.host_state(scene)
    spec = scheduling.request(scene, num_instances=2)
    handler = filters.HostFilterHandler()
    for index in range(2):
        if not handler.get_filtered_objects(
            [filter_class()], [state], spec, index
        ):
            return False
        if index == 0:
            state.consume_from_request(spec)
    return True


def test_the_stock_filter_refuses_the_second_guest():
    assert not second_guest_passes(numa_topology_filter.NUMATopologyFilter)


def test_its_own_claim_succeeds():
    scene = any_page_size()
    first = nova_oracle.claim(scene)
    scene.topology = nova_oracle.hardware.numa_usage_from_instance_numa(
        scene.topology, first.topology
    )
    assert nova_oracle.claim(scene).topology.cells[0].pagesize == 4


def test_we_accept_it():
    assert second_guest_passes(NUMAFitFilter)
