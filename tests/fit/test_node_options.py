"""Claims that limits restrict to chosen NUMA nodes, against Nova's claim."""

import dataclasses
import itertools
import math

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from nfv_sched import fit
from nfv_sched.fit import node_options
from nfv_sched.fit.headroom import HostHeadroom
from nfv_sched.fit.headroom import Shapes
from nfv_sched.model import Cell
from nfv_sched.model import DevicePool
from nfv_sched.model import DeviceRequest
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell
from nfv_sched.model import Host
from nfv_sched.model import NodeChoice
from nfv_sched.model import PagePool
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


def node(number, *, pinned=0, pages=0):
    """A NUMA node of four cores, with some CPUs and pages in use."""
    cpus = range(number * 8, number * 8 + 8)
    return Cell(
        number,
        16384,
        dedicated_cpus=frozenset(cpus),
        pinned_cpus=frozenset(cpus[:pinned]),
        siblings=[frozenset({cpu, cpu + 1}) for cpu in cpus[::2]],
        pages=(PagePool(1048576, 16, used=pages),),
        socket=number // 4,
    )


def card(number, vendor='8086', count=4):
    """The VFs of a card near a node; near none if that is None."""
    address = f'{vendor}:{number}'
    return DevicePool(vendor, '154c', 'type-VF', count, number, address)


@st.composite
def few_kinds(draw):
    """A host of three to eight nodes, many of which are alike."""
    kinds = st.sampled_from([(0, 0), (3, 0), (3, 9)])
    nodes = [
        node(number, pinned=pinned, pages=pages)
        for number, (pinned, pages) in enumerate(
            draw(st.lists(kinds, min_size=3, max_size=8))
        )
    ]
    near = st.sampled_from([None, *range(len(nodes))])
    cards = st.builds(card, near, st.sampled_from('ab'), st.integers(1, 3))
    most = 2 * len(nodes)
    pools = draw(st.lists(cards, max_size=most, unique_by=lambda c: c.address))
    return Host('host', tuple(nodes), tuple(pools))


def pinned_guest(nodes, cpus=2, pages=2, devices=(), policy=None):
    """A guest of equal cells, with dedicated CPUs and 1 GiB pages."""
    return Guest(
        tuple(
            GuestCell(
                number,
                pages * 1024,
                dedicated=frozenset(range(number * cpus, (number + 1) * cpus)),
                page_size=1048576,
                cpu_policy='dedicated',
                thread_policy=policy,
            )
            for number in range(nodes)
        ),
        tuple(devices),
    )


def device(vendor='8086', policy='required'):
    return DeviceRequest(1, ({'vendor_id': vendor},), policy)


GUESTS = st.builds(
    pinned_guest,
    st.integers(1, 2),
    st.integers(1, 4),
    st.integers(1, 4),
    st.lists(
        st.builds(
            device,
            st.sampled_from('ab'),
            st.sampled_from(['required', 'legacy', 'preferred']),
        ),
        max_size=2,
    ),
    st.sampled_from([None, 'require']),
)


@given(
    data=st.data(),
    host=few_kinds(),
    guests=st.lists(GUESTS, min_size=2, max_size=4),
    smooth=st.booleans(),
)
@settings(max_examples=examples(3000))
def test_forecasts_are_those_of_each_set_by_itself(data, host, guests, smooth):
    """So the best set is the same, also where several cost the same."""
    shapes = Shapes(tuple(map(fit.FitRequest, guests)), smooth)
    ids = [cell.id for cell in host.cells]
    distances = {
        number: {other: data.draw(st.sampled_from((12, 32))) for other in ids}
        for number in ids
    }
    for request in shapes.requests:
        evaluation = fit.Evaluation(request, host)
        providers = request.no_providers
        unrestricted = evaluation.verdict(providers).outcome
        if unrestricted is None:
            continue
        shared = node_options.forecast_by_nodes(
            evaluation, providers, unrestricted, shapes, distances
        )
        options = list(node_options.options(evaluation, providers))
        if len(options) < 2:
            options = []
        assert [entry.choice for entry in shared.by_nodes] == [
            option.choice for option in options
        ]
        assert [
            shared.unrestricted,
            *(entry.forecast for entry in shared.by_nodes),
        ] == [
            fit.forecast(request.guest, host, outcome, shapes, distances)
            for outcome in (
                unrestricted,
                *(option.outcome for option in options),
            )
        ]


@pytest.mark.parametrize(
    ('near', 'cells', 'sets', 'counted'),
    [
        ((), 1, 8, 1),
        # With the device near, or not.
        ((1, 6), 1, 8, 2),
        # Of two cells without a device, one cell without, none without.
        # Nova reaches these sets, see doc/source/nodes.rst.
        ((1, 6), 2, 13, 3),
    ],
)
def test_sets_of_nodes_that_are_alike_are_counted_once(
    near, cells, sets, counted, monkeypatch
):
    """Wherever they are: distances count for each set."""
    host = Host('host', tuple(map(node, range(8))), tuple(map(card, near)))
    shapes = tuple(
        map(
            fit.FitRequest,
            (pinned_guest(cells), pinned_guest(1, devices=[device()])),
        )
    )
    states = []

    def of_host(self, host, counts, count=HostHeadroom.of_host):
        states.append(counts)
        return count(self, host, counts)

    monkeypatch.setattr(HostHeadroom, 'of_host', of_host)
    evaluation = fit.Evaluation(shapes[0], host)
    providers = shapes[0].no_providers
    forecast = node_options.forecast_by_nodes(
        evaluation,
        providers,
        evaluation.verdict(providers).outcome,
        Shapes(shapes, smooth=True),
        {},
    )
    assert len(forecast.by_nodes) == sets
    # Beside the state before the claim.
    assert len(states) == len(shapes) * (1 + counted)
