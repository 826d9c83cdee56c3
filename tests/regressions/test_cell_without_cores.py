"""A cell without cores makes Nova's fit raise instead of trying the next.

Of a mixed guest, a cell may have no dedicated CPU. On a host cell without
any core Nova takes the largest of no cores: ValueError, out of the stock
filter, which fails the whole boot request; and out of the claim. Where the
cell has dedicated CPUs but reports no siblings any pinned guest gets there.
"""

import pytest

from nfv_sched import fit
from nfv_sched.model import Resource
from nfv_sched.nova import request_spec
from nfv_sched_testing import builders
from nfv_sched_testing import nova_oracle


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
    assert 'NUMA node 0 reports no CPU siblings' in reason.text


def without_siblings(first, **guest):
    """Two cells with room, of which one reports no siblings."""
    cells = [
        builders.host_cell(
            i,
            cores=2,
            threads=2,
            pages={2048: 1024},
            cpuset={100 * i + 90, 100 * i + 91},
            **({'siblings': []} if (i == 0) is first else {}),
        )
        for i in range(2)
    ]
    return builders.scene(
        cells, [builders.guest_cell(0, cpus=2, pagesize=2048, **guest)]
    )


@pytest.mark.parametrize('first', [True, False])
@pytest.mark.parametrize(
    'guest',
    [
        {},
        {'cpu_thread_policy': 'require'},
        {'cpu_thread_policy': 'isolate'},
        {'cpu_policy': 'mixed', 'cpuset': {50}},
    ],
)
def test_a_cell_that_the_claim_gets_to_first_makes_it_raise(first, guest):
    scene = without_siblings(first, **guest)
    succeeds = nova_oracle.succeeds(scene)
    assert not (first and succeeds)
    assert passes(scene) == builders.evaluate(scene).fits == succeeds


def passes(scene):
    """Whether it fits, where nobody asks how."""
    fit_request = fit.FitRequest(request_spec.read_guest(scene.spec))
    evaluation = fit.Evaluation(fit_request, builders.host_of(scene))
    return evaluation.refusal(fit_request.no_providers) is None
