"""Instances that schedulers have chosen a host for and that are not there.

Nova makes its host states for each request, of what the nova-computes have
reported. These do not include instances that were sent a moment ago, and the
next instances would be sent to the same free CPUs and devices. What other
schedulers have sent comes over the message bus, see
:mod:`nfv_sched.scheduler.pick_sharing`.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import threading
import time
from typing import NamedTuple

from nfv_sched import fit
from nfv_sched.model import Host
from nfv_sched.model import NodeChoice
from nfv_sched.nova import host_states
from nfv_sched.nova import instances
from nfv_sched.nova.types import HostState
from nfv_sched.scheduler import host_cycle
from nfv_sched.scheduler.peers import Peers
from nfv_sched.scheduler.pick_messages import SharedPick
from nfv_sched.scheduler.published_topology import PublishedTopology

#: Seconds to wait for an instance that is being built and has no host:
#: nova-computes build only some at once, the others wait for their turn.
BUILD_TIMEOUT = 600.0
#: The same for an instance that no database knows, yet or any more.
UNKNOWN_TIMEOUT = 30.0
#: And for one that is on another host: it moves, which shows only once the
#: move is over, or it runs on an alternate.
ELSEWHERE_TIMEOUT = 10.0
#: And for one that has arrived, unless its host reports it sooner: a busy
#: nova-compute was seen to store 13 seconds later what the host has left.
ARRIVED_TIMEOUT = 30.0
#: Seconds after which one that has arrived is taken to be reported where no
#: host state tells.
SETTLED = 3.0
# Seconds between two looks for those that arrived, and the largest share of
# the time that looking may take.
_LOOK_EVERY = 1.0
_LOOK_SHARE = 0.1

#: The most picks that are kept while other schedulers send theirs.
MOST_SHARED = 16384

#: The hosts of instances by uuid, None for those that have none yet.
FindHosts = Callable[[Iterable[str]], Mapping[str, str | None]]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Pick:
    """An instance on its way to a host.

    ``since`` is in seconds of this process's clock; ``own`` is whether this
    scheduler has sent it.
    """

    shared: SharedPick
    since: float
    own: bool

    @property
    def instance(self) -> str:
        """The uuid of the instance."""
        return self.shared.instance


class _Projection(NamedTuple):
    """A host as it will be once the picks are there.

    ``version`` is the fingerprint of the host state before them, with what
    is published of the host.
    """

    version: object
    picks: tuple[Pick, ...]
    host: Host


class InFlight:
    """The instances in flight, as far as one scheduler knows.

    Memory is bounded by what is sent to each host within BUILD_TIMEOUT, and
    by MOST_SHARED.

    :param find: where instances are by now
    :param clock: seconds
    :param share: tells other schedulers of a pick, without waiting
    :param sender: the id of this scheduler in messages
    """

    def __init__(
        self,
        find: FindHosts = instances.find_hosts,
        clock: Callable[[], float] = time.monotonic,
        share: Callable[[SharedPick], None] | None = None,
        sender: str = '',
    ) -> None:
        self._find = find
        self._share = share
        self._clock = clock
        self._peers = Peers(sender, clock)
        # By compute node uuid, and the node of each instance.
        self._picks: dict[str, tuple[Pick, ...]] = {}
        self._nodes: dict[str, str] = {}
        self._projections: dict[str, _Projection] = {}
        # The host CPUs that the claim of each instance is predicted to take,
        # and when it was seen to have arrived.
        self._cpus: dict[str, frozenset[int]] = {}
        self._arrived: dict[str, float] = {}
        self._next_look = 0.0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many there are, as far as is known."""
        return len(self._nodes)

    def unsettled(self, besides: str | None = None) -> int:
        """How many have not arrived, or have only just arrived.

        :param besides: an instance that does not count
        """
        since = self._clock() - SETTLED
        with self._lock:
            return sum(
                instance != besides
                and self._arrived.get(instance, since) >= since
                for instance in self._nodes
            )

    def add(
        self,
        instance: str,
        state: HostState,
        fit_request: fit.FitRequest,
        providers: fit.Providers,
        choice: NodeChoice | None = None,
    ) -> None:
        """Record that an instance is on its way to a host.

        It is no longer on its way to another one. Recorded again it counts
        from the first time.

        :param choice: the NUMA nodes that its claim may take, None for all
        """
        shared = SharedPick(
            instance,
            state.uuid,
            state.host,
            fit_request,
            providers,
            choice,
            0.0,
        )
        with self._lock:
            if self._knows(shared):
                return
            self._append(shared, own=True)
        if self._share is not None:
            self._share(shared)

    def include(self, shared: SharedPick, sender: str) -> bool:
        """Record an instance that another scheduler has sent to a host.

        :param sender: the id of that scheduler
        :returns: whether there was room for it
        """
        with self._lock:
            self._peers.hear(sender)
            if self._knows(shared):
                return True
            if len(self._nodes) >= MOST_SHARED:
                return False
            self._append(shared, own=False)
        return True

    def own(self) -> list[SharedPick]:
        """The instances in flight that this scheduler has sent."""
        with self._lock:
            now = self._clock()
            return [
                pick.shared._replace(age=now - pick.since)
                for picks in self._picks.values()
                for pick in picks
                if pick.own
            ]

    def _knows(self, shared: SharedPick) -> bool:
        return any(
            known.instance == shared.instance
            and known.shared.fit_request is shared.fit_request
            and known.shared.choice == shared.choice
            for known in self._picks.get(shared.node, ())
        )

    def _append(self, shared: SharedPick, *, own: bool) -> None:
        """Add a pick to those of a host; the last one of an instance counts.

        They are in the order in which schedulers picked, which is about that
        of the claims, not in that of the messages: which NUMA nodes a claim
        takes depends on those before it. Picks that are too old are dropped,
        in case that nothing else does it.
        """
        now, instance, node = self._clock(), shared.instance, shared.node
        if instance in self._nodes:
            self._keep(
                self._nodes[instance], lambda known: known.instance != instance
            )
        self._keep(node, lambda known: now - known.since < BUILD_TIMEOUT)
        pick = Pick(shared, now - shared.age, own)
        picks = (*self._picks.get(node, ()), pick)
        self._picks[node] = tuple(sorted(picks, key=lambda one: one.since))
        self._nodes[instance] = node

    def _keep(self, uuid: str, wanted: Callable[[Pick], bool]) -> None:
        """Drop the picks of a host that are not wanted.

        Claims may come in another order than picks. An instance may have taken
        the CPUs that were predicted for another, which would then seem to have
        been reported: the claims of all that have not arrived are predicted
        again.
        """
        picks = self._picks.get(uuid, ())
        kept = tuple(filter(wanted, picks))
        if len(kept) == len(picks):
            return
        for pick in picks:
            if pick not in kept:
                del self._nodes[pick.instance]
                self._arrived.pop(pick.instance, None)
            if pick.instance not in self._arrived:
                self._cpus.pop(pick.instance, None)
        self._projections.pop(uuid, None)
        if kept:
            self._picks[uuid] = kept
        else:
            del self._picks[uuid]

    def left(
        self,
        fit_request: fit.FitRequest,
        states: Sequence[HostState],
        headrooms: Iterable[int | None],
        published: PublishedTopology,
    ) -> list[float]:
        """The share of each host's headroom that instances in flight leave.

        Headroom for guests like this one: ``left / (headroom + 1)``, from 0
        to 1. A host in the partition of another scheduler is taken to have
        room for one guest less: that scheduler may just have picked it.

        :param headrooms: by what the states of the hosts know; None where it
            is to be counted
        """
        with self._lock:
            partition = self._peers.partition(
                [str(state.uuid) for state in states]
            )
            return [
                self._left(fit_request, state, headroom, published, own=own)
                for state, headroom, own in zip(
                    states, headrooms, partition, strict=True
                )
            ]

    def _left(
        self,
        fit_request: fit.FitRequest,
        state: HostState,
        headroom: int | None,
        published: PublishedTopology,
        *,
        own: bool,
    ) -> float:
        picks = self._coming(state)
        if headroom is None:
            if not picks:
                return 1.0
            headroom = fit.headroom(fit_request, host_states.host_of(state))
        left = headroom
        if picks:
            host = self._project(state, picks, published)
            left = fit.headroom(fit_request, host)
        left = min(left, headroom)
        return max(left if own else left - 1, 0) / (headroom + 1)

    def _coming(self, state: HostState) -> tuple[Pick, ...]:
        """The instances on their way to a host that its state lacks."""
        picks = self._picks.get(state.uuid, ())
        # What Nova consumed from this very state is in there already.
        if consumed := host_cycle.consumed(state):
            return tuple(
                pick for pick in picks if pick.instance not in consumed
            )
        return picks

    def _project(
        self,
        state: HostState,
        picks: tuple[Pick, ...],
        published: PublishedTopology,
    ) -> Host:
        """The host once they are there: those that fit, in their order.

        A state that was read after an instance arrived has it already: the
        CPUs that its claim was predicted to take are pinned. Among instances
        of one shape it does not matter which one took them.
        """
        version = (
            host_states.state_fingerprint(state),
            published.hosts().get(state.uuid),
        )
        known = self._projections.get(state.uuid)
        if (
            known
            and known.version == version
            and picks[: len(known.picks)] == known.picks
        ):
            host, new = known.host, picks[len(known.picks) :]
        else:
            host = published.augment(state, host_states.host_of(state))
            pinned = frozenset().union(
                *(cell.pinned_cpus for cell in host.cells)
            )
            new = tuple(
                pick
                for pick in picks
                if not (
                    (cpus := self._cpus.get(pick.instance)) and cpus <= pinned
                )
            )
        for pick in new:
            shared = pick.shared
            outcome = (
                fit.Evaluation(shared.fit_request, host, shared.choice)
                .verdict(shared.providers)
                .outcome
            )
            if outcome is not None:
                host = fit.apply_claim(shared.fit_request.guest, host, outcome)
                self._cpus[pick.instance] = outcome.pinned_cpus
        self._projections[state.uuid] = _Projection(version, picks, host)
        return host

    def expire(self) -> None:
        """Drop the instances that arrived, and those that never will.

        At most one query per second, whatever the number of requests; a
        request that comes while it is under way does without.
        """
        now = self._clock()
        with self._lock:
            if now < self._next_look or not self._picks:
                return
            self._next_look = now + BUILD_TIMEOUT
            waiting = list(self._nodes)
        hosts: Mapping[str, str | None] = {}
        try:
            hosts = self._find(waiting)
        finally:
            end = self._clock()
            with self._lock:
                self._drop(hosts, now)
                self._next_look = end + max(
                    _LOOK_EVERY, (end - now) / _LOOK_SHARE
                )

    def _drop(self, hosts: Mapping[str, str | None], now: float) -> None:
        for uuid in list(self._picks):
            self._keep(uuid, lambda pick: self._counts(pick, hosts, now))

    def _counts(
        self, pick: Pick, hosts: Mapping[str, str | None], now: float
    ) -> bool:
        """Whether a pick still counts, given where instances are."""
        if hosts.get(pick.instance) != pick.shared.host:
            self._arrived.pop(pick.instance, None)
            return now - pick.since < _timeout(pick, hosts)
        # Without CPUs it would not show in a state whether it is there.
        arrived = self._arrived.setdefault(pick.instance, now)
        return (
            bool(self._cpus.get(pick.instance))
            and now - arrived < ARRIVED_TIMEOUT
        )


def _timeout(pick: Pick, hosts: Mapping[str, str | None]) -> float:
    """Seconds for which a pick counts that is not on its host."""
    if pick.instance not in hosts:
        return UNKNOWN_TIMEOUT
    host = hosts[pick.instance]
    return BUILD_TIMEOUT if host is None else ELSEWHERE_TIMEOUT
