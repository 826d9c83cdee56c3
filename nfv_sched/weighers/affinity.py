"""Members of a server group kept together, or apart."""

from typing import Any

import nova.conf
from nova.scheduler import utils
from nova.scheduler import weights

from nfv_sched import conf

CONF = nova.conf.CONF
conf.register_opts(CONF)

# Nova's default for anti-affinity without rules (ServerGroupAntiAffinity-
# Filter): a second member is one too many.
_MAX_PER_HOST = 1


class _GroupWeigher(weights.BaseHostWeigher):  # type: ignore[misc]
    """Weigh hosts by how many members of the request's group they hold."""

    policies: frozenset[str]
    option: str

    def weight_multiplier(self, host_state: Any) -> float:
        """The option, or what the host's aggregates say instead."""
        multiplier: float = utils.get_weight_multiplier(
            host_state,
            f'{conf.AGGREGATE_PREFIX}{self.option}',
            getattr(CONF.nfv_sched, self.option),
        )
        return multiplier

    def members_on(self, host_state: Any, group: Any, guest: Any) -> int:
        """Members of ``group`` on the host, ``guest`` itself aside.

        A guest that moves does not keep itself company.
        """
        members = set(group.members) - {guest}
        return len(members.intersection(host_state.instances))

    def group_of(self, spec_obj: Any) -> Any:
        """The request's group if this weigher serves its policy."""
        group = spec_obj.instance_group
        return group if group and group.policy in self.policies else None


class AffinityWeigher(_GroupWeigher):
    """More members weigh more: policies affinity and soft-affinity."""

    policies = frozenset(('affinity', 'soft-affinity'))
    option = 'affinity_weight_multiplier'

    def _weigh_object(self, host_state: Any, weight_properties: Any) -> float:
        group = self.group_of(weight_properties)
        if group is None:
            return 0.0
        return float(
            self.members_on(host_state, group, weight_properties.instance_uuid)
        )


class AntiAffinityWeigher(_GroupWeigher):
    """Fewer members weigh more: anti-affinity and soft-anti-affinity.

    Hosts that already hold as many members as ``max_server_per_host``
    allows weigh least of all, below any that may still take one.
    """

    policies = frozenset(('anti-affinity', 'soft-anti-affinity'))
    option = 'anti_affinity_weight_multiplier'

    def _weigh_object(self, host_state: Any, weight_properties: Any) -> float:
        group = self.group_of(weight_properties)
        if group is None:
            return 0.0
        held = self.members_on(
            host_state, group, weight_properties.instance_uuid
        )
        if group.policy == 'anti-affinity':
            rules = group.rules or {}
            if held >= int(rules.get('max_server_per_host', _MAX_PER_HOST)):
                held += len(group.members)
        return -float(held)
