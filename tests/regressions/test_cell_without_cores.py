"""A cell without cores makes Nova's fit raise instead of trying the next.

Of a mixed guest, a cell may have no dedicated CPU. On a host cell without
any core Nova takes the largest of no cores: ValueError, out of the stock
filter, which fails the whole boot request; and out of the claim.
"""

import pytest

from nfv_sched.model import Resource
from tests import builders
from tests import nova_oracle


def shared_half_of_a_mixed_guest():
    return builders.scene(
        [
            builders.host_cell(
                0, cores=0, memory=8192, pages={}, cpuset={1}, pcpuset=set()
            ),
            builders.host_cell(1, pages={}, pinned={0}, cpuset={101}),
        ],
        [
            builders.guest_cell(
                0, cpus=0, cpuset={0}, pcpuset=set(), cpu_policy='mixed'
            )
        ],
    )


def test_nova_raises_in_the_filter_and_in_the_claim():
    scene = shared_half_of_a_mixed_guest()
    with pytest.raises(ValueError, match='empty'):
        builders.nova_fit(scene)
    with pytest.raises(nova_oracle.Refused, match='ValueError'):
        nova_oracle.claim(scene)


def test_we_refuse_without_raising():
    assert nova_oracle.exists(shared_half_of_a_mixed_guest())
    (reason,) = builders.evaluate(shared_half_of_a_mixed_guest()).reasons
    assert reason.resource is Resource.CLAIM
    assert 'cell 0 reports no CPU siblings' in reason.text
