"""The published topology at one moment, read without a thread."""

from collections.abc import Iterable

from nfv_sched.nova.types import HostState
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.provider_names import ProviderNames
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.scheduler.published_topology import PublishedTopology


def snapshot(
    client: PlacementClient,
    states: Iterable[HostState],
    names: ProviderNames,
) -> PublishedTopology:
    """The published topology, read where a decision may need it.

    Trees add the addresses of physical functions, which old nova-computes do
    not report, and the distances by which candidates with devices of PCI in
    Placement are ranked. Hosts without either are not worth the read, unless
    a request asks for PCIe roots or accelerators: then :func:`read` does it.
    Without an answer, which is logged, hosts are decided on their own reports.

    :param names: of bandwidth providers, which the caller reads
    """
    if not any(
        pool.get('address') is None or pool.get('rp_uuid') is not None
        for state in states
        if state.pci_stats
        for pool in state.pci_stats.pools
    ):
        return PublishedTopology(None, names)
    return read(client, names)


def read(client: PlacementClient, names: ProviderNames) -> PublishedTopology:
    """The published topology, as :func:`snapshot`, read in any case."""
    reader = TopologyReader(lambda: client)
    reader.refresh()
    # It keeps what it has, and starts no thread any more.
    reader.stop()
    return PublishedTopology(reader, names)
