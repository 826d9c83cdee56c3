"""The one line when a request ends with no host."""

import logging
import uuid

import nova.conf
from nova.scheduler import filters
import pytest

from nfv_sched.filters.cpu_pinning import CPUPinningFilter
from nfv_sched.filters.huge_pages import HugePagesFilter
from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.filters.pci_numa import PCINUMAFilter
from nfv_sched.scheduler import rejection_log
from nfv_sched.sim import flavors
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.boot_result import Outcome
from nfv_sched_testing import builders
from nfv_sched_testing import scheduling
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture

ALL = (HugePagesFilter, CPUPinningFilter, PCINUMAFilter, NUMAFitFilter)


@pytest.fixture(scope='module')
def cloud():
    with cloud_of(
        ('s2600wt-4port', 'epyc7451-4node', 'dell-2x6230r-64vf'),
        aliases=flavors.aliases(),
    ) as running:
        yield running


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, 'nfv_sched.scheduler')

    def told():
        return [
            record.getMessage()
            for record in caplog.records
            if record.name == rejection_log.__name__
        ]

    return told


def test_a_request_without_host_leaves_one_line(cloud, lines):
    [guest] = cloud.boot(
        SimulatedFlavor('big', 4, 44 * 1024, extra_specs=HUGE)
    )
    assert guest.outcome is Outcome.NO_VALID_HOST
    [line] = lines()
    assert guest.uuid in line
    assert 'of 3 rejected hosts 3 for pages; nearest is ' in line
    assert ' of 44 free pages of 1 GiB for guest NUMA node 0' in line
    # Not a word to the tenant.
    assert 'page' not in guest.error


def test_each_filter_adds_to_the_counts(cloud, lines):
    port = {**HUGE, 'pci_passthrough:alias': 'cx4-vf:1'}
    flavor = SimulatedFlavor('wide', 13, 16 * 1024, extra_specs=port)
    [guest] = cloud.boot(flavor)
    assert not guest.booted
    [line] = lines()
    assert 'of 3 rejected hosts 2 for devices, 1 for dedicated CPUs' in line


def test_nothing_is_worked_out_while_a_host_is_left(cloud, lines, monkeypatch):
    monkeypatch.setattr(
        rejection_log, 'write', lambda *_: pytest.fail('it was called')
    )
    [guest] = cloud.boot(
        SimulatedFlavor('fits one', 4, 30 * 1024, extra_specs=HUGE)
    )
    assert guest.booted
    cloud.delete(guest)
    assert lines() == []


def test_a_second_guest_that_finds_none_is_told_alone(cloud, lines):
    flavor = SimulatedFlavor('half', 2, 30 * 1024, extra_specs=HUGE)
    guests = cloud.boot(flavor, count=40)
    assert not any(guest.booted for guest in guests)
    [line] = lines()
    # Those that were full before are no hosts of this guest any more.
    assert '1 for pages' in line


def test_no_line_for_one_host_alone(cloud, lines):
    spec = cloud.request_spec(
        SimulatedFlavor('big', 4, 44 * 1024, extra_specs=HUGE)
    )
    [state, *_] = cloud.host_states(spec)
    state.allocation_candidates = [{'mappings': {'': []}}]
    assert not HugePagesFilter().host_passes(state, spec)
    assert lines() == []


def test_without_info_nothing_is_worked_out(cloud, caplog, monkeypatch):
    caplog.set_level(logging.WARNING, 'nfv_sched')
    monkeypatch.setattr(
        rejection_log, '_reason', lambda *_: pytest.fail('nobody listens')
    )
    [guest] = cloud.boot(
        SimulatedFlavor('big', 4, 44 * 1024, extra_specs=HUGE)
    )
    assert not guest.booted


def test_a_malformed_state_is_counted(cloud, lines):
    spec = cloud.request_spec(
        SimulatedFlavor('big', 4, 44 * 1024, extra_specs=HUGE)
    )
    states = cloud.host_states(spec)
    for state in states:
        state.allocation_candidates = [{'mappings': {'': []}}]
    # As if nova-compute had left it out.
    del states[0].numa_topology.cells[0]._obj_mempages
    passed = HugePagesFilter().filter_all(states, spec)
    while passed:
        passed = NUMAFitFilter().filter_all(passed, spec)
    [line] = lines()
    assert '1 for a malformed state' in line


def test_many_hosts_are_looked_at_up_to_a_bound(cloud, lines, monkeypatch):
    monkeypatch.setattr(rejection_log, 'MAX_EXPLAINED', 1)
    cloud.boot(SimulatedFlavor('big', 4, 44 * 1024, extra_specs=HUGE))
    [line] = lines()
    # The rest count for what the filter is about.
    assert 'of 3 rejected hosts 3 for pages; nearest of 1 is ' in line
    monkeypatch.setattr(rejection_log, 'MAX_EXPLAINED', 0)
    cloud.boot(SimulatedFlavor('big', 4, 44 * 1024, extra_specs=HUGE))
    assert lines()[-1].endswith('of 3 rejected hosts 3 for pages')


def two_full_hosts():
    """A request for several guests, after it took the last places."""
    scene = builders.scene(
        [builders.host_cell(0, cores=1, pages={})], [builders.guest_cell(0)]
    )
    states = [scheduling.host_state(scene, name) for name in ('one', 'two')]
    spec = scheduling.request(scene, num_instances=3)
    for index in range(2):
        spec.instance_uuid = str(uuid.uuid4())
        kept = filtered(states, spec, index)
        kept[0].consume_from_request(spec)
    return states, spec


def filtered(states, spec, index):
    handler = filters.HostFilterHandler()
    ours = [CPUPinningFilter(), NUMAFitFilter()]
    return handler.get_filtered_objects(ours, states, spec, index)


@pytest.fixture(params=[0.0, 2.0])
def multiplier(request, cloud):
    """Guests in flight are remembered, or they are not."""
    option = 'in_flight_weight_multiplier', 'nfv_sched'
    nova.conf.CONF.set_override(option[0], request.param, option[1])
    yield
    nova.conf.CONF.clear_override(*option)


@pytest.mark.usefixtures('multiplier', 'no_placement')
def test_no_line_for_a_guest_whose_alternates_are_looked_for(lines):
    states, spec = two_full_hosts()
    assert not filtered(states, spec, 1)
    assert lines() == []


@pytest.mark.usefixtures('no_placement')
def test_the_next_guest_is_told_of_what_was_rejected_for_it(cloud, lines):
    states, spec = two_full_hosts()
    spec.instance_uuid = str(uuid.uuid4())
    assert not filtered(states, spec, 2)
    [line] = lines()
    assert spec.instance_uuid in line
    assert 'of 2 rejected hosts' in line
