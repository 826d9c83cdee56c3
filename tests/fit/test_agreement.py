"""The fit accepts exactly what nova-compute's claim takes."""

from hypothesis import given
from hypothesis import settings

from nfv_sched import fit
from nfv_sched.fit import candidates
from nfv_sched.nova import request_spec
from nfv_sched_testing import candidate_strategies
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import strategies
from nfv_sched_testing.agreement import assert_same
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.builders import host_of


def claim(scene):
    try:
        return nova_oracle.claim(scene), None
    except nova_oracle.Refused as exc:
        return None, exc


@given(scene=strategies.scenes())
@settings(max_examples=examples(2000))
def test_accepts_exactly_what_the_claim_takes(scene, nova_options):
    guest, host = request_spec.read_guest(scene.spec), host_of(scene)
    for pack in (False, True):
        nova_options.set_override(
            'packing_host_numa_cells_allocation_strategy', pack, 'compute'
        )
        verdict = fit.evaluate(guest, host, pack=pack)
        claimed, refusal = claim(scene)
        assert verdict.fits == (claimed is not None), (verdict, refusal)
        if claimed:
            assert_same(scene, verdict.outcome, claimed)
        else:
            assert verdict.reasons


@given(scene=strategies.scenes())
@settings(max_examples=examples(500))
def test_the_claim_counts_devices_and_looks_no_further(scene):
    """The oracle leaves devices out, whose copies take most of the time."""
    stats = scene.stats
    assert attempt(scene, nova_oracle.by_count(stats)) == attempt(scene, stats)


def attempt(scene, stats):
    try:
        given = nova_oracle.run_claim(scene, stats)
    except nova_oracle.Refused as exc:
        return str(exc)
    return given and given.obj_to_primitive()


@given(scene=candidate_strategies.scenes())
@settings(max_examples=examples(2000))
def test_accepts_exactly_the_candidates_that_the_claim_takes(scene):
    fit_request = fit.FitRequest(request_spec.read_guest(scene.spec))
    evaluation = fit.Evaluation(fit_request, host_of(scene))
    for candidate in scene.candidates:
        chosen = candidates.providers(fit_request, candidate, scene.names.get)
        verdict = evaluation.verdict(chosen)
        try:
            claimed = nova_oracle.claim_candidate(scene, candidate)
        except nova_oracle.Refused:
            assert not verdict.fits
            assert verdict.reasons
        else:
            assert verdict.fits, verdict
            assert_same(scene, verdict.outcome, claimed)
