"""Which guests are expected after what was asked for."""

import uuid

import pytest

from nfv_sched import fit
from nfv_sched.filters.cpu_pinning import CPUPinningFilter
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.scheduler import demand
from nfv_sched.weighers.fragmentation import FragmentationWeigher
from nfv_sched_testing.weighing import LARGE
from nfv_sched_testing.weighing import plain
from nfv_sched_testing.weighing import SMALL
from nfv_sched_testing.weighing import spec_of
from nfv_sched_testing.weighing import weigh

pytestmark = pytest.mark.usefixtures('no_placement')


@pytest.fixture(autouse=True)
def recorded(monkeypatch):
    """The guests that are counted as demand, by their CPUs."""
    sizes = []

    def record(self, fit_request, count=1):
        sizes.extend([len(fit_request.guest.cells[0].dedicated)] * count)

    monkeypatch.setattr(fit.DemandHistogram, 'record', record)
    return sizes


def request(count):
    spec = spec_of(SMALL)
    spec.num_instances = count
    return spec


def look(spec):
    """Filter and weigh for the next guest of a request."""
    spec.instance_uuid = str(uuid.uuid4())
    state = plain('one', LARGE)
    kept = CPUPinningFilter().filter_all([state], spec)
    weigh(FragmentationWeigher, kept, spec)
    return state


@pytest.mark.parametrize('count', [1, 3])
def test_each_guest_of_a_boot_counts_once(count, recorded):
    spec = request(count)
    for _ in range(count):
        state = look(spec)
        state.consume_from_request(spec)
    # Alternates for the last one.
    NUMAFitFilter().filter_all([plain('two', LARGE)], spec)
    assert recorded == [SMALL] * count


def test_a_move_is_of_one_guest_however_many_it_was_booted_with(recorded):
    look(request(50))
    assert recorded == [SMALL]


def test_weighers_alone_count_too(recorded):
    spec = request(2)
    for _ in range(2):
        spec.instance_uuid = str(uuid.uuid4())
        FragmentationWeigher()._weigh_object(plain('one', LARGE), spec)
    assert recorded == [SMALL] * 2


def test_reference_flavors_and_no_database_need_no_thread(nova_options):
    histogram = fit.DemandHistogram()
    nova_options.set_override('connection', None, 'api_database')
    assert demand.start_priming(histogram) is None
    nova_options.set_override('connection', 'sqlite://', 'api_database')
    nova_options.set_override('reference_flavors', ['one'], 'nfv_sched')
    assert demand.start_priming(histogram) is None
