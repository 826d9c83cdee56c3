"""Decisions in shadow mode, compared with what became of the instances."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import dataclasses
import enum

from nfv_sched.journal.record import DecisionRecord
from nfv_sched.journal.record import Ending

#: Events in which nova-compute claims resources for an instance.
CLAIMING_EVENTS = (
    'compute__do_build_and_run_instance',
    'compute_prep_resize',
    'compute_rebuild_instance',
    'compute_unshelve_instance',
    'compute_check_can_live_migrate_destination',
)
#: Beginnings or parts of messages of a claim that failed: of
#: ComputeResourcesUnavailable, PciDeviceRequestFailed, and MaxRetriesExceeded,
#: which does not say why the builds failed.
_NO_MORE = 'Exceeded maximum number of retries'
_OF_CLAIMS = (
    'Insufficient compute resources',
    'PCI device request',
    _NO_MORE,
)
#: Seconds by which clocks may differ; times in Nova's databases are whole
#: seconds.
_SKEW = 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class ClaimingEvent:
    """An event of CLAIMING_EVENTS, on the nova-compute ``host``.

    ``time`` is in seconds since 1970. ``finished`` is whether it ended, and
    ``error`` the text of the exception with which it did.
    """

    time: float
    host: str
    request_id: str | None
    finished: bool
    error: str = ''


@dataclasses.dataclass(frozen=True, slots=True)
class StoredFault:
    """A fault of an instance, of the service ``host``."""

    time: float
    host: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class InstanceHistory:
    """What Nova has stored of the builds and moves of an instance."""

    events: tuple[ClaimingEvent, ...] = ()
    faults: tuple[StoredFault, ...] = ()


class ClaimReport(enum.StrEnum):
    """What became of a claim on the selected host."""

    SUCCEEDED = 'succeeded'
    FAILED = 'failed'
    UNKNOWN = 'not known'


class Agreement(enum.StrEnum):
    """How a judgement compares with what Nova and the claim did."""

    ACCEPTED = 'agree: accepted'
    NO_HOST = 'agree: no host'
    FALSE_ACCEPTANCE = 'false acceptance of Nova'
    FALSE_REJECTION = 'false rejection of nfv_sched'
    MISSED = 'accepted, but the claim failed'
    ONLY_NOVA_REJECTS = 'hosts that only Nova rejects'
    UNKNOWN = 'not known'


@dataclasses.dataclass(frozen=True, slots=True)
class ComparedDecision:
    """A decision in shadow mode, and what became of it.

    ``why`` says why the claim failed, as far as Nova has stored that.
    """

    record: DecisionRecord
    agreement: Agreement
    claim: ClaimReport
    why: str = ''

    @property
    def elsewhere(self) -> bool:
        """Whether another host would have been selected, or none."""
        shadow = self.record.shadow
        return (
            self.record.ending is Ending.SELECTED
            and shadow is not None
            and shadow.node != self.record.node
        )


def compare(
    records: Iterable[DecisionRecord],
    histories: Mapping[str, InstanceHistory],
) -> Iterator[ComparedDecision]:
    """Compare the decisions that were made in shadow mode.

    :param histories: of the instances, by uuid
    """
    for record in records:
        if record.shadow is None:
            continue
        if record.ending is not Ending.SELECTED:
            agreement = (
                Agreement.ONLY_NOVA_REJECTS
                if record.shadow.accepted
                and record.ending is Ending.OTHER_FILTERS
                else Agreement.NO_HOST
            )
            yield ComparedDecision(record, agreement, ClaimReport.UNKNOWN)
            continue
        history = histories.get(record.instance, InstanceHistory())
        claim, why = claim_report(record, history)
        rejects = record.shadow.rejects_selected is not None
        yield ComparedDecision(record, _AGREEMENTS[rejects, claim], claim, why)


_AGREEMENTS = {
    (False, ClaimReport.SUCCEEDED): Agreement.ACCEPTED,
    (False, ClaimReport.FAILED): Agreement.MISSED,
    (True, ClaimReport.SUCCEEDED): Agreement.FALSE_REJECTION,
    (True, ClaimReport.FAILED): Agreement.FALSE_ACCEPTANCE,
    (False, ClaimReport.UNKNOWN): Agreement.UNKNOWN,
    (True, ClaimReport.UNKNOWN): Agreement.UNKNOWN,
}


def claim_report(
    record: DecisionRecord, history: InstanceHistory
) -> tuple[ClaimReport, str]:
    """What became of the claim on the host that Nova selected, and why.

    Nova stores why a claim failed only where the instance is not built on
    another host afterwards.
    """
    begin = record.time - _SKEW
    events = [
        event
        for event in history.events
        if event.time >= begin
        and record.request_id in (None, event.request_id)
    ]
    here = [event for event in events if event.host == record.service_host]
    if not here:
        return ClaimReport.UNKNOWN, ''
    first = min(here, key=lambda event: event.time)
    if failure := _stored_failure(record, history.faults):
        return _of_message(failure)
    if first.error:
        return _of_message(first.error)
    for event in events:
        if event.time >= first.time and event.host != record.service_host:
            return ClaimReport.FAILED, f'then built on {event.host}'
    if not first.finished:
        return ClaimReport.UNKNOWN, ''
    return ClaimReport.SUCCEEDED, ''


def _stored_failure(
    record: DecisionRecord, faults: Iterable[StoredFault]
) -> str:
    """The message of a failure on the selected host; empty without one."""
    for fault in faults:
        if fault.time >= record.time - _SKEW and (
            fault.host == record.service_host or _NO_MORE in fault.message
        ):
            return fault.message
    return ''


def _of_message(message: str) -> tuple[ClaimReport, str]:
    """What a message says about the claim: other failures come later."""
    if any(text in message for text in _OF_CLAIMS):
        return ClaimReport.FAILED, message
    return ClaimReport.UNKNOWN, message
