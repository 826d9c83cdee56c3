"""Nova narrows "any" page size to the first that fits anywhere.

The first host cell has 2 MiB pages but no free CPU. Nova leaves 2 MiB behind
in the request and then refuses the second cell, which has small pages only.
The claim does the same.

Nor does it narrow the request of a guest cell that it never tries on a host:
with an answer for another guest cell it returns the code for "large" instead
of a page size.
"""

import pytest

from nfv_sched.model import PAGES_ANY
from nfv_sched.model import PAGES_LARGE
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


def a_guest_cell_that_is_never_tried():
    """Two guest cells of shared CPUs, of an instance with dedicated ones.

    The first takes the id of host cell 1, whose shared CPUs are in use, and
    fits on host cell 2 under that id, which is the second one's, too.
    """
    hosts = [
        builders.host_cell(node, cores=cores, pages={2048: pages})
        for node, cores, pages in ((0, 4, 512), (1, 6, 2048), (2, 5, 2048))
    ]
    for cell in hosts:
        cell.cpuset = cell.pcpuset
    hosts[1].cpu_usage = 6
    guests = [
        builders.guest_cell(
            node,
            memory=memory,
            pagesize=PAGES_LARGE,
            cpuset={node},
            pcpuset=set(),
            cpu_policy='mixed',
        )
        for node, memory in ((0, 256), (1, 2048))
    ]
    return builders.scene(hosts, guests, emulator_threads_policy=None)


def test_nova_returns_a_code_instead_of_a_page_size():
    scene = a_guest_cell_that_is_never_tried()
    given = nova_oracle.run_claim(scene, nova_oracle.by_count(scene.stats))
    assert [(cell.id, cell.pagesize) for cell in given.cells] == [
        (0, 2048),
        (2, PAGES_LARGE),
    ]


def test_a_host_on_which_it_does_is_refused():
    verdict = builders.evaluate(a_guest_cell_that_is_never_tried())
    assert verdict.reasons[0].resource is Resource.CLAIM
