"""Requests that no host took, as nova-scheduler's log tells of them.

The lines are those of ``nfv_sched.scheduler.rejection_log``; whatever a
log's format puts before them, a time at its beginning is understood.
"""

from collections.abc import Iterable
import re
from typing import NamedTuple

from nfv_sched.render.formatting import printable

_TIME = re.compile(
    r'(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)|(\w{3} +\d+ [\d:]{8})'
)
_LINE = re.compile(
    r'No host for instance (?P<instance>\S+): of (?P<hosts>\d+) rejected '
    r'hosts (?P<counts>.*?)(?:; nearest(?: of \d+)? is (?P<nearest>.*))?$'
)


class LoggedRejection(NamedTuple):
    """One request: ``counts`` of the ``hosts`` fell for what.

    ``nearest`` names the host that came nearest, and what it lacked.
    """

    when: str
    instance: str
    hosts: int
    counts: str
    nearest: str


def rejections(lines: Iterable[str]) -> list[LoggedRejection]:
    """Return what a log tells of refused requests, newest first."""
    found = []
    for pipeline in lines:
        match = _LINE.search(pipeline.rstrip('\n'))
        if match is None:
            continue
        time = _TIME.match(pipeline)
        found.append(
            LoggedRejection(
                time[0].replace('T', ' ') if time else '',
                printable(match['instance']),
                int(match['hosts']),
                printable(match['counts']),
                printable(match['nearest'] or ''),
            )
        )
    return found[::-1]
