"""Guests kept together or apart, over hosts and wider failure domains."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import logging
from typing import Any

import nova.conf

from nfv_sched import conf
from nfv_sched import hardware
from nfv_sched.nova import domains
from nfv_sched.nova import groups
from nfv_sched.nova import whereabouts
from nfv_sched.weighers import spread
from nfv_sched.weighers.base import AbsoluteWeigher

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)


class _CompanyWeigher(AbsoluteWeigher):
    """Weigh hosts by where the guests are that a request speaks of."""

    def __init__(self) -> None:
        # Nova makes its weighers when it starts.
        whereabouts.prepare()

    def weigh_objects(
        self, weighed_obj_list: Sequence[Any], weight_properties: Any
    ) -> list[float]:
        """Weigh all hosts of a request at once, from 0 to 1."""
        nothing = [0.0] * len(weighed_obj_list)
        if not self.counts(weighed_obj_list):
            return nothing
        try:
            company = groups.company_of(weight_properties)
            if company is None:
                return nothing
            states = [weighed.obj for weighed in weighed_obj_list]
            return self._weights(company, states) or nothing
        except Exception:
            # A boot must not fail because of a preference.
            LOG.exception('%s weighs nothing', type(self).__name__)
            return nothing

    def _weights(
        self, company: groups.Company, states: Sequence[Any]
    ) -> list[float] | None:
        """The weights of hosts; None where nobody is to be weighed by."""
        if not self.guests(company):
            return None
        kinds = domains.keys_of(CONF.nfv_sched.failure_domains)
        company.find(states, elsewhere=bool(kinds))
        held = Counter(
            company.hosts[guest]
            for guest in self.guests(company)
            if guest in company.hosts
        )
        if not held:
            return None
        places = domains.places(states, held.keys(), kinds, _published)
        return self.weigh(
            company,
            [places[state.host] for state in states],
            [places[host] for host in held.elements()],
        )

    def guests(self, company: groups.Company) -> frozenset[str]:
        """Those of the company that this weigher is about."""
        raise NotImplementedError

    def weigh(
        self,
        company: groups.Company,
        hosts: Sequence[spread.Place],
        members: Sequence[spread.Place],
    ) -> list[float]:
        """The weights of hosts by the places of those guests."""
        raise NotImplementedError


class AffinityWeigher(_CompanyWeigher):
    """Prefer the hosts, then the domains, where the guest's company is.

    That is its server group, for the policies affinity and soft-affinity,
    and what the scheduler hints ``nfv:near`` name.
    """

    option = 'affinity_weight_multiplier'

    def guests(self, company: groups.Company) -> frozenset[str]:
        """Those to be near to."""
        return company.near

    def weigh(
        self,
        company: groups.Company,
        hosts: Sequence[spread.Place],
        members: Sequence[spread.Place],
    ) -> list[float]:
        """More company weighs more, see :func:`spread.nearness`."""
        del company
        return spread.nearness(hosts, members)


class AntiAffinityWeigher(_CompanyWeigher):
    """Spread guests evenly over the widest domains, then over narrower ones.

    Those of its server group, for the policies anti-affinity and
    soft-anti-affinity, and what the scheduler hints ``nfv:apart`` name.
    Hosts that hold as many members as ``max_server_per_host`` allows weigh
    0, less than any other.
    """

    option = 'anti_affinity_weight_multiplier'

    def guests(self, company: groups.Company) -> frozenset[str]:
        """Those to be apart from."""
        return company.apart

    def weigh(
        self,
        company: groups.Company,
        hosts: Sequence[spread.Place],
        members: Sequence[spread.Place],
    ) -> list[float]:
        """Less skew weighs more, see :func:`spread.apartness`."""
        full = _full(company)
        return [
            0.0 if place[0] in full else weight
            for place, weight in zip(
                hosts, spread.apartness(hosts, members), strict=True
            )
        ]


def _full(company: groups.Company) -> set[str]:
    """Hosts that hold as many members as the group's rule allows."""
    if company.limit is None:
        return set()
    limit = company.limit
    held: Iterable[tuple[str, int]] = Counter(
        company.hosts[guest]
        for guest in company.members - {company.guest}
        if guest in company.hosts
    ).items()
    return {host for host, count in held if count >= limit}


def _published() -> Mapping[str, Mapping[str, str]]:
    return hardware.published().domains()
