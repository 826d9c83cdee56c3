"""The demand that weighers expect: reference flavors, or recent requests.

A scheduler that has just started has no recent requests. Until it has, the
instances that run and the flavors that exist stand for them.
"""

from collections.abc import Callable
from collections.abc import Iterable
import logging
import threading

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.model import Guest
from nfv_sched.nova import flavors
from nfv_sched.nova import running_guests
from nfv_sched.nova.redact import describe_error

#: The newest instances of each Nova cell that stand for recent requests.
MOST_INSTANCES = 256
#: What all flavors together weigh beside them, for those that have no
#: instance yet.
FLAVORS_WEIGHT = 16.0

#: Problems that are logged, so that no line is endless.
_MOST_LOGGED = 3

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)


def expected(recent: fit.DemandHistogram) -> fit.DemandHistogram:
    """The demand of ``[nfv_sched] reference_flavors``, else the recent one."""
    names = CONF.nfv_sched.reference_flavors
    if not names:
        return recent
    guests = flavors.reference_guests(names)
    if not guests:
        LOG.warning(
            'No reference flavor is usable; recent requests are used instead'
        )
        return recent
    return fit.DemandHistogram(_requests(guests))


def _requests(
    guests: Iterable[tuple[Guest, float]],
) -> list[tuple[fit.FitRequest, float]]:
    """The guests as claims of this cloud take them, with their weights."""
    pack = CONF.compute.packing_host_numa_cells_allocation_strategy
    return [
        (fit.FitRequest(guest, pack=pack), weight) for guest, weight in guests
    ]


def can_prime() -> bool:
    """Whether the first demand is that of Nova's databases."""
    return bool(
        CONF.api_database.connection and not CONF.nfv_sched.reference_flavors
    )


def start_priming(recent: fit.DemandHistogram) -> threading.Thread | None:
    """Prime the recent demand in a thread of its own.

    :returns: the thread; None where there is nothing to read or to prime
    """
    if not can_prime():
        return None
    thread = threading.Thread(
        target=prime, args=(recent,), name='nfv-demand-reader', daemon=True
    )
    thread.start()
    return thread


def prime(recent: fit.DemandHistogram) -> None:
    """Count the instances that run and the flavors that exist, once.

    Each as far as it can be read: the rest of the demand is learnt from
    requests, so that a database that is down is no more than logged.
    """
    weighted: list[tuple[fit.FitRequest, float]] = []
    for source, read in _SOURCES:
        try:
            guests, problems = read()
            weighted += _requests(guests)
        except Exception as error:
            problems = [describe_error(error)]
        if problems:
            LOG.info(
                'The %s could not all be read; the rest of the demand is '
                'learnt from requests: %s%s',
                source,
                '; '.join(problems[:_MOST_LOGGED]),
                ', ...' if len(problems) > _MOST_LOGGED else '',
            )
    recent.prime(weighted)


#: Guests with their weights, and a line for each problem.
_Weighted = tuple[list[tuple[Guest, float]], list[str]]


def _running() -> _Weighted:
    guests, problems = running_guests.newest_guests(MOST_INSTANCES)
    return [(guest, 1.0) for guest in guests], problems


def _existing() -> _Weighted:
    guests = flavors.existing_guests()
    return [(guest, FLAVORS_WEIGHT / len(guests)) for guest in guests], []


_SOURCES: tuple[tuple[str, Callable[[], _Weighted]], ...] = (
    ('instances that run', _running),
    ('flavors that exist', _existing),
)
