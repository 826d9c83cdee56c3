"""Why no host took a guest: what was short, where, and how nearly it fit."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any

import nova.conf

from nfv_sched import fit
from nfv_sched.model import Reason
from nfv_sched.nova import hosts
from nfv_sched.nova import requests
from nfv_sched.sim import guests
from nfv_sched.sim.cloud import Cloud

CONF = nova.conf.CONF

#: Conditions beside those of :class:`nfv_sched.model.Resource`.
PLACEMENT = 'placement'
GROUP = 'server group'


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """One condition: how many hosts fell at it, and which came nearest.

    ``text`` tells the nearest miss on ``host``.
    """

    name: str
    hosts: int
    host: str
    text: str


@dataclasses.dataclass(frozen=True, slots=True)
class Explanation:
    """Conditions at which hosts fell, that of most hosts first.

    A host may fall at several. ``fitting`` hosts fell at none.
    """

    flavor: guests.Flavor
    hosts: int
    fitting: int
    conditions: tuple[Condition, ...]


def explain(
    cloud: Cloud,
    flavor: guests.Flavor,
    *,
    group: guests.Group | None = None,
    ports: Sequence[guests.Port] | None = None,
    image: Mapping[str, str] | None = None,
) -> Explanation:
    """Ask every host, as it is now, why it would not take such a guest."""
    spec = cloud.request_spec(flavor, ports=ports, image=image, group=group)
    # Placement's answer needs the request as the conductor sends it.
    offered = cloud.candidates(spec.obj_clone())
    guest = requests.guest_of(spec)
    pack = CONF.compute.packing_host_numa_cells_allocation_strategy
    fallen: dict[str, list[tuple[str, Reason | None]]] = {}
    states = cloud.host_states()
    fitting = 0
    for state in states:
        verdict = fit.evaluate(guest, hosts.host_of(state), pack=pack)
        for name, reason in _nearest(verdict.reasons).items():
            fallen.setdefault(name, []).append((state.host, reason))
        if not verdict.fits:
            continue
        if _group_refuses(spec.instance_group, state):
            fallen.setdefault(GROUP, []).append((state.host, None))
        elif state.host not in offered:
            fallen.setdefault(PLACEMENT, []).append((state.host, None))
        else:
            fitting += 1
    conditions = [_condition(name, found) for name, found in fallen.items()]
    return Explanation(
        flavor,
        len(states),
        fitting,
        tuple(sorted(conditions, key=lambda c: (-c.hosts, c.name))),
    )


def _group_refuses(group: Any, state: Any) -> bool:
    """Whether the request's server group rules the host out."""
    if group is None:
        return False
    if group.policy == 'affinity':
        return bool(group.hosts) and state.host not in group.hosts
    if group.policy == 'anti-affinity':
        # As ServerGroupAntiAffinityFilter counts.
        limit = int(group.rules.get('max_server_per_host', 1))
        return len(set(group.members) & set(state.instances)) >= limit
    return False


def _closeness(reason: Reason | None) -> float:
    """Return how much of what was asked was there, 0 to 1."""
    if reason is None or not reason.asked or reason.available is None:
        return 0.0
    return min(1.0, max(0.0, reason.available / reason.asked))


def _nearest(reasons: Sequence[Reason]) -> dict[str, Reason]:
    """Return the nearest miss of one host, per resource."""
    nearest: dict[str, Reason] = {}
    for reason in reasons:
        name = reason.resource.value.replace('_', ' ')
        if name not in nearest or _closeness(reason) > _closeness(
            nearest[name]
        ):
            nearest[name] = reason
    return nearest


def _condition(
    name: str, found: Sequence[tuple[str, Reason | None]]
) -> Condition:
    host, reason = max(found, key=lambda pair: _closeness(pair[1]))
    text = str(reason) if reason else _WITHOUT_REASON[name]
    return Condition(name, len(found), host, text)


_WITHOUT_REASON = {
    GROUP: 'fits, but the server group allows no member there',
    PLACEMENT: 'fits, but has not enough of VCPU, PCPU, MEMORY_MB or DISK_GB',
}
