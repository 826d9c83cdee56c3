"""Affinity and anti-affinity targets of a request, and their hosts.

These are known from the host states that reach a weigher, and from the hosts
of the server group that the conductor puts into each request. The databases
are asked for the rest, see :meth:`AffinityContext.find`.
"""

import collections
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import logging
from typing import Any
import uuid

from nova import objects

from nfv_sched.nova import instances
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec

LOG = logging.getLogger(__name__)

#: Scheduler hints: uuids of instances and server groups.
NEAR = 'nfv:near'
APART = 'nfv:apart'

AFFINITY_POLICIES = frozenset(('affinity', 'soft-affinity'))
ANTI_AFFINITY_POLICIES = frozenset(('anti-affinity', 'soft-anti-affinity'))


class AffinityContext:
    """The instances that a request is to be near to or apart from.

    ``instance`` is the one that is being placed, ``members`` are those of
    its server group, of which a host may have ``limit``. ``hosts`` maps
    instances to hosts; it may include some that do not count and miss some
    that do.
    """

    def __init__(self, spec: RequestSpec) -> None:
        group = _get(spec, 'instance_group')
        self.instance: str | None = _get(spec, 'instance_uuid')
        self.policy: str | None = _get(group, 'policy')
        self.members = frozenset(_get(group, 'members') or ())
        self.limit = _limit(group) if self.policy == 'anti-affinity' else None
        self.hosts: dict[str, str] = {}
        self._project: str | None = _get(spec, 'project_id')
        self._ignored = frozenset(_get(spec, 'ignore_hosts') or ())
        self._near, self._apart = _hinted(spec, self.instance)
        # Members by the uuid that a hint may name.
        self._groups: dict[str, frozenset[str]] = {}
        if name := _get(group, 'uuid'):
            self._groups[name] = self.members
        self._group_hosts: list[str] | None = _get(group, 'hosts')
        self._taken = len(self._group_hosts or ())
        self._asked = False

    @classmethod
    def of(cls, spec: RequestSpec) -> 'AffinityContext | None':
        """The affinity context of a request, None without group or hints."""
        if _get(spec, 'instance_group') is None and not _hints(spec):
            return None
        return cls(spec)

    @property
    def near(self) -> frozenset[str]:
        """Instances to be near to: of a group with affinity, and hinted."""
        return self._of(AFFINITY_POLICIES, self._near)

    @property
    def apart(self) -> frozenset[str]:
        """Instances to be apart from: of such a group, and hinted."""
        return self._of(ANTI_AFFINITY_POLICIES, self._apart)

    def _of(
        self, policies: frozenset[str], hinted: frozenset[str]
    ) -> frozenset[str]:
        uuids = set(self.members if self.policy in policies else ())
        for name in hinted:
            uuids |= self._groups.get(name, {name})
        # An instance that moves is not near to or apart from itself.
        return frozenset(uuids - {self.instance})

    def update(self, spec: RequestSpec) -> None:
        """Note where Nova put the instances of this request so far.

        It adds the host of each to the group's before it has the next one
        weighed.
        """
        if self._group_hosts is not None and self.instance is not None:
            for host in self._group_hosts[self._taken :]:
                self.hosts[self.instance] = host
            self._taken = len(self._group_hosts)
        self.instance = _get(spec, 'instance_uuid')

    def find(self, states: Sequence[HostState], *, elsewhere: bool) -> None:
        """Find the hosts of the instances.

        The cells are asked only for instances on none of the hosts, once per
        request, if ``elsewhere`` matters. For what a hint names that is no
        instance there, the API database is asked, which alone has the
        members of groups.

        :param states: the HostStates of the hosts that may be chosen
        """
        self._find_here(states)
        if self._asked:
            return
        self._asked = True
        unknown = (self._near | self._apart) - self.hosts.keys()
        unknown -= self._groups.keys()
        if elsewhere:
            unknown = self._find_elsewhere(states, unknown)
        if unknown:
            self._read_groups(unknown)
            self._find_here(states)

    def _find_here(self, states: Iterable[HostState]) -> None:
        wanted = self.near | self.apart
        for state in states:
            for guest in wanted.intersection(state.instances):
                self.hosts[guest] = state.host

    def _find_elsewhere(
        self, states: Sequence[HostState], unknown: frozenset[str]
    ) -> frozenset[str]:
        """Find instances on other hosts; returns the unknown ones."""
        unseen = frozenset[str]()
        if self.policy in AFFINITY_POLICIES | ANTI_AFFINITY_POLICIES:
            unseen = self.members - self.hosts.keys() - {self.instance}
        here = {state.host for state in states}
        lost = frozenset(self._group_hosts or ()) - here
        doubtful = (
            frozenset() if self._hosts_are_certain(lost, unseen) else unseen
        )
        if wanted := unknown | doubtful:
            # What a hint names may be a group: then its members are among
            # the project's instances.
            hosts = instances.find_hosts(
                wanted, self._project if unknown else None
            )
            unknown -= hosts.keys()
            for guest, host in hosts.items():
                if host is not None:
                    self.hosts.setdefault(guest, host)
        # Each host of the group has at least one of them. Which one makes
        # no difference.
        lost -= {*self.hosts.values(), *self._ignored}
        unseen -= self.hosts.keys()
        self.hosts.update(zip(sorted(unseen), sorted(lost), strict=False))
        return unknown

    def _hosts_are_certain(
        self, lost: frozenset[str], unseen: frozenset[str]
    ) -> bool:
        """Whether the group's hosts determine the host of each member.

        Ignored hosts may be those of the instance alone that moves.
        """
        if not unseen or self._group_hosts is None:
            return not unseen
        if lost & self._ignored:
            return False
        single = self.limit == 1 and len(lost) <= len(unseen)
        return not lost or single or len(lost) == len(unseen)

    def _read_groups(self, unknown: frozenset[str]) -> None:
        groups = instances.group_members(unknown, self._project)
        if groups is None:
            return
        self._groups.update(groups)
        if wrong := sorted(unknown - groups.keys()):
            LOG.info(
                'Scheduler hints of instance %s name no instance and no '
                'server group, and are ignored: %s',
                self.instance,
                ', '.join(wrong),
            )


def _hints(spec: RequestSpec) -> Mapping[str, Any]:
    hints = _get(spec, 'scheduler_hints') or {}
    return {name: hints[name] for name in (NEAR, APART) if name in hints}


def _hinted(
    spec: RequestSpec, guest: str | None
) -> tuple[frozenset[str], frozenset[str]]:
    """The uuids that hints name, near and apart."""
    uuids: dict[str, set[str]] = {NEAR: set(), APART: set()}
    wrong = []
    for name, values in _hints(spec).items():
        # Nova makes lists of them.
        for value in [values] if isinstance(values, str) else values or ():
            try:
                uuids[name].add(str(uuid.UUID(value)))
            except (ValueError, AttributeError, TypeError):
                wrong.append(f'{name}={value!r:.64}')
    if wrong:
        LOG.info(
            'Scheduler hints of instance %s are no uuids, and are ignored: %s',
            guest,
            ', '.join(wrong),
        )
    return frozenset(uuids[NEAR]), frozenset(uuids[APART])


def _limit(group: Any) -> int:
    # Without rules a second member is one too many, as in Nova's
    # ServerGroupAntiAffinityFilter.
    return int((group.rules or {}).get('max_server_per_host', 1))


def _get(obj: Any, name: str) -> Any:
    """A field of a versioned object, None where it is not set."""
    return getattr(obj, name) if obj is not None and name in obj else None


def violations(
    context: Any, hosts: Mapping[str, str], policies: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Members that are where their server group does not allow them.

    :param hosts: of instances, by uuid
    :param policies: ``affinity`` or ``anti-affinity``, or both
    :returns: instances, the policies, and the reasons in words
    """
    if not policies:
        return
    for group in objects.InstanceGroupList.get_all(context):
        if group.policy not in policies:
            continue
        by_host: dict[str, list[str]] = collections.defaultdict(list)
        for member in group.members:
            if member in hosts:
                by_host[hosts[member]].append(member)
        for host, members in by_host.items():
            text = _violation(group, by_host, host)
            for member in members if text else ():
                yield member, group.policy, text


def _violation(
    group: Any, by_host: Mapping[str, Sequence[str]], host: str
) -> str:
    """What is wrong with the members of a group on a host; empty if none."""
    there = len(by_host[host])
    if group.policy == 'affinity':
        others = ', '.join(sorted(by_host.keys() - {host}))
        return others and (
            f'the server group {group.name} is on {others}, too (affinity)'
        )
    limit = _limit(group)
    return (
        f'{there} instances of the server group {group.name} are there, '
        f'where {limit} may be (anti-affinity)'
        if there > limit
        else ''
    )
