"""What the four filters share."""

import abc
from collections.abc import Callable
from collections.abc import Iterable
import logging
from typing import Any

from nova.scheduler import filters
from nova.scheduler import utils

from nfv_sched import fit
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched.nova import host_states
from nfv_sched.nova.request_spec import instance_of
from nfv_sched.scheduler import cycle
from nfv_sched.scheduler import rejection_log

LOG = logging.getLogger(__name__)

_COMPLAINED = '_nfv_sched_complained'


class ResourceFilter(filters.BaseHostFilter, metaclass=abc.ABCMeta):  # type: ignore[misc]
    """Reject hosts on which a guest's claim cannot succeed.

    Reasons go to the debug log, never to the tenant. A host whose state
    makes no sense is rejected and logged, and so is a request: an exception
    would fail the whole boot.
    """

    # The claim of a rebuild keeps what the guest has.
    RUN_ON_REBUILD = False

    #: What hosts are rejected for, in a word.
    about = 'the fit'

    #: How many hosts were rejected since their state made no sense.
    malformed = 0

    def filter_all(
        self, filter_obj_list: Iterable[Any], spec_obj: Any
    ) -> Iterable[Any]:
        """The hosts that pass: what is the same for all is looked at once.

        Where none is left, one line tells the operator why.
        """
        fit_request = self._fit_request(spec_obj)
        if not isinstance(fit_request, fit.FitRequest):
            return filter_obj_list if fit_request else []
        kept: list[Any] = []
        rejected: list[Any] = []
        for state in filter_obj_list:
            passes = self._passes(fit_request, state, spec_obj)
            (kept if passes else rejected).append(state)
        if rejected:
            guest = instance_of(spec_obj)
            rejection_log.record_rejected(
                spec_obj, guest, self.about, rejected
            )
            if not kept:
                rejection_log.log_rejections(fit_request, spec_obj)
        return kept

    def host_passes(self, host_state: Any, spec_obj: Any) -> bool:
        """Whether one host may be able to take the guest."""
        fit_request = self._fit_request(spec_obj)
        if not isinstance(fit_request, fit.FitRequest):
            return fit_request
        return self._passes(fit_request, host_state, spec_obj)

    def _fit_request(self, spec_obj: Any) -> fit.FitRequest | bool:
        """What is asked; True if that is of no concern, False if senseless."""
        if utils.request_is_rebuild(spec_obj):
            return True
        try:
            fit_request = cycle.refresh(spec_obj)
            concerns = self.concerns(fit_request)
        except Exception as error:
            LOG.error(  # noqa: TRY400 - the text says it all
                'No host is used for instance %s, whose request makes no '
                'sense: %s: %s',
                instance_of(spec_obj),
                type(error).__name__,
                error,
            )
            return False
        return fit_request if concerns else True

    def _passes(
        self, fit_request: fit.FitRequest, host_state: Any, spec_obj: Any
    ) -> bool:
        debug = LOG.isEnabledFor(logging.DEBUG)
        try:
            if not debug and self.lacks_at_a_glance(fit_request, host_state):
                # Nobody wants to know more.
                return False
            decision = cycle.decide(fit_request, host_state)
            refusal = (
                None
                if decision.settled
                else self.refusal(decision, host_state)
            )
            if refusal is None:
                self.accepted(fit_request, host_state, spec_obj)
                return True
            if debug:
                LOG.debug(
                    '%s rejects %s for instance %s: %s',
                    type(self).__name__,
                    host_state.nodename,
                    instance_of(spec_obj),
                    '; '.join(map(str, refusal.reasons)),
                )
        except Exception as error:
            self._complain(host_state, spec_obj, error)
        cycle.forget(host_state)
        return False

    @abc.abstractmethod
    def concerns(self, fit_request: fit.FitRequest) -> bool:
        """Whether the guest asks for what this filter looks at."""

    @abc.abstractmethod
    def refusal(
        self, decision: cycle.Decision, host_state: Any
    ) -> fit.Refusal | None:
        """Why the host is rejected; None if it is not.

        Asked unless the guest is known to fit with all candidates.
        """

    def lacks_at_a_glance(
        self, fit_request: fit.FitRequest, host_state: Any
    ) -> bool:
        """Whether the host is rejected for what is seen at a glance."""
        return False

    def accepted(
        self, fit_request: fit.FitRequest, host_state: Any, spec_obj: Any
    ) -> None:
        """Do what is due for a host that passes."""

    def _complain(
        self, host_state: Any, spec_obj: Any, error: Exception
    ) -> None:
        type(self).malformed += 1
        if getattr(host_state, _COMPLAINED, False):
            return
        setattr(host_state, _COMPLAINED, True)
        LOG.error(
            'Host %s is not used for instance %s, its state makes no sense: '
            '%s: %s',
            getattr(host_state, 'nodename', host_state),
            instance_of(spec_obj),
            type(error).__name__,
            error,
        )


def lacks_pages(fit_request: fit.FitRequest, host_state: Any) -> bool:
    """Whether a host that was not decided on yet has too few pages."""
    per_cell_demand = fit_request.per_cell_demand
    return (
        per_cell_demand is not None
        and not cycle.is_decided(host_state)
        and host_states.lacks_pages(
            host_state, per_cell_demand, len(fit_request.guest.cells)
        )
    )


def may_fit(decision: cycle.Decision, host_state: Any) -> bool:
    """Whether some allocation candidate of the host fits altogether.

    Asked first: most hosts that get here fit, and then one answer serves
    all filters.
    """
    for candidate in host_state.allocation_candidates:
        if decision.refusal(host_state, candidate) is None:
            return True
        if not decision.fit_request.placement_may_choose:
            break
    return False


def prune_candidates(
    host_state: Any, refuse: Callable[[Any], fit.Refusal | None]
) -> fit.Refusal | None:
    """Leave a host the allocation candidates that ``refuse`` does not.

    Without any the host is rejected for what was wrong with the last one.
    """
    kept = []
    refusal = None
    candidates = host_state.allocation_candidates
    for candidate in candidates:
        found = refuse(candidate)
        if found is None:
            kept.append(candidate)
        else:
            refusal = found
    host_state.allocation_candidates = kept
    if kept:
        return None
    rejection_log.keep_candidate(host_state, candidates)
    return refusal or fit.Refusal(_no_candidate)


def _no_candidate() -> tuple[Reason, ...]:
    text = 'no allocation candidate of the host is left'
    return (Reason(Resource.CANDIDATES, text),)
