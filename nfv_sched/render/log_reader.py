"""Requests without a host, read from the log of nova-scheduler.

The lines are written by ``nfv_sched.scheduler.rejection_log``. Any prefix of
the log's format is accepted; a time at the beginning of a line is kept.
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


_COUNT = re.compile(r'(?P<hosts>\d+) for (?P<what>.+)')


class LoggedRejection(NamedTuple):
    """One request: ``counts`` of the rejected ``hosts`` by reason.

    ``nearest`` names the host that was nearest to a fit, and what it lacked.
    """

    when: str
    instance: str
    hosts: int
    counts: str
    nearest: str

    @property
    def conditions(self) -> list[tuple[str, int]]:
        """The ``counts`` as conditions with the hosts that they reject."""
        return [
            (match['what'], int(match['hosts']))
            for part in self.counts.split(', ')
            if (match := _COUNT.fullmatch(part))
        ]

    @property
    def nearest_host(self) -> str:
        """The host of ``nearest``; empty without one."""
        return self.nearest.partition(': ')[0]


def rejections(lines: Iterable[str]) -> list[LoggedRejection]:
    """The requests without a host in a log, newest first."""
    logged = []
    for line in lines:
        match = _LINE.search(line.rstrip('\n'))
        if match is None:
            continue
        time = _TIME.match(line)
        logged.append(
            LoggedRejection(
                time[0].replace('T', ' ') if time else '',
                printable(match['instance']),
                int(match['hosts']),
                printable(match['counts']),
                printable(match['nearest'] or ''),
            )
        )
    return logged[::-1]
