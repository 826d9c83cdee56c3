"""What the filters share."""

import abc
from collections.abc import Iterable
import logging

from nova.scheduler import filters
from nova.scheduler import utils

from nfv_sched import fit
from nfv_sched.fit.candidates import Candidate
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched.nova import host_states
from nfv_sched.nova.request_spec import instance_uuid
from nfv_sched.nova.types import HostState
from nfv_sched.nova.types import RequestSpec
from nfv_sched.scheduler import counters
from nfv_sched.scheduler import cycle as scheduling_cycle
from nfv_sched.scheduler import host_cycle
from nfv_sched.scheduler import rejection_log
from nfv_sched.scheduler import shadow
from nfv_sched.scheduler.cycle import RequestCycle
from nfv_sched.scheduler.host_cycle import Decision

LOG = logging.getLogger(__name__)


#: A filter's answer for one host: why it is rejected, None if it is not, and
#: the allocation candidates to keep.
Answer = tuple[fit.Refusal | None, list[Candidate]]


class ResourceFilter(filters.BaseHostFilter, metaclass=abc.ABCMeta):  # type: ignore[misc]
    """Reject hosts on which a guest's claim cannot succeed.

    What a filter says of a host is a pure function; this class acts on it.
    Reasons go to the debug log, never to the tenant. A malformed host state
    is rejected and logged, and so is a malformed request: an exception would
    fail the whole boot.
    """

    # The claim of a rebuild keeps what the instance has.
    RUN_ON_REBUILD = False

    #: What hosts are rejected for, in a word.
    about = 'the fit'

    #: Whether it accepts every host on which the claim succeeds: then it does
    #: not run where the guest is known to fit with all candidates.
    implied_by_fit = False

    @counters.timed(counters.FILTERS)
    def filter_all(
        self, filter_obj_list: Iterable[HostState], spec_obj: RequestSpec
    ) -> Iterable[HostState]:
        """The hosts that pass: what all have in common is computed once.

        Where none is left, one line tells the operator why.
        """
        if scheduling_cycle.of(spec_obj).process.shadow:
            return shadow.judge(self._filter_all, filter_obj_list, spec_obj)
        return self._filter_all(filter_obj_list, spec_obj)

    def _filter_all(
        self, filter_obj_list: Iterable[HostState], spec_obj: RequestSpec
    ) -> Iterable[HostState]:
        cycle = self._cycle(spec_obj)
        if not isinstance(cycle, RequestCycle):
            return filter_obj_list if cycle else []
        kept: list[HostState] = []
        rejected: list[HostState] = []
        # In shadow mode no host is rejected.
        debug = LOG.isEnabledFor(logging.DEBUG) and not cycle.process.shadow
        for state in filter_obj_list:
            passes = self._passes(cycle, state, spec_obj, debug)
            (kept if passes else rejected).append(state)
        if cycle.pending is not None:
            cycle.pending.filtered(
                type(self).__name__, len(kept) + len(rejected), len(kept)
            )
        if rejected:
            rejection_log.record(cycle, self.about, rejected)
            if not kept:
                rejection_log.write(cycle)
        if kept:
            self.passed(cycle, kept, spec_obj)
        return kept

    def host_passes(
        self, host_state: HostState, spec_obj: RequestSpec
    ) -> bool:
        """Whether one host may be able to take the guest."""
        if scheduling_cycle.of(spec_obj).process.shadow:
            return True
        cycle = self._cycle(spec_obj)
        if not isinstance(cycle, RequestCycle):
            return cycle
        debug = LOG.isEnabledFor(logging.DEBUG)
        return self._passes(cycle, host_state, spec_obj, debug)

    def _cycle(self, spec: RequestSpec) -> RequestCycle | bool:
        """The request's cycle; True if it passes, False if it is malformed."""
        if utils.request_is_rebuild(spec):
            return True
        try:
            cycle = scheduling_cycle.begin(spec)
            concerns = self.concerns(cycle.fit_request)
        except Exception as error:
            LOG.error(  # noqa: TRY400 - the text says it all
                'No host is used for instance %s, its request is malformed: '
                '%s: %s',
                instance_uuid(spec),
                type(error).__name__,
                error,
            )
            return False
        return cycle if concerns else True

    def _passes(
        self,
        cycle: RequestCycle,
        state: HostState,
        spec: RequestSpec,
        debug: bool,
    ) -> bool:
        """Whether a host passes.

        :param debug: whether the reasons are logged, if it does not
        """
        try:
            decision = cycle.known_decision(state)
            if decision is None:
                if not debug and self.clearly_lacks(cycle.fit_request, state):
                    # The reasons are not needed.
                    return False
                decision = cycle.make_decision(state)
            if decision.settled and self.implied_by_fit:
                self.accepted(cycle, state, spec)
                return True
            refusal, candidates = self.examine(decision, state)
            if refusal is None:
                state.allocation_candidates = candidates
                self.accepted(cycle, state, spec)
                return True
            if debug:
                LOG.debug(
                    '%s rejects %s for instance %s: %s',
                    type(self).__name__,
                    state.nodename,
                    cycle.instance,
                    '; '.join(map(str, refusal.reasons)),
                )
        except Exception as error:
            _log_malformed(cycle, state, error)
        host_cycle.drop_decision(state)
        return False

    @abc.abstractmethod
    def concerns(self, fit_request: fit.FitRequest) -> bool:
        """Whether the guest asks for what this filter decides on."""

    @abc.abstractmethod
    def refusal(
        self, decision: Decision, host_state: HostState
    ) -> fit.Refusal | None:
        """Why the host is rejected; None if it is not.

        Without effects: the base class acts on the answer.
        """

    def examine(self, decision: Decision, host_state: HostState) -> Answer:
        """The answer for a host: by default :meth:`refusal`, for all of it."""
        refusal = self.refusal(decision, host_state)
        return refusal, host_state.allocation_candidates

    def clearly_lacks(
        self, fit_request: fit.FitRequest, host_state: HostState
    ) -> bool:
        """Whether the host is rejected for what costs least to see.

        Asked where no filter has decided on the host yet.
        """
        return False

    def accepted(
        self, cycle: RequestCycle, host_state: HostState, spec_obj: RequestSpec
    ) -> None:
        """Act on one host that passes."""

    def passed(
        self, cycle: RequestCycle, kept: list[HostState], spec_obj: RequestSpec
    ) -> None:
        """Act on all hosts that pass."""


class CandidateFilter(ResourceFilter):
    """A filter that rejects allocation candidates of a host, one by one."""

    @abc.abstractmethod
    def candidate_refusal(
        self, decision: Decision, host_state: HostState, candidate: Candidate
    ) -> fit.Refusal | None:
        """Why a candidate is dropped; None if it is not."""

    def refusal(
        self, decision: Decision, host_state: HostState
    ) -> fit.Refusal | None:
        """Why the last of the candidates is dropped, if all are."""
        return self.examine(decision, host_state)[0]

    def examine(self, decision: Decision, host_state: HostState) -> Answer:
        """The candidates that are kept; without any, the host is rejected."""
        kept = []
        last = None
        for candidate in host_state.allocation_candidates:
            refusal = self.candidate_refusal(decision, host_state, candidate)
            if refusal is None:
                kept.append(candidate)
            else:
                last = refusal
        if kept:
            return None, kept
        return last or fit.Refusal(_no_candidate), []


def _log_malformed(
    cycle: RequestCycle, state: HostState, error: Exception
) -> None:
    host = host_cycle.of_host(state)
    if host.malformed:
        return
    host.malformed = True
    LOG.error(
        'Host %s is not used for instance %s, its state is malformed: %s: %s',
        getattr(state, 'nodename', state),
        cycle.instance,
        type(error).__name__,
        error,
    )


def clearly_lacks_pages(
    fit_request: fit.FitRequest, host_state: HostState
) -> bool:
    """Whether too few NUMA nodes of a host have the pages."""
    demand = fit_request.per_cell_demand
    return demand is not None and host_states.lacks_pages(
        host_state, demand, len(fit_request.guest.cells)
    )


def may_fit(decision: Decision, host_state: HostState) -> bool:
    """Whether some allocation candidate of the host fits altogether.

    Asked first: most hosts that get here fit, and then one answer serves
    all filters.
    """
    for candidate in host_state.allocation_candidates:
        if decision.refusal(host_state, candidate) is None:
            return True
        if not decision.fit_request.candidates_differ:
            break
    return False


def _no_candidate() -> tuple[Reason, ...]:
    text = 'no allocation candidate of the host is left'
    return (Reason(Resource.CANDIDATES, text),)
