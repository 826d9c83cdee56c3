"""The filters' reader of published topology, on a simulated cloud."""

from collections.abc import Iterator
import contextlib
import time

from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.scheduler import process
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.sim.cloud import Cloud

_INTERVAL = 1.0
_FIRST_READ = 30.0


@contextlib.contextmanager
def read_published_topology(cloud: Cloud) -> Iterator[PublishedTopology]:
    """Let the filters read the cloud's published topology, as in production.

    Waits for the first snapshot, so that the first instance is scheduled
    with it; a scheduler would not wait.

    :raises TimeoutError: Placement does not answer
    """
    reader = TopologyReader(
        lambda: PlacementClient(cloud.placement), interval=_INTERVAL
    )
    published = PublishedTopology(reader)
    # Decisions go where they went before.
    state = process.SchedulerProcess(
        published, journal=process.current().journal
    )
    with process.replaced(state):
        try:
            reader.ensure_started()
            end = time.monotonic() + _FIRST_READ
            while reader.snapshot.taken is None:
                if time.monotonic() > end:
                    raise TimeoutError('no topology was read from Placement')
                time.sleep(0.01)
            yield published
        finally:
            reader.stop()
