"""Guests are scheduled whatever Placement does."""

import time

from nova.scheduler import filters as scheduler_filters
import pytest

from nfv_sched import filters
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.scheduler import process
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched_testing import builders
from nfv_sched_testing import fault_server as faults
from nfv_sched_testing import scheduling
from nfv_sched_testing.patience import PATIENCE

STOPPED = None
TROUBLES = {
    'stopped': STOPPED,
    'hanging': faults.hang,
    'dripping': faults.drip_body,
    'no JSON': faults.whole(b'<html>'),
    'other JSON': faults.whole(b'{"resource_providers": {"a": [7]}}'),
    'half an answer': faults.whole(b'{"resource_providers": [{"uuid"'),
    'failing': faults.whole(b'{}', status='500 Oops'),
    'refusing': faults.whole(b'{}', status='403 No'),
}


@pytest.fixture
def schedule(serve, scheduler_process):
    """Start a reader of a server and return a function that schedules."""
    readers = []

    def start(answer, deadline):
        server = serve(answer or faults.hang)
        if answer is STOPPED:
            server.close()
        reader = TopologyReader(
            lambda: faults.client_of(server.url, deadline),
            interval=0.01,
            deadline=deadline,
        )
        readers.append(reader)
        process.replace(process.SchedulerProcess(PublishedTopology(reader)))
        return reader, server, run

    def run():
        """The hosts that the filters let through: the second is full."""
        scenes = [
            builders.scene(
                [builders.host_cell(0, pages={}, pinned=pinned)],
                [builders.guest_cell(0)],
            )
            for pinned in ((), {0})
        ]
        states = [
            scheduling.host_state(scene, f'host{i}')
            for i, scene in enumerate(scenes)
        ]
        handler = scheduler_filters.HostFilterHandler()
        kept = handler.get_filtered_objects(
            [cls() for cls in filters.all_filters()],
            states,
            scheduling.request(scenes[0]),
        )
        return [state.host for state in kept]

    yield start
    for reader in readers:
        reader.stop()


@pytest.mark.parametrize('trouble', sorted(TROUBLES))
def test_no_request_fails_because_of_placement(schedule, trouble):
    reader, _, run = schedule(TROUBLES[trouble], deadline=0.2)
    end = time.monotonic() + PATIENCE
    while reader.snapshot.counters.errors < 3:
        assert run() == ['host0']
        assert time.monotonic() < end, 'the reader does not report errors'
    assert run() == ['host0']
    assert reader.snapshot.taken is None


def test_no_request_waits_for_placement(schedule):
    """Requests end while the reader still waits for its first answer."""
    reader, server, run = schedule(faults.hang, deadline=60)
    while not server.connections:
        assert run() == ['host0']
    for _ in range(20):
        assert run() == ['host0']
    assert reader.snapshot.counters.errors == 0
    assert len(server.connections) == 1
