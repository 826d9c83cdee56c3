"""A cell that reports no page pools takes a guest and then cannot count it.

``numa_usage_from_instance_numa`` looks for the smallest page size of the
cell and raises IndexError: the claim dies after the fit.
"""

import pytest

from nfv_sched.model import Resource
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle


def no_page_pools():
    return builders.scene(
        [builders.host_cell(0, pages=None)], [builders.guest_cell(0)]
    )


def test_the_fit_succeeds_and_the_claim_raises():
    scene = no_page_pools()
    assert builders.nova_fit(scene) is not None
    with pytest.raises(nova_oracle.Refused, match='IndexError'):
        nova_oracle.claim(scene)


def test_we_refuse_it():
    (reason,) = builders.evaluate(no_page_pools()).reasons
    assert reason.resource is Resource.CLAIM
    assert 'NUMA node 0 reports no page pools' in reason.text
