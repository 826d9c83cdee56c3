"""Nova remembers refusals under ids that it overwrites.

Guest cell 0 moves to a host cell, takes over its id, and is then refused on
grounds that belong to guest cell 1. The claim does the same, so the host is
no use although the guest would fit: we refuse it, and say that the claim is
the reason.
"""

import pytest

from nfv_sched.model import Resource
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle


def unequal_cells():
    """Only the middle host cell can hold the larger guest cell."""
    return builders.scene(
        [
            builders.host_cell(0, memory=512, pages={}),
            builders.host_cell(1, memory=2048, pages={}),
            builders.host_cell(2, memory=512, pages={}),
        ],
        [
            builders.guest_cell(0, memory=512),
            builders.guest_cell(1, memory=2048),
        ],
    )


def test_an_assignment_exists_that_nova_does_not_find():
    scene = unequal_cells()
    assert nova_oracle.exists(scene)
    assert builders.nova_fit(scene) is None
    with pytest.raises(nova_oracle.Refused, match='fit'):
        nova_oracle.claim(scene)


def test_we_refuse_since_the_claim_would():
    (reason,) = builders.evaluate(unequal_cells()).reasons
    assert reason.resource is Resource.CLAIM
    assert 'no permutation that it tries fits' in reason.text
