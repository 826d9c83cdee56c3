"""Nova tries every permutation before it refuses; we look at each pair once.

Guest cells that all want the same one host cell: 8 of 8 cells are 40,320
permutations for Nova, 16 of 16 no end.
"""

import math

import pytest

from nfv_sched import fit
from nfv_sched.nova import request_spec
from nfv_sched_testing import builders


def contested(cells):
    """Two guest cells want the one host cell that is large enough."""
    wanted = max(2, cells // 2)
    return builders.scene(
        [
            builders.host_cell(
                i, memory=2048 if i == cells - 1 else 512, pages={}
            )
            for i in range(cells)
        ],
        [
            builders.guest_cell(i, memory=2048 if i < 2 else 512)
            for i in range(wanted)
        ],
    )


def test_nova_walks_all_permutations(monkeypatch):
    scene = contested(6)
    walked = []
    real = builders.nova_oracle.hardware.itertools.permutations

    def counting(*args):
        for order in real(*args):
            walked.append(order)
            yield order

    monkeypatch.setattr(
        builders.nova_oracle.hardware.itertools, 'permutations', counting
    )
    assert builders.nova_fit(scene) is None
    assert len(walked) == math.perm(6, 3)


@pytest.mark.parametrize('cells', [2, 4, 8, 16, 32])
def test_we_refuse_after_one_look_at_each_pair(cells):
    scene = contested(cells)
    guest = request_spec.read_guest(scene.spec)
    evaluation = fit.Evaluation(fit.FitRequest(guest), builders.host_of(scene))
    assert not evaluation.verdict([]).fits
    assert evaluation.steps <= 1
    # Guest cells of one shape share their pairs: there are two shapes.
    assert evaluation.attempts.tried <= 2 * cells


@pytest.mark.parametrize('cells', [2, 4, 8, 16, 32])
def test_a_claim_is_followed_for_a_polynomial_number_of_steps(cells):
    """Only the last host cell holds the last guest cell: a long walk."""
    wanted = cells // 2
    scene = builders.scene(
        [
            builders.host_cell(i, memory=2048 if i == 0 else 512, pages={})
            for i in range(cells)
        ],
        [
            builders.guest_cell(i, memory=2048 if i == wanted - 1 else 512)
            for i in range(wanted)
        ],
    )
    guest = request_spec.read_guest(scene.spec)
    evaluation = fit.Evaluation(fit.FitRequest(guest), builders.host_of(scene))
    evaluation.verdict([])
    # Nova would walk up to math.perm(cells, wanted).
    assert evaluation.steps <= 3 * cells
