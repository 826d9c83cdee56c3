"""What a log tells of refused requests."""

from nfv_sched.render.log_reader import LoggedRejection
from nfv_sched.render.log_reader import rejections

LOG = """\
2026-03-02 14:00:00.123 77 INFO nfv_sched.scheduler.rejection_log [req-1 - -] \
No host for instance 8a: of 16 rejected hosts 14 for pages, 2 for devices; \
nearest is cmp-12: cell 1 has 6 of 8 free pages of 1 GiB; for guest cell 0
2026-03-02 14:00:01.123 77 INFO nova.scheduler.manager [-] Got no allocation
Mar  2 14:05:00 ctl nova-scheduler[77]: No host for instance 8b: of 600 \
rejected hosts 600 for pages; nearest of 32 is \x1b[31m: none
No host for instance 8c: of 1 rejected hosts 1 for a state that makes no sense
"""


def test_each_refused_request_is_found_newest_first():
    assert rejections(LOG.splitlines(keepends=True)) == [
        LoggedRejection('', '8c', 1, '1 for a state that makes no sense', ''),
        LoggedRejection(
            'Mar  2 14:05:00',
            '8b',
            600,
            '600 for pages',
            '\N{REPLACEMENT CHARACTER}[31m: none',
        ),
        LoggedRejection(
            '2026-03-02 14:00:00',
            '8a',
            16,
            '14 for pages, 2 for devices',
            'cmp-12: cell 1 has 6 of 8 free pages of 1 GiB; for guest cell 0',
        ),
    ]
