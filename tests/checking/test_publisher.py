"""The check of the publisher: success and warning."""

from oslo_upgradecheck.upgradecheck import Code
import pytest

from nfv_sched.checking import publisher
from nfv_sched.checking.publisher import PublisherStatus

FILE = '/run/nfv-sched/publisher.json'


@pytest.mark.parametrize(
    ('status', 'code', 'text'),
    [
        (PublisherStatus(), Code.SUCCESS, 'status_file'),
        (PublisherStatus(FILE, age=170, interval=60), Code.SUCCESS, ''),
        (
            PublisherStatus(FILE, age=190, interval=60),
            Code.WARNING,
            '190 s ago',
        ),
        (PublisherStatus(FILE, interval=60), Code.WARNING, 'not finished'),
        (PublisherStatus(FILE, problem='is not there'), Code.WARNING, FILE),
        (
            PublisherStatus(FILE, interval=60, leads=False),
            Code.SUCCESS,
            'on standby',
        ),
        (
            PublisherStatus(FILE, age=1, interval=60, failed=2),
            Code.WARNING,
            '2 hosts',
        ),
        (
            PublisherStatus(FILE, age=1, interval=60, metrics_problem='busy'),
            Code.WARNING,
            'metrics are not served: busy',
        ),
        (
            PublisherStatus(
                FILE, interval=60, leads=False, metrics_problem='busy'
            ),
            Code.WARNING,
            'metrics are not served: busy',
        ),
    ],
)
def test_a_publisher_is_active(status, code, text):
    result = publisher.age(status)
    assert result.code is code
    assert text in result.details
    assert bool(result.fix) is (code is Code.WARNING)
