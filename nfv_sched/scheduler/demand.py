"""The demand that weighers expect: reference flavors, or recent requests."""

import logging

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.nova import flavors

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
    pack = CONF.compute.packing_host_numa_cells_allocation_strategy
    return fit.DemandHistogram(
        (fit.FitRequest(guest, pack=pack), weight) for guest, weight in guests
    )
