"""The log lines of a long pass."""

import logging

from nfv_sched.publishing.progress import ProgressLog


def test_a_line_now_and_then_shows_the_time_left(caplog):
    caplog.set_level(logging.INFO)
    now = 0.0
    progress = ProgressLog(5000, lambda: now)
    # The first 400 hosts need no write.
    for seconds, hosts in ((0.0, 400), (0.5, 40)):
        for _ in range(hosts):
            now += seconds
            progress.advance()
    assert [record.getMessage() for record in caplog.records] == [
        'Published 420 of 5000 hosts, about 109 s left',
        'Published 440 of 5000 hosts, about 38 min left',
    ]


def test_seconds_are_shown_for_the_last_two_minutes(caplog):
    caplog.set_level(logging.INFO)
    now = 0.0
    progress = ProgressLog(20, lambda: now)
    for _ in range(10):
        now += 1.5
        progress.advance()
    (record,) = caplog.records
    assert record.getMessage() == 'Published 7 of 20 hosts, about 20 s left'


def test_a_short_pass_logs_nothing(caplog):
    caplog.set_level(logging.INFO)
    progress = ProgressLog(3, lambda: 0.0)
    for _ in range(3):
        progress.advance()
    assert not caplog.records
