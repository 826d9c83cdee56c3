"""Nova narrows "any" page size to the first that fits anywhere.

The first host cell has 2 MiB pages but no free CPU. Nova leaves 2 MiB behind
in the request and then refuses the second cell, which has small pages only.
The claim does the same.
"""

import pytest

from nfv_sched.model import PAGES_ANY
from nfv_sched.model import Resource
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle


def any_page_size():
    """More memory makes Nova try the cell without a free CPU first."""
    return builders.scene(
        [
            builders.host_cell(
                0, cores=2, memory=8192, pinned={0}, pages={2048: 512}
            ),
            builders.host_cell(1, cores=1, memory=4096, pages={}),
        ],
        [builders.guest_cell(0, pagesize=PAGES_ANY, cpus=1)],
        emulator_threads_policy=None,
    )


def blocked_first_cell():
    scene = any_page_size()
    scene.topology.cells[0].pinned_cpus = {0, 1}
    scene.topology.cells[1].pinned_cpus = set()
    return scene


def test_nova_refuses_a_cell_of_small_pages(nova_options):
    nova_options.set_override(
        'packing_host_numa_cells_allocation_strategy', True, 'compute'
    )
    scene = blocked_first_cell()
    assert nova_oracle.exists(scene)
    with pytest.raises(nova_oracle.Refused, match='fit'):
        nova_oracle.claim(scene)


def test_we_refuse_since_the_claim_would():
    verdict = builders.evaluate(blocked_first_cell(), pack=True)
    assert verdict.reasons[0].resource is Resource.CLAIM


def test_a_fixed_page_size_is_decided_by_the_second_cell(nova_options):
    nova_options.set_override(
        'packing_host_numa_cells_allocation_strategy', True, 'compute'
    )
    scene = blocked_first_cell()
    scene.spec.numa_topology.cells[0].pagesize = 4
    assert nova_oracle.claim(scene).topology.cells[0].id == 1
    verdict = builders.evaluate(scene, pack=True)
    assert [c.host_cell for c in verdict.outcome.cells] == [1]
