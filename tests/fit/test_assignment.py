"""Parts of the fit against brute force, and against the whole."""

from hypothesis import given
from hypothesis import settings

from nfv_sched import fit
from nfv_sched.fit import assignment
from nfv_sched.fit.devices import Devices
from nfv_sched.nova import request_spec
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.builders import host_of


@given(scene=strategies.scenes())
@settings(max_examples=examples(2000))
def test_an_assignment_is_possible_exactly_where_brute_force_finds_one(scene):
    guest, host = request_spec.read_guest(scene.spec), host_of(scene)
    if not guest.cells or len(host.cells) < len(guest.cells):
        return
    evaluation = fit.Evaluation(fit.FitRequest(guest), host)
    fits = evaluation.masks()
    providers = [request.rp_uuids for request in guest.devices]
    devices = Devices(fit.FitRequest(guest), host, providers)
    possible = assignment.possible(guest, host, fits, devices)
    assert possible == nova_oracle.exists(scene)


@given(scene=strategies.scenes())
@settings(max_examples=examples(1000))
def test_each_resource_alone_rejects_only_what_the_claim_refuses(scene):
    guest, host = request_spec.read_guest(scene.spec), host_of(scene)
    evaluation = fit.Evaluation(fit.FitRequest(guest), host)
    providers = [request.rp_uuids for request in guest.devices]
    alone = (
        evaluation.lacks_pages()
        or evaluation.lacks_pinning()
        or evaluation.lacks_devices(providers)
    )
    if alone:
        assert alone.reasons
        assert evaluation.refusal(providers)
