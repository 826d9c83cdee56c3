"""The filters' reader of published topology, on a simulated cloud."""

from collections.abc import Iterator
import contextlib
import time

from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.scheduler import published_topology
from nfv_sched.sim.cloud import Cloud

_INTERVAL = 1.0
_FIRST_READ = 30.0


@contextlib.contextmanager
def read_published_topology(
    cloud: Cloud,
) -> Iterator[published_topology.PublishedTopology]:
    """Let the filters read the cloud's published topology, as in production.

    Waits for the first snapshot, so that it is in use from the first guest
    on; a scheduler would go on without.

    :raises TimeoutError: Placement does not answer
    """
    reader = TopologyReader(
        lambda: PlacementClient(cloud.placement), interval=_INTERVAL
    )
    view = published_topology.PublishedTopology(reader)
    published_topology.use(view)
    try:
        reader.ensure_started()
        end = time.monotonic() + _FIRST_READ
        while reader.snapshot.taken is None:
            if time.monotonic() > end:
                raise TimeoutError('no topology was read from Placement')
            time.sleep(0.01)
        yield view
    finally:
        reader.stop()
        published_topology.use(None)
