"""What the four filters share."""

import abc
from collections.abc import Callable
from collections.abc import Iterable
import logging
from typing import Any

from nova.scheduler import filters
from nova.scheduler import utils

from nfv_sched import decisions
from nfv_sched import fit
from nfv_sched.filters import telling
from nfv_sched.model import Reason
from nfv_sched.model import Resource
from nfv_sched.nova import hosts
from nfv_sched.nova.requests import instance_of

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
        question = self._question(spec_obj)
        if not isinstance(question, fit.Question):
            return filter_obj_list if question else []
        kept: list[Any] = []
        rejected: list[Any] = []
        for state in filter_obj_list:
            passes = self._passes(question, state, spec_obj)
            (kept if passes else rejected).append(state)
        if rejected:
            guest = instance_of(spec_obj)
            telling.note(spec_obj, guest, self.about, rejected)
            if not kept:
                telling.tell(question, spec_obj)
        return kept

    def host_passes(self, host_state: Any, spec_obj: Any) -> bool:
        """Whether one host may be able to take the guest."""
        question = self._question(spec_obj)
        if not isinstance(question, fit.Question):
            return question
        return self._passes(question, host_state, spec_obj)

    def _question(self, spec_obj: Any) -> fit.Question | bool:
        """What is asked; True if that is of no concern, False if senseless."""
        if utils.request_is_rebuild(spec_obj):
            return True
        try:
            question = decisions.refresh(spec_obj)
            concerns = self.concerns(question)
        except Exception as error:
            LOG.error(  # noqa: TRY400 - the text says it all
                'No host is used for instance %s, whose request makes no '
                'sense: %s: %s',
                instance_of(spec_obj),
                type(error).__name__,
                error,
            )
            return False
        return question if concerns else True

    def _passes(
        self, question: fit.Question, host_state: Any, spec_obj: Any
    ) -> bool:
        debug = LOG.isEnabledFor(logging.DEBUG)
        try:
            if not debug and self.hopeless(question, host_state):
                # Nobody wants to know more.
                return False
            decision = decisions.decide(question, host_state)
            refusal = (
                None
                if decision.settled
                else self.refusal(decision, host_state)
            )
            if refusal is None:
                self.accepted(question, host_state, spec_obj)
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
        decisions.forget(host_state)
        return False

    @abc.abstractmethod
    def concerns(self, question: fit.Question) -> bool:
        """Whether the guest asks for what this filter looks at."""

    @abc.abstractmethod
    def refusal(
        self, decision: decisions.Decision, host_state: Any
    ) -> fit.Refusal | None:
        """Why the host is rejected; None if it is not.

        Asked unless the guest is known to fit with all candidates.
        """

    def hopeless(self, question: fit.Question, host_state: Any) -> bool:
        """Whether the host is rejected for what is seen at a glance."""
        return False

    def accepted(
        self, question: fit.Question, host_state: Any, spec_obj: Any
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


def lacks_pages(question: fit.Question, host_state: Any) -> bool:
    """Whether a host that was not decided on yet has too few pages."""
    portion = question.portion
    return (
        portion is not None
        and not decisions.decided(host_state)
        and hosts.lacks_pages(host_state, portion, len(question.guest.cells))
    )


def may_fit(decision: decisions.Decision, host_state: Any) -> bool:
    """Whether some allocation candidate of the host fits altogether.

    Asked first: most hosts that get here fit, and then one answer serves
    all filters.
    """
    for candidate in host_state.allocation_candidates:
        if decision.refusal(host_state, candidate) is None:
            return True
        if not decision.question.choosable:
            break
    return False


def sift_candidates(
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
    telling.keep(host_state, candidates)
    return refusal or fit.Refusal(_no_candidate)


def _no_candidate() -> tuple[Reason, ...]:
    text = 'no allocation candidate of the host is left'
    return (Reason(Resource.CANDIDATES, text),)
