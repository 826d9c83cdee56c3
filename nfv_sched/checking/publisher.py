"""The check of the publisher, by its status file."""

import dataclasses
from typing import Any

from nfv_sched.checking.result import count
from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import skipped
from nfv_sched.checking.result import warning

#: A warning follows when the last pass is this many intervals ago.
_MISSED = 3
_FIX = 'start nfv-sched-publisher, or look into its log'


@dataclasses.dataclass(frozen=True, slots=True)
class PublisherStatus:
    """The content of a publisher's status file.

    ``path`` is None if nova.conf names no file, ``problem`` says why the file
    cannot be read. ``age`` is the time since the last pass and ``interval``
    that between two, in seconds; ``age`` is None before the first. ``leads``
    is whether this publisher is active or on standby; ``failed`` counts the
    hosts that the last pass could not read or publish. ``metrics_problem`` is
    why no metrics are served.
    """

    path: str | None = None
    problem: str | None = None
    age: float | None = None
    interval: float = 0.0
    leads: bool = True
    failed: int = 0
    metrics_problem: str | None = None


def age(published: PublisherStatus) -> Result:
    """Check that the last pass was recent and covered every host."""
    if published.path is None:
        return skipped('[nfv_sched_publisher] status_file is not set')
    standby = published.problem is None and not published.leads
    if standby and published.metrics_problem is None:
        return ok('this publisher is on standby')
    problem = (None if standby else _problem(published)) or (
        published.metrics_problem
        and f'metrics are not served: {published.metrics_problem}'
    )
    if not problem:
        return ok()
    values: dict[str, Any] = {
        'interval_seconds': published.interval,
        'failed_hosts': published.failed,
    }
    if published.age is not None:
        values['age_seconds'] = round(published.age, 1)
    return warning(problem, _FIX, values=values)


def _problem(published: PublisherStatus) -> str | None:
    if published.problem is not None:
        return f'{published.path}: {published.problem}'
    if published.age is None:
        return 'the publisher has not finished a pass yet'
    if published.age > _MISSED * published.interval:
        return (
            f'the last pass was {published.age:.0f} s ago, one is due every '
            f'{published.interval:.0f} s'
        )
    if published.failed:
        return (
            'the last pass could not read or publish '
            f'{count(published.failed, "host")}'
        )
    return None
