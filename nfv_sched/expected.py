"""The guests that this scheduler expects: what it was asked for lately."""

import logging
from typing import Any

import nova.conf

from nfv_sched import conf
from nfv_sched import fit
from nfv_sched.nova import flavors
from nfv_sched.nova import requests

LOG = logging.getLogger(__name__)

CONF = nova.conf.CONF
conf.register_opts(CONF)

_COUNTED = '_nfv_sched_counted'

_asked = fit.Mix()


def record(question: fit.Question, spec: Any) -> None:
    """Take notice of a request, once for each guest that it is about.

    Those are told apart by uuid: ``num_instances`` says for how many guests
    the request was made first, and still does when one of them moves.
    """
    counted = question, requests.instance_of(spec)
    if getattr(spec, _COUNTED, None) != counted:
        setattr(spec, _COUNTED, counted)
        _asked.record(question)


def forget() -> None:
    """Begin with a mix that knows of no guests."""
    global _asked  # noqa: PLW0603 - one scheduler per process
    _asked = fit.Mix()


def mix() -> fit.Mix:
    """The expected mix: the reference flavors, or else what was asked."""
    names = CONF.nfv_sched.reference_flavors
    if not names:
        return _asked
    guests = flavors.guests(names)
    if not guests:
        LOG.warning(
            'None of the reference flavors is of use; what was asked for is '
            'expected instead'
        )
        return _asked
    return fit.Mix(
        (fit.Question(guest, pack=_packs()), weight)
        for guest, weight in guests
    )


def _packs() -> bool:
    pack: bool = CONF.compute.packing_host_numa_cells_allocation_strategy
    return pack
