"""Nova remembers acceptances under ids that it overwrites.

The last guest cell takes a host cell on the strength of another guest
cell's fit: it is larger than that host cell and is not pinned at all. The
stock filter accepts the host.
"""

import pytest

from nfv_sched.model import Resource
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle


def unequal_cells():
    """Three guest cells of which the last fits the first host cell only."""
    return builders.scene(
        [
            builders.host_cell(0, memory=2048, pages={}),
            builders.host_cell(1, memory=512, pages={}),
            builders.host_cell(2, memory=512, pages={}),
        ],
        [
            builders.guest_cell(0, memory=512),
            builders.guest_cell(1, memory=512),
            builders.guest_cell(2, memory=2048),
        ],
    )


def test_nova_accepts_and_leaves_a_cell_unpinned():
    scene = unequal_cells()
    assert nova_oracle.exists(scene)
    given = builders.nova_fit(scene)
    assert given is not None
    assert [bool(cell.cpu_pinning) for cell in given.cells] == [
        True,
        True,
        False,
    ]
    with pytest.raises(nova_oracle.Refused, match='invalid'):
        nova_oracle.claim(scene)


def test_we_refuse_what_the_claim_would_spoil():
    (reason,) = builders.evaluate(unequal_cells()).reasons
    assert reason.resource is Resource.CLAIM
    assert 'pins guest NUMA node 2' in reason.text
