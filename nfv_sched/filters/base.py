"""What the four filters share."""

import abc
from collections.abc import Sequence
import logging
from typing import Any

from nova.scheduler import filters

from nfv_sched import decisions
from nfv_sched.model import Guest
from nfv_sched.model import Reason
from nfv_sched.model import Resource

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

    #: How many hosts were rejected since their state made no sense.
    malformed = 0

    def host_passes(self, host_state: Any, spec_obj: Any) -> bool:
        """Whether the host may be able to take the guest."""
        try:
            guest = decisions.guest_of(spec_obj)
            if not self.concerns(guest):
                return True
            reasons = self.why_not(
                decisions.decide(guest, host_state), host_state, spec_obj
            )
        except Exception as error:
            self._complain(host_state, spec_obj, error)
            return False
        if reasons and LOG.isEnabledFor(logging.DEBUG):
            LOG.debug(
                '%s rejects %s for instance %s: %s',
                type(self).__name__,
                host_state.nodename,
                spec_obj.instance_uuid,
                '; '.join(map(str, reasons)),
            )
        return not reasons

    @abc.abstractmethod
    def concerns(self, guest: Guest) -> bool:
        """Whether the guest asks for what this filter looks at."""

    @abc.abstractmethod
    def why_not(
        self, decision: decisions.Decision, host_state: Any, spec_obj: Any
    ) -> Sequence[Reason]:
        """Why the host is rejected; empty if it is not."""

    def _complain(
        self, host_state: Any, spec_obj: Any, error: Exception
    ) -> None:
        type(self).malformed += 1
        if getattr(host_state, _COMPLAINED, False):
            return
        setattr(host_state, _COMPLAINED, True)
        LOG.error(
            'Host %s is not used for instance %s: its state or the request '
            'makes no sense: %s: %s',
            getattr(host_state, 'nodename', host_state),
            getattr(spec_obj, 'instance_uuid', None),
            type(error).__name__,
            error,
        )


def keep_candidates(
    host_state: Any, kept: list[Any], reasons: Sequence[Reason]
) -> Sequence[Reason]:
    """Leave a host the allocation candidates that do, best first.

    Nova claims the first one. Without any the host is rejected for
    ``reasons``.
    """
    if kept:
        host_state.allocation_candidates = kept
        return ()
    host_state.allocation_candidates = []
    return reasons or (
        Reason(
            Resource.CANDIDATES,
            'no allocation candidate of the host is left',
        ),
    )
