"""The published topology of hosts, checked against their own reports.

A host is decided on what its nova-compute reported. The published topology
adds what nova-compute does not report, as long as the two agree.
"""

from collections.abc import Collection
from collections.abc import Mapping
import logging

import nova.conf

from nfv_sched import conf
from nfv_sched.fit import accelerators
from nfv_sched.fit import drift
from nfv_sched.fit.candidates import Candidate
from nfv_sched.fit.locality import Distances
from nfv_sched.model import AcceleratorClaim
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.nova import config as nova_config
from nfv_sched.nova.types import HostState
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.provider_names import ProviderNames
from nfv_sched.placement.reader import TopologyReader
from nfv_sched.placement.snapshot import Snapshot

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)

#: Names of failure domains by kind, by host name.
Domains = Mapping[str, Mapping[str, str]]


class PublishedTopology:
    """The published topologies, checked against the hosts' own reports.

    ``drifted`` and ``unpublished`` hold the compute node uuids of hosts that
    are decided on their report alone, ``rootless`` those of published
    hosts with devices whose PCIe root is unknown, as far as an instance asked
    for it; each is logged when it enters.

    :param reader: None where topology is not read from Placement
    :param names: of bandwidth providers; None for those that the reader reads
    """

    def __init__(
        self,
        reader: TopologyReader | None,
        names: ProviderNames | None = None,
    ) -> None:
        self.reader = reader
        self._names = names
        self.drifted: set[str] = set()
        self.unpublished: set[str] = set()
        self.rootless: set[str] = set()
        self._checked: dict[str, tuple[HostTopology, object, bool]] = {}
        self._logged_empty = False
        self._domains: tuple[Snapshot, Domains] = (Snapshot(), {})

    def domains(self) -> Domains:
        """The failure domains of published hosts, by host name and kind.

        Returns at once whatever Placement does. A name without its DNS
        domain is known, too: hosts' names have none in many clouds, unlike
        those of their hypervisors.
        """
        if self.reader is None:
            return {}
        self.reader.ensure_started()
        snapshot = self.reader.snapshot
        if self._domains[0] is not snapshot:
            domains: dict[str, Mapping[str, str]] = {}
            for topology in snapshot.hosts.values():
                domains.setdefault(
                    topology.name.split('.')[0], topology.domains
                )
            for topology in snapshot.hosts.values():
                domains[topology.name] = topology.domains
            self._domains = snapshot, domains
        return self._domains[1]

    def hosts(self) -> Mapping[str, HostTopology]:
        """The published topologies by compute node uuid, drifted ones too.

        Each is the same object until it changes, so that results computed
        from it can be cached. Returns at once whatever Placement does.
        """
        if self.reader is None:
            return {}
        self.reader.ensure_started()
        return self.reader.snapshot.hosts

    def provider_name(self, uuid: str) -> str | None:
        """The name of a provider of bandwidth or accelerators, if it is known.

        The reader then reads it with its next refresh. Returns at once
        whatever Placement does.
        """
        if self._names is not None:
            return self._names.get(uuid)
        if self.reader is None:
            return None
        self.reader.ensure_started()
        return self.reader.names.get(uuid)

    def augment(
        self, state: HostState, host: Host, *, roots: bool = False
    ) -> Host:
        """``host`` with what its published topology adds, if the two agree.

        Returns at once whatever Placement does.

        :param roots: whether to add the PCIe roots of devices
        """
        topology = self._topology(state, host)
        if topology is None:
            return host
        host = drift.with_parents(host, topology)
        if roots:
            host = drift.with_roots(host, topology)
            self._note_roots(state, host)
        return host

    def distances(self, state: HostState, host: Host) -> Distances:
        """The published distances between the cells of ``host``."""
        topology = self._topology(state, host)
        return {
            cell.id: cell.distances
            for cell in (topology.cells if topology else ())
        }

    def accelerators(
        self,
        state: HostState,
        host: Host,
        classes: Collection[str],
        candidate: Candidate,
    ) -> tuple[AcceleratorClaim, ...]:
        """The accelerators that an allocation candidate gives.

        :param classes: their resource classes
        """
        topology = self._topology(state, host)
        return accelerators.allocated(
            classes,
            candidate,
            state.uuid,
            self.provider_name,
            topology.functions if topology else (),
        )

    def _topology(self, state: HostState, host: Host) -> HostTopology | None:
        """What is published of a host, if it agrees with its report."""
        if self.reader is None:
            return None
        self.reader.ensure_started()
        snapshot = self.reader.snapshot
        if snapshot.taken is None:
            return None
        topology = snapshot.get(state.uuid)
        if topology is None:
            self._note_unpublished(state, nothing=not snapshot.hosts)
            return None
        self.unpublished.discard(state.uuid)
        return topology if self._agrees(state, host, topology) else None

    def _agrees(
        self, state: HostState, host: Host, topology: HostTopology
    ) -> bool:
        """Compare once per topology and report; both seldom change."""
        known = self._checked.get(state.uuid)
        if known and known[0] is topology and known[1] == state.updated:
            return known[2]
        differences = drift.differences(host, topology)
        if differences and state.uuid not in self.drifted:
            LOG.warning(
                'The published topology of %s does not describe what its '
                'nova-compute reports, which alone is used: %s',
                host.name,
                '; '.join(map(str, differences)),
            )
        if differences:
            self.drifted.add(state.uuid)
        else:
            self.drifted.discard(state.uuid)
        self._checked[state.uuid] = (topology, state.updated, not differences)
        return not differences

    def _note_roots(self, state: HostState, host: Host) -> None:
        if all(pool.pcie_root for pool in host.pools):
            self.rootless.discard(state.uuid)
        elif state.uuid not in self.rootless:
            self.rootless.add(state.uuid)
            LOG.info(
                'The PCIe roots of some devices of %s are not published: '
                'instances with nfv:pcie=same:required may take them',
                host.name,
            )

    def _note_unpublished(self, state: HostState, *, nothing: bool) -> None:
        self._checked.pop(state.uuid, None)
        self.drifted.discard(state.uuid)
        if nothing:
            if not self._logged_empty:
                self._logged_empty = True
                LOG.info('No host topology is published in Placement')
            return
        if state.uuid not in self.unpublished:
            self.unpublished.add(state.uuid)
            LOG.info(
                'No usable topology of %s is published in Placement; what '
                'its nova-compute reports is used',
                state.nodename,
            )


def from_options() -> PublishedTopology:
    """The view that nova.conf asks for; its reader starts on first use."""
    options = CONF.nfv_sched
    if not options.read_topology:
        return PublishedTopology(None)

    def connect() -> PlacementClient:
        return PlacementClient(
            nova_config.placement_adapter(),
            deadline=options.placement_deadline,
        )

    return PublishedTopology(
        TopologyReader(
            connect,
            interval=options.topology_refresh_interval,
            deadline=options.placement_deadline,
        )
    )
