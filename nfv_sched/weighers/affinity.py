"""Instances kept together or apart, over hosts and failure domains."""

from collections import Counter
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import logging

import nova.conf

from nfv_sched import conf
from nfv_sched.fit import topology_spread
from nfv_sched.nova import cell_databases
from nfv_sched.nova import failure_domains
from nfv_sched.nova import server_group
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.nova.types import WeighedHost
from nfv_sched.scheduler import cycle as scheduling_cycle
from nfv_sched.weighers.base import AbsoluteWeigher

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)


class _AffinityContextWeigher(AbsoluteWeigher):
    """Weigh hosts by where the instances of the affinity context are."""

    def __init__(self) -> None:
        # Nova makes its weighers when it starts.
        cell_databases.load_cells()

    def weigh_objects(
        self,
        weighed_obj_list: Sequence[WeighedHost],
        weight_properties: RequestSpec,
    ) -> list[float]:
        """Weigh all hosts of a request at once, from 0 to 1."""
        nothing = [0.0] * len(weighed_obj_list)
        if not self.counts(weighed_obj_list):
            return nothing
        try:
            cycle = scheduling_cycle.of(weight_properties)
            affinity = cycle.affinity(weight_properties)
            if affinity is None:
                return nothing
            states = [weighed.obj for weighed in weighed_obj_list]
            domains = cycle.process.published.domains
            return self._weights(affinity, states, domains) or nothing
        except Exception:
            # A boot must not fail because of a preference.
            LOG.exception('%s weighs nothing', type(self).__name__)
            return nothing

    def _weights(
        self,
        affinity: server_group.AffinityContext,
        states: Sequence[HostState],
        published: Callable[[], Mapping[str, Mapping[str, str]]],
    ) -> list[float] | None:
        """The weights of hosts; None where no instance has a host.

        :param published: the failure domains in Placement, by host and kind
        """
        if not self.targets(affinity):
            return None
        kinds = failure_domains.domain_keys(CONF.nfv_sched.failure_domains)
        # It finds the members of groups that hints name, too.
        affinity.find(states, elsewhere=bool(kinds))
        held = Counter(
            affinity.hosts[target]
            for target in self.targets(affinity)
            if target in affinity.hosts
        )
        if not held:
            return None
        places = failure_domains.domain_paths(
            states, held.keys(), kinds, published
        )
        return self.weigh(
            affinity,
            [places[state.host] for state in states],
            [places[host] for host in held.elements()],
        )

    def targets(
        self, affinity: server_group.AffinityContext
    ) -> frozenset[str]:
        """The instances that hosts are weighed by."""
        raise NotImplementedError

    def weigh(
        self,
        affinity: server_group.AffinityContext,
        hosts: Sequence[topology_spread.DomainPath],
        members: Sequence[topology_spread.DomainPath],
    ) -> list[float]:
        """The weights of hosts by the domains of the targets."""
        raise NotImplementedError


class AffinityWeigher(_AffinityContextWeigher):
    """Prefer the hosts, then the domains, of related instances.

    These are the members of the server group, for the policies affinity and
    soft-affinity, and what the scheduler hints ``nfv:near`` name.
    """

    option = 'affinity_weight_multiplier'

    def targets(
        self, affinity: server_group.AffinityContext
    ) -> frozenset[str]:
        """The instances to be near to."""
        return affinity.near

    def weigh(
        self,
        affinity: server_group.AffinityContext,
        hosts: Sequence[topology_spread.DomainPath],
        members: Sequence[topology_spread.DomainPath],
    ) -> list[float]:
        """More instances near weigh more."""
        del affinity
        return topology_spread.affinity_scores(hosts, members)


class AntiAffinityWeigher(_AffinityContextWeigher):
    """Spread instances evenly over the widest domains, then narrower ones.

    These are the members of the server group, for the policies anti-affinity
    and soft-anti-affinity, and what the scheduler hints ``nfv:apart`` name.
    Hosts that hold as many members as ``max_server_per_host`` allows weigh
    0, less than any other.
    """

    option = 'anti_affinity_weight_multiplier'

    def targets(
        self, affinity: server_group.AffinityContext
    ) -> frozenset[str]:
        """The instances to be apart from."""
        return affinity.apart

    def weigh(
        self,
        affinity: server_group.AffinityContext,
        hosts: Sequence[topology_spread.DomainPath],
        members: Sequence[topology_spread.DomainPath],
    ) -> list[float]:
        """Less skew weighs more."""
        full = _full(affinity)
        return [
            0.0 if place[0] in full else weight
            for place, weight in zip(
                hosts,
                topology_spread.spread_scores(hosts, members),
                strict=True,
            )
        ]


def _full(affinity: server_group.AffinityContext) -> set[str]:
    """Hosts that hold as many members as the group's rule allows."""
    if affinity.limit is None:
        return set()
    limit = affinity.limit
    held: Iterable[tuple[str, int]] = Counter(
        affinity.hosts[guest]
        for guest in affinity.members - {affinity.instance}
        if guest in affinity.hosts
    ).items()
    return {host for host, count in held if count >= limit}
