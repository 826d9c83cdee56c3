"""What filters and weighers share about one RequestSpec.

Nova hands one RequestSpec and its HostStates to all filters and weighers in
turn. What they share is on exactly two attributes of Nova's objects: a
:class:`RequestCycle` on the RequestSpec, a
:class:`~nfv_sched.scheduler.host_cycle.HostCycle` on each HostState.
:func:`begin` is called before each instance of a request is filtered or
weighed and has all effects; everything else reads.
"""

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.nova import move_claims
from nfv_sched.nova import releases
from nfv_sched.nova import request_spec
from nfv_sched.nova import server_group
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler import host_cycle
from nfv_sched.scheduler import process as scheduler_process
from nfv_sched.scheduler.host_cycle import Decision
from nfv_sched.scheduler.host_cycle import HostCycle
from nfv_sched.scheduler.live_migration import LiveMigrationDecision
from nfv_sched.scheduler.live_migration import LiveRequest
from nfv_sched.scheduler.pending_decision import PendingDecision
from nfv_sched.scheduler.process import SchedulerProcess
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched.scheduler.shadow_hosts import ShadowHosts

CONF = nova.conf.CONF
conf.register_opts(CONF)

_REQUEST = '_nfv_sched_request'


class RequestCycle:
    """What filters and weighers share about one RequestSpec.

    ``original``, ``fit_request`` and ``published``, the topologies that are
    published, are there once the cycle has begun, see :func:`begin`.
    ``fit_request`` is what nova-compute will claim, which differs from
    ``original`` where an instance moves; ``live`` is what else has to hold
    where it moves live.
    ``pending`` is what is recorded of the decision on the current instance,
    None without a journal, and once it is made.
    ``shadow_hosts`` are what filters judge in shadow mode.
    ``rejected`` holds, for the current instance, the hosts that each filter
    rejected; see :mod:`nfv_sched.scheduler.rejection_log`. ``placed`` is
    whether the current instance has got its host. ``chooses_nodes`` is
    whether the NUMA nodes of claims are chosen, see
    :mod:`nfv_sched.scheduler.node_chooser`.
    """

    __slots__ = (
        '__weakref__',
        '_affinity',
        '_affinity_known',
        'begun',
        'chooses_nodes',
        'fit_request',
        'instance',
        'live',
        'original',
        'pending',
        'placed',
        'process',
        'published',
        'rejected',
        'shadow_hosts',
    )

    fit_request: fit.FitRequest
    original: request_spec.OriginalRequest
    published: PublishedTopology
    chooses_nodes: bool

    def __init__(self, process: SchedulerProcess) -> None:
        self.process = process
        self.begun = False
        self.instance: str | None = None
        self.live: LiveRequest | None = None
        self.rejected: list[tuple[str, list[HostState]]] = []
        self.placed = False
        self.pending: PendingDecision | None = None
        self.shadow_hosts: ShadowHosts | None = None
        self._affinity: server_group.AffinityContext | None = None
        self._affinity_known = False

    def known_decision(self, state: HostState) -> Decision | None:
        """The decision on a host state; None if there is none that holds."""
        host: HostCycle | None = state.__dict__.get(host_cycle.ATTRIBUTE)
        decision = host.decision if host is not None else None
        if decision is None or not decision.holds(self.fit_request, state):
            return None
        return decision

    def decide(self, state: HostState) -> Decision:
        """The decision on a host state, made once per state."""
        return self.known_decision(state) or self.make_decision(state)

    def make_decision(self, state: HostState) -> Decision:
        """Make the decision on a host state, in place of any other."""
        decision = self.new_decision(state)
        host_cycle.of_host(state).decision = decision
        return decision

    def new_decision(self, state: HostState) -> Decision:
        """A decision that is not shared, for a state that was changed."""
        decision = (
            Decision(self.fit_request, state, self.published)
            if self.live is None
            else LiveMigrationDecision(
                self.fit_request, state, self.published, self.live
            )
        )
        if self.chooses_nodes:
            decision.choice = host_cycle.choice_of(state)
            decision.chooses_nodes = not host_cycle.has_chosen(state)
        return decision

    def affinity(
        self, spec: RequestSpec
    ) -> server_group.AffinityContext | None:
        """The affinity context of the request, None without any.

        Made once, so that the databases are asked once per request.
        """
        if not self._affinity_known:
            self._affinity = server_group.AffinityContext.of(spec)
            self._affinity_known = True
        if self._affinity is not None:
            self._affinity.update(spec)
        return self._affinity


def pending_of(spec: RequestSpec) -> PendingDecision | None:
    """What is to be recorded of the decision on the current instance."""
    cycle: RequestCycle | None = getattr(spec, _REQUEST, None)
    return None if cycle is None else cycle.pending


def of(
    spec: RequestSpec, process: SchedulerProcess | None = None
) -> RequestCycle:
    """The cycle of a request, which may not have begun.

    :param process: the scheduler process of a new cycle; None for this
        process's own
    """
    cycle: RequestCycle | None = getattr(spec, _REQUEST, None)
    if cycle is None:
        cycle = RequestCycle(process or scheduler_process.current())
        setattr(spec, _REQUEST, cycle)
    return cycle


def begin(
    spec: RequestSpec,
    process: SchedulerProcess | None = None,
    task_state: str | None = None,
) -> RequestCycle:
    """Begin the cycle of the instance that a request is about.

    Called before each instance of a request, since Nova writes into the
    request while it places them; calling it again for the same instance
    changes nothing. The first call for an instance counts it as demand.
    Instances are identified by uuid: ``num_instances`` says for how many the
    request was made first, and still does when one of them moves later.

    :param process: as for :func:`of`
    :param task_state: as for :func:`nfv_sched.nova.move_claims.move_of`
    :raises ValueError: the request is malformed; says which part
    """
    cycle = of(spec, process)
    instance = request_spec.instance_uuid(spec)
    if cycle.begun and cycle.original.flavor is spec.flavor:
        if not cycle.process.shadow:
            cycle.original.restore(spec)
        if instance == cycle.instance:
            return cycle
    else:
        cycle.original = request_spec.OriginalRequest.of(spec)
        move = move_claims.move_of(spec, cycle.original.guest, task_state)
        cycle.live = LiveRequest(move.live) if move and move.live else None
        cycle.fit_request = fit.FitRequest(
            move.guest if move else cycle.original.guest,
            pack=CONF.compute.packing_host_numa_cells_allocation_strategy,
        )
        cycle.published = cycle.process.published
        cycle.chooses_nodes = CONF.nfv_sched.choose_nodes and (
            cycle.live is None or releases.live_claims_have_limits()
        )
        cycle.begun = True
    cycle.instance = instance
    cycle.rejected, cycle.placed = [], False
    cycle.process.demand.record(cycle.fit_request)
    cycle.pending = None
    journal = cycle.process.journal
    if journal is not None and not cycle.fit_request.guest.asks_nothing:
        cycle.pending = journal.begin(spec, live=cycle.live is not None)
    return cycle
