"""A filter of another package, written as the manual documents it."""

from nova.scheduler import filters as scheduler_filters
import pytest

from nfv_sched.filters.base import ResourceFilter
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.fit import Refusal
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched_testing import builders
from nfv_sched_testing import scheduling

pytestmark = pytest.mark.usefixtures('no_placement')


class LicenceFilter(ResourceFilter):
    """Only hosts with a name that begins with ``licensed``."""

    about = 'licences'

    def concerns(self, fit_request):
        return bool(fit_request.guest.cells)

    def refusal(self, decision, host_state):
        if host_state.nodename.startswith('licensed'):
            return None
        # The decision is shared by all filters and weighers.
        assert decision.evaluation(host_state).host.name
        return Refusal(lambda: (Reason(Resource.CLAIM, 'no licence'),))


def pipeline(*classes):
    scene = builders.scene(
        [builders.host_cell(0, cores=2, pages={})], [builders.guest_cell(0)]
    )
    states = [
        scheduling.host_state(scene, name) for name in ('licensed-1', 'plain')
    ]
    passed = scheduler_filters.HostFilterHandler().get_filtered_objects(
        [cls() for cls in classes], states, scheduling.request(scene)
    )
    return [state.host for state in passed]


@pytest.mark.parametrize(
    'classes',
    [
        [LicenceFilter],
        [NUMAFitFilter, LicenceFilter],
        [LicenceFilter, NUMAFitFilter],
    ],
)
def test_a_filter_that_has_only_what_is_documented_works(classes):
    assert pipeline(*classes) == ['licensed-1']
