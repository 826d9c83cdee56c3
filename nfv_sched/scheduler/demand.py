"""The guests that this scheduler expects: what it was asked for lately."""

import logging
from typing import Any

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.nova import flavors
from nfv_sched.nova import request_spec

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)

_COUNTED = '_nfv_sched_counted'

_recent = fit.DemandHistogram()


def record(fit_request: fit.FitRequest, spec: Any) -> None:
    """Take notice of a request, once for each guest that it is about.

    Those are told apart by uuid: ``num_instances`` says for how many guests
    the request was made first, and still does when one of them moves.
    """
    counted = fit_request, request_spec.instance_of(spec)
    if getattr(spec, _COUNTED, None) != counted:
        setattr(spec, _COUNTED, counted)
        _recent.record(fit_request)


def forget() -> None:
    """Begin with a mix that knows of no guests."""
    global _recent  # noqa: PLW0603 - one scheduler per process
    _recent = fit.DemandHistogram()


def histogram() -> fit.DemandHistogram:
    """The expected mix: the reference flavors, or else what was asked."""
    names = CONF.nfv_sched.reference_flavors
    if not names:
        return _recent
    guests = flavors.reference_guests(names)
    if not guests:
        LOG.warning(
            'None of the reference flavors is of use; what was asked for is '
            'expected instead'
        )
        return _recent
    return fit.DemandHistogram(
        (fit.FitRequest(guest, pack=_pack_strategy()), weight)
        for guest, weight in guests
    )


def _pack_strategy() -> bool:
    pack: bool = CONF.compute.packing_host_numa_cells_allocation_strategy
    return pack
