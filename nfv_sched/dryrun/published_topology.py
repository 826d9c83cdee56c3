"""The published trees as they are at the moment, without a thread."""

from collections.abc import Iterable
from collections.abc import Iterator
import contextlib
from typing import Any

from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.scheduler import published_topology


@contextlib.contextmanager
def published_topology_snapshot(
    client: PlacementClient, states: Iterable[Any]
) -> Iterator[None]:
    """Let decisions use the published trees, where any state needs them.

    They complete what old nova-computes report of devices: the others know
    themselves.
    """
    reader = None
    if any(
        pool.get('address') is None
        for state in states
        if state.pci_stats
        for pool in state.pci_stats.pools
    ):
        reader = TopologyReader(lambda: client)
        reader.refresh()
        # It keeps what it has, and starts no thread any more.
        reader.stop()
    published_topology.use(published_topology.PublishedTopology(reader))
    try:
        yield
    finally:
        published_topology.use(None)
