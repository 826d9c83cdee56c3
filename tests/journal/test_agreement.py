"""Judgements of shadow mode beside what Nova has stored."""

import pytest

from nfv_sched.journal import record
from nfv_sched.journal.agreement import Agreement
from nfv_sched.journal.agreement import ClaimingEvent
from nfv_sched.journal.agreement import ClaimReport
from nfv_sched.journal.agreement import compare
from nfv_sched.journal.agreement import InstanceHistory
from nfv_sched.journal.agreement import StoredFault

LACK = 'Insufficient compute resources: no NUMA fit.'
RETRIES = 'Exceeded maximum number of retries. Exhausted all hosts.'


def decision(**values):
    return record.DecisionRecord(
        **{
            'time': 1000.4,
            'scheduler': 'ctl-1',
            'pid': 7,
            'instance': 'one',
            'flavor': 'vnf',
            'purpose': record.RequestKind.BOOT,
            'instances': 1,
            'ending': record.Ending.SELECTED,
            'request_id': 'req-1',
            'service_host': 'a',
            'node': 'a',
            **values,
        }
    )


def event(host='a', time=1001.0, error='', request='req-1', finished=True):
    return ClaimingEvent(time, host, request, finished, error)


def fault(message, host='a', time=1001.0):
    return StoredFault(time, host, message)


HISTORIES = [
    # The times of Nova's databases are whole seconds.
    ([event(time=1000.0)], [], ClaimReport.SUCCEEDED),
    ([event()], [fault(LACK)], ClaimReport.FAILED),
    ([event()], [fault('PCI device request [] failed')], ClaimReport.FAILED),
    # By nova-conductor, after the last alternate.
    ([event()], [fault(RETRIES, 'ctl-1')], ClaimReport.FAILED),
    ([event(), event('b', 1003.0)], [], ClaimReport.FAILED),
    ([event(error=LACK)], [], ClaimReport.FAILED),
    # The claim may have succeeded before.
    ([event()], [fault('no such image')], ClaimReport.UNKNOWN),
    ([event(error='TimeoutError')], [], ClaimReport.UNKNOWN),
    # An earlier one, of another host, or of an earlier decision.
    ([event()], [fault(LACK, time=900.0)], ClaimReport.SUCCEEDED),
    ([event()], [fault(LACK, 'b')], ClaimReport.SUCCEEDED),
    ([event(), event('b', 900.0)], [], ClaimReport.SUCCEEDED),
    (
        [event(), event('b', 1003.0, request='req-2')],
        [],
        ClaimReport.SUCCEEDED,
    ),
    ([event(finished=False)], [], ClaimReport.UNKNOWN),
    ([event('b')], [], ClaimReport.UNKNOWN),
    ([], [], ClaimReport.UNKNOWN),
]


@pytest.mark.parametrize(('events', 'faults', 'claim'), HISTORIES)
@pytest.mark.parametrize('rejects', [None, 'no pages'])
def test_a_judgement_and_a_claim(events, faults, claim, rejects):
    found = decision(shadow=record.ShadowJudgement(3, rejects, 'b'))
    history = InstanceHistory(tuple(events), tuple(faults))
    [compared] = compare([found], {'one': history})
    assert compared.claim is claim
    expected = {
        (None, ClaimReport.SUCCEEDED): Agreement.ACCEPTED,
        (None, ClaimReport.FAILED): Agreement.MISSED,
        ('no pages', ClaimReport.SUCCEEDED): Agreement.FALSE_REJECTION,
        ('no pages', ClaimReport.FAILED): Agreement.FALSE_ACCEPTANCE,
    }
    assert compared.agreement is expected.get(
        (rejects, claim), Agreement.UNKNOWN
    )
    assert compared.elsewhere


@pytest.mark.parametrize(
    ('ending', 'accepted', 'agreement'),
    [
        (record.Ending.OTHER_FILTERS, 2, Agreement.ONLY_NOVA_REJECTS),
        (record.Ending.OTHER_FILTERS, 0, Agreement.NO_HOST),
        (record.Ending.PLACEMENT, 2, Agreement.NO_HOST),
    ],
)
def test_no_host(ending, accepted, agreement):
    shadow = record.ShadowJudgement(accepted, None, None)
    found = decision(ending=ending, node=None, shadow=shadow)
    [compared] = compare([found], {})
    assert compared.agreement is agreement
    assert not compared.elsewhere


def test_only_decisions_in_shadow_mode_are_compared():
    assert list(compare([decision()], {})) == []
