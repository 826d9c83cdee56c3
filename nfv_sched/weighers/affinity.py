"""Guests kept together or apart, over hosts and wider failure domains."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import logging
from typing import Any

import nova.conf

from nfv_sched import conf
from nfv_sched.fit import topology_spread
from nfv_sched.nova import failure_domains
from nfv_sched.nova import instances
from nfv_sched.nova import server_group
from nfv_sched.scheduler import published_topology
from nfv_sched.weighers.base import AbsoluteWeigher

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)


class _AffinityContextWeigher(AbsoluteWeigher):
    """Weigh hosts by where the guests are that a request speaks of."""

    def __init__(self) -> None:
        # Nova makes its weighers when it starts.
        instances.load_cells()

    def weigh_objects(
        self, weighed_obj_list: Sequence[Any], weight_properties: Any
    ) -> list[float]:
        """Weigh all hosts of a request at once, from 0 to 1."""
        nothing = [0.0] * len(weighed_obj_list)
        if not self.counts(weighed_obj_list):
            return nothing
        try:
            affinity = server_group.affinity_context(weight_properties)
            if affinity is None:
                return nothing
            states = [weighed.obj for weighed in weighed_obj_list]
            return self._weights(affinity, states) or nothing
        except Exception:
            # A boot must not fail because of a preference.
            LOG.exception('%s weighs nothing', type(self).__name__)
            return nothing

    def _weights(
        self, affinity: server_group.AffinityContext, states: Sequence[Any]
    ) -> list[float] | None:
        """The weights of hosts; None where nobody is to be weighed by."""
        if not self.guests(affinity):
            return None
        kinds = failure_domains.domain_keys(CONF.nfv_sched.failure_domains)
        affinity.find(states, elsewhere=bool(kinds))
        held = Counter(
            affinity.hosts[guest]
            for guest in self.guests(affinity)
            if guest in affinity.hosts
        )
        if not held:
            return None
        places = failure_domains.domain_paths(
            states, held.keys(), kinds, _published_domains
        )
        return self.weigh(
            affinity,
            [places[state.host] for state in states],
            [places[host] for host in held.elements()],
        )

    def guests(self, affinity: server_group.AffinityContext) -> frozenset[str]:
        """Those of the company that this weigher is about."""
        raise NotImplementedError

    def weigh(
        self,
        affinity: server_group.AffinityContext,
        hosts: Sequence[topology_spread.DomainPath],
        members: Sequence[topology_spread.DomainPath],
    ) -> list[float]:
        """The weights of hosts by the places of those guests."""
        raise NotImplementedError


class AffinityWeigher(_AffinityContextWeigher):
    """Prefer the hosts, then the domains, where the guest's company is.

    That is its server group, for the policies affinity and soft-affinity,
    and what the scheduler hints ``nfv:near`` name.
    """

    option = 'affinity_weight_multiplier'

    def guests(self, affinity: server_group.AffinityContext) -> frozenset[str]:
        """Those to be near to."""
        return affinity.near

    def weigh(
        self,
        affinity: server_group.AffinityContext,
        hosts: Sequence[topology_spread.DomainPath],
        members: Sequence[topology_spread.DomainPath],
    ) -> list[float]:
        """More company weighs more, see :func:`spread.nearness`."""
        del affinity
        return topology_spread.affinity_scores(hosts, members)


class AntiAffinityWeigher(_AffinityContextWeigher):
    """Spread guests evenly over the widest domains, then over narrower ones.

    Those of its server group, for the policies anti-affinity and
    soft-anti-affinity, and what the scheduler hints ``nfv:apart`` name.
    Hosts that hold as many members as ``max_server_per_host`` allows weigh
    0, less than any other.
    """

    option = 'anti_affinity_weight_multiplier'

    def guests(self, affinity: server_group.AffinityContext) -> frozenset[str]:
        """Those to be apart from."""
        return affinity.apart

    def weigh(
        self,
        affinity: server_group.AffinityContext,
        hosts: Sequence[topology_spread.DomainPath],
        members: Sequence[topology_spread.DomainPath],
    ) -> list[float]:
        """Less skew weighs more, see :func:`spread.apartness`."""
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
        for guest in affinity.members - {affinity.guest}
        if guest in affinity.hosts
    ).items()
    return {host for host, count in held if count >= limit}


def _published_domains() -> Mapping[str, Mapping[str, str]]:
    return published_topology.published().domains()
