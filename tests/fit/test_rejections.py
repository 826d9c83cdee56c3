"""The fit rejects nothing that nova-compute or brute force takes."""

import dataclasses

from hypothesis import given
from hypothesis import settings

from nfv_sched import fit
from nfv_sched.model import Resource
from nfv_sched.nova import request_spec
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.builders import host_of


@given(scene=strategies.scenes())
@settings(max_examples=examples(3000))
def test_rejects_nothing_but_what_nova_or_brute_force_refuses(scene):
    guest, host = request_spec.read_guest(scene.spec), host_of(scene)
    verdict = fit.evaluate(guest, host)
    if verdict.fits:
        assert nova_oracle.exists(scene)
        return
    if Resource.CLAIM in {reason.resource for reason in verdict.reasons}:
        assert not nova_oracle.succeeds(scene)
    elif guest.cells:
        # The claim aside: device requests must also fit without regard to
        # cells, which the claim asks first.
        without_cells = dataclasses.replace(guest, cells=())
        assert (
            not nova_oracle.exists(scene)
            or not fit.evaluate(without_cells, host).fits
        )
    else:
        assert not nova_oracle.exists(scene)
