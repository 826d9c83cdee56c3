"""Guests in flight under Nova's own scheduler, databases and all."""

import copy

from nova import objects
from nova.compute import vm_states
from nova.scheduler import utils as scheduler_utils
from oslo_utils import uuidutils
import pytest

from nfv_sched.filters.numa_fit import NUMAFitFilter
from nfv_sched.nova import instances
from nfv_sched.scheduler import in_flight as in_flight_module
from nfv_sched.scheduler import process
from nfv_sched.scheduler.in_flight import InFlight
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture
from nfv_sched_testing.weighing import LARGE
from nfv_sched_testing.weighing import plain
from nfv_sched_testing.weighing import SMALL
from nfv_sched_testing.weighing import spec_of

NAMES = ('one', 'two', 'three')
#: A host has room for several.
PINNED = SimulatedFlavor(
    'pinned', 4, 4096, extra_specs={'hw:cpu_policy': 'dedicated'}
)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(scheduler_process):
    clock = Clock()
    with process.replaced(
        process.SchedulerProcess(in_flight=InFlight(clock=clock))
    ):
        yield clock


@pytest.fixture
def cloud(request, clock):
    options = {
        'nfv_sched.in_flight_weight_multiplier': request.param,
        # Hosts would take turns by what these say of those left free.
        'filter_scheduler.io_ops_weight_multiplier': 0.0,
    }
    hosts = dict.fromkeys(NAMES, 'dell-2x6230r-64vf')
    with cloud_of(hosts, options=options) as running:
        yield running


def send(cloud):
    """Where the scheduler sends a guest, which then is being built."""
    uuid = uuidutils.generate_uuid()
    spec = cloud.request_spec(PINNED, uuids=[uuid])
    [[chosen]] = cloud.scheduler.select_destinations(
        cloud.context,
        spec_obj=spec,
        instance_uuids=[uuid],
        return_objects=True,
    )
    instance = objects.Instance(
        cloud.cell_context,
        uuid=uuid,
        project_id=cloud.context.project_id,
        vm_state=vm_states.BUILDING,
        flavor=spec.flavor,
        system_metadata={},
    )
    instance.create()
    return chosen.service_host, instance


@pytest.mark.parametrize('cloud', [2.0], indirect=True)
def test_nobody_is_sent_after_others(cloud, clock):
    assert {send(cloud)[0] for _ in NAMES} == set(NAMES)


@pytest.mark.parametrize('cloud', [0.0], indirect=True)
def test_nova_alone_forgets_whom_it_has_sent(cloud):
    assert len({send(cloud)[0] for _ in NAMES}) == 1


@pytest.mark.parametrize('cloud', [2.0], indirect=True)
def test_an_instance_counts_while_placement_is_asked(cloud, monkeypatch):
    claim, seen = scheduler_utils.claim_resources, []
    refused = []

    def watched(context, client, spec, instance, request, *rest, **options):
        flight = process.current().in_flight
        [provider] = request['allocations']
        seen.append(dict(flight._nodes) == {instance: provider})
        if not refused:
            refused.append(provider)
            return False
        return claim(
            context, client, spec, instance, request, *rest, **options
        )

    monkeypatch.setattr(scheduler_utils, 'claim_resources', watched)
    host, instance = send(cloud)
    # Refused once, Nova has tried another host, which then is the only one.
    assert seen == [True, True]
    flight = process.current().in_flight
    [node] = flight._nodes.values()
    assert node != refused[0]
    assert len(flight) == 1
    assert flight.unsettled(besides=instance.uuid) == 0
    assert flight.unsettled() == 1
    [[pick]] = flight._picks.values()
    assert pick.shared.host == host


@pytest.mark.parametrize('copied', [copy.copy, copy.deepcopy])
def test_copies_of_candidates_are_plain(no_placement, copied):
    host, spec = plain('host', LARGE), spec_of(SMALL)
    assert list(NUMAFitFilter().filter_all([host], spec)) == [host]
    candidates = copied(host.allocation_candidates)
    assert type(candidates) is list
    assert candidates == list(host.allocation_candidates)


@pytest.mark.parametrize('cloud', [2.0], indirect=True)
def test_alternates_are_no_picks(cloud):
    uuid = uuidutils.generate_uuid()
    [[chosen, *alternates]] = cloud.scheduler.select_destinations(
        cloud.context,
        spec_obj=cloud.request_spec(PINNED, uuids=[uuid]),
        instance_uuids=[uuid],
        return_objects=True,
        return_alternates=True,
    )
    assert len(alternates) == 2
    [[pick]] = process.current().in_flight._picks.values()
    assert pick.shared.host == chosen.service_host


@pytest.mark.parametrize('cloud', [2.0], indirect=True)
def test_databases_tell_who_has_landed(cloud, clock):
    flight = process.current().in_flight
    (host, landing), (_, failing) = send(cloud), send(cloud)
    # Its build is not begun for longer than nobody is waited for.
    clock.now += in_flight_module.UNKNOWN_TIMEOUT + 1.0
    flight.expire()
    assert instances.find_hosts([landing.uuid]) == {landing.uuid: None}
    assert len(flight._picks) == 2
    landing.host = host
    landing.save()
    failing.vm_state = vm_states.ERROR
    failing.save()
    clock.now += 2.0
    flight.expire()
    clock.now += in_flight_module.ARRIVED_TIMEOUT
    flight.expire()
    assert not flight
