"""Claims that limits restrict to chosen NUMA nodes, against Nova's claim."""

import dataclasses
import itertools
import math

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from nfv_sched import fit
from nfv_sched.fit import node_options
from nfv_sched.model import NodeChoice
from nfv_sched.nova import node_labels
from nfv_sched.nova import request_spec
from nfv_sched_testing import nova_oracle
from nfv_sched_testing import strategies
from nfv_sched_testing.agreement import assert_same
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.builders import host_of
from nfv_sched_testing.node_choices import add_labels


def restricted(scene, choice):
    """The scene whose limits hold the labels of a choice."""
    spec = scene.spec.obj_clone()
    spec.network_metadata.physnets = (
        spec.network_metadata.physnets | node_labels.labels_of(choice)
    )
    return dataclasses.replace(scene, spec=spec)


@st.composite
def choices(draw, nodes):
    """Any choice of nodes, also such as nothing can satisfy."""
    some = st.sets(st.sampled_from(nodes), max_size=3)
    return NodeChoice(
        required=frozenset(draw(some)) if draw(st.booleans()) else frozenset(),
        excluded=frozenset(draw(some)),
    )


@given(data=st.data(), scene=strategies.scenes(max_host_cells=6))
@settings(max_examples=examples(4000))
def test_the_claim_takes_what_is_predicted_within_a_choice(data, scene):
    if not scene.topology or not scene.spec.numa_topology:
        return
    fit_request = fit.FitRequest(request_spec.read_guest(scene.spec))
    add_labels(scene.topology)
    host = host_of(scene)
    nodes = [cell.id for cell in scene.topology.cells]
    assert node_labels.are_complete(host.cells) == (len(nodes) > 1)
    choice = data.draw(choices(nodes))
    evaluation = fit.Evaluation(fit_request, host)
    outcome = node_options.outcome_within(
        evaluation, fit_request.no_providers, choice
    )
    if len(nodes) == 1 and (choice.required or choice.excluded):
        # Such a host has no labels: no choice is made on it.
        return
    try:
        claimed = nova_oracle.claim(restricted(scene, choice))
    except nova_oracle.Refused:
        assert outcome is None
        return
    # Fewer permutations than this are left for hosts of 6 nodes.
    if outcome is None:
        wanted = len(scene.spec.numa_topology.cells)
        permutations = math.perm(len(nodes), wanted)
        assert permutations > node_options.MAX_PERMUTATIONS
        return
    assert_same(scene, outcome, claimed)
    assert choice.allows({cell.host_cell for cell in outcome.cells})


def offered(scene):
    """A labelled host and what is offered there, and set by set."""
    add_labels(scene.topology)
    fit_request = fit.FitRequest(request_spec.read_guest(scene.spec))
    evaluation = fit.Evaluation(fit_request, host_of(scene))
    providers = fit_request.no_providers
    nodes = [cell.id for cell in scene.topology.cells]
    wanted = len(fit_request.guest.cells)
    one_by_one = []
    if wanted < len(nodes):
        for chosen in map(frozenset, itertools.combinations(nodes, wanted)):
            choice = (
                NodeChoice(excluded=frozenset(nodes) - chosen)
                if wanted == 1
                else NodeChoice(required=chosen)
            )
            outcome = node_options.outcome_within(
                evaluation, providers, choice
            )
            if outcome is not None:
                one_by_one.append((choice, outcome))
    return list(node_options.options(evaluation, providers)), one_by_one


@given(scene=strategies.scenes(max_host_cells=8))
@settings(max_examples=examples(2000))
def test_one_replay_finds_what_a_replay_of_each_set_finds(scene):
    if not scene.topology or not scene.spec.numa_topology:
        return
    options, one_by_one = offered(scene)
    assert options == one_by_one


@given(scene=strategies.scenes(max_host_cells=6))
@settings(max_examples=examples(2000))
def test_each_option_is_one_set_that_the_claim_takes(scene):
    if not scene.topology or not scene.spec.numa_topology:
        return
    add_labels(scene.topology)
    fit_request = fit.FitRequest(request_spec.read_guest(scene.spec))
    evaluation = fit.Evaluation(fit_request, host_of(scene))
    seen = set()
    for option in node_options.options(evaluation, fit_request.no_providers):
        nodes = frozenset(cell.host_cell for cell in option.outcome.cells)
        assert nodes not in seen
        seen.add(nodes)
        claimed = nova_oracle.claim(restricted(scene, option.choice))
        assert_same(scene, option.outcome, claimed)
    unrestricted = evaluation.verdict(fit_request.no_providers).outcome
    sets = math.comb(len(scene.topology.cells), len(fit_request.guest.cells))
    if unrestricted and 1 < sets <= node_options.MAX_SETS:
        # What the claim takes by itself is one of them.
        assert {cell.host_cell for cell in unrestricted.cells} in seen
