"""Whether the publisher is at work, by what it says of itself."""

import dataclasses

from nfv_sched.checking.result import ok
from nfv_sched.checking.result import Result
from nfv_sched.checking.result import warning

#: Passes that may be missed before anybody is told.
_MISSED = 3
_START_IT = 'see to nfv-sched-publisher and its log'


@dataclasses.dataclass(frozen=True, slots=True)
class PublisherStatus:
    """What a publisher's status file says.

    ``path`` is None where nova.conf names none, ``wrong`` says why the file
    cannot be read. ``age`` is the time since the last pass and ``interval``
    that between two, in seconds; ``age`` is None before the first.
    ``leads`` is whether this publisher works or stands by; ``failed`` are
    the hosts that the last pass could not read or publish.
    """

    path: str | None = None
    wrong: str | None = None
    age: float | None = None
    interval: float = 0.0
    leads: bool = True
    failed: int = 0


def age(published: PublisherStatus) -> Result:
    """The last pass is not long ago, and left nobody out."""
    if published.path is None:
        return ok(
            'not looked at: [nfv_sched_publisher] status_file names no file'
        )
    if published.wrong is None and not published.leads:
        return ok('this publisher stands by')
    trouble = _problem(published)
    return warning(trouble, _START_IT) if trouble else ok()


def _problem(published: PublisherStatus) -> str | None:
    if published.wrong is not None:
        return f'{published.path}: {published.wrong}'
    if published.age is None:
        return 'the publisher has not finished a pass yet'
    if published.age > _MISSED * published.interval:
        return (
            f'the last pass was {published.age:.0f} s ago, one is due every '
            f'{published.interval:.0f} s'
        )
    if published.failed:
        return (
            f'the last pass could not read or publish {published.failed} hosts'
        )
    return None
