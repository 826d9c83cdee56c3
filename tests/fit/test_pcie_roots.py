"""Devices below one PCIe root: weighed, or required where roots are known."""

import dataclasses

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from nfv_sched import fit
from nfv_sched.fit import gap
from nfv_sched.fit import node_options
from nfv_sched.model import NodeChoice
from nfv_sched.model import Resource
from nfv_sched.nova import request_spec
from nfv_sched_testing import builders
from nfv_sched_testing import strategies
from nfv_sched_testing.budgets import examples
from nfv_sched_testing.weighing import request
from nfv_sched_testing.weighing import vfs

A, B = 'pci0000:10', 'pci0000:20'


def evaluation(policy, roots, devices, count=2, nodes=(0,)):
    """A guest of one node, on a host whose cards are below these roots."""
    scene = builders.scene(
        [builders.host_cell(n, cores=4, pages={2048: 512}) for n in nodes],
        [builders.guest_cell(0, pagesize=2048)],
        devices,
        [request(count, 'required')],
    )
    guest = dataclasses.replace(
        request_spec.read_guest(scene.spec), pcie_policy=policy
    )
    return fit.Evaluation(
        fit.FitRequest(guest), with_roots(builders.host_of(scene), roots)
    )


def with_roots(host, roots):
    return host.evolve(
        pools=tuple(
            pool.evolve(pcie_root=roots.get(pool.address))
            for pool in host.pools
        )
    )


def verdict(*args, **options):
    found = evaluation(*args, **options)
    no_providers = found.fit_request.no_providers
    answer = found.verdict(no_providers)
    refusal = found.refusal(no_providers)
    assert (refusal.reasons if refusal else ()) == answer.reasons
    return answer


FIRST, SECOND = '0000:10:00.0', '0000:11:00.0'
#: One VF on each of two cards.
APART = [*vfs(0, '10', 1), *vfs(0, '11', 1)]


@pytest.mark.parametrize('policy', [None, 'preferred'])
def test_what_is_not_required_is_not_refused(policy):
    assert verdict(policy, {FIRST: A, SECOND: B}, APART).fits


def test_devices_below_several_roots_are_refused_where_one_is_required():
    answer = verdict('required', {FIRST: A, SECOND: B}, APART)
    [reason] = answer.reasons
    assert reason.resource is Resource.PCIE_ROOT
    assert 'below 2 PCIe roots, pci0000:10, pci0000:20' in reason.text
    assert verdict('required', {FIRST: A, SECOND: A}, APART).fits


@pytest.mark.parametrize('roots', [{}, {FIRST: A}, {SECOND: B}])
def test_an_unknown_root_is_accepted(roots):
    assert verdict('required', roots, APART).fits


def test_only_the_devices_that_the_claim_takes_count():
    # It takes both from the first card, and never tries others.
    three = [*vfs(0, '10', 2), *vfs(0, '11', 1)]
    answer = verdict('required', {FIRST: A, SECOND: B}, three)
    assert [taken.count for taken in answer.outcome.devices] == [2]
    assert verdict('required', {FIRST: A, SECOND: B}, three, count=3).reasons
    assert verdict('required', {FIRST: A, SECOND: B}, APART, count=1).fits


def test_a_guest_without_numa_topology_is_refused_as_well():
    scene = builders.scene(
        [builders.host_cell(0, cores=4)],
        [],
        APART,
        [request(2, 'required')],
    )
    guest = request_spec.read_guest(scene.spec)
    host = with_roots(builders.host_of(scene), {FIRST: A, SECOND: B})
    assert fit.evaluate(guest, host).fits
    asking = dataclasses.replace(guest, pcie_policy='required')
    [reason] = fit.evaluate(asking, host).reasons
    assert reason.resource is Resource.PCIE_ROOT


@pytest.mark.parametrize(
    ('roots', 'score'),
    [
        ({FIRST: A, SECOND: A}, 0),
        ({FIRST: A, SECOND: B}, 1 / 2),
        # An unknown root is taken to be another one.
        ({FIRST: A}, 1 / 2),
        ({}, 1 / 2),
    ],
)
def test_each_further_root_is_worse(roots, score):
    found = evaluation('preferred', roots, APART)
    outcome = found.verdict(found.fit_request.no_providers).outcome
    locality = fit.locality(found.guest, found.host, outcome, {})
    assert locality.roots == score
    assert locality.penalty(found.guest) == score / 2
    spread = dataclasses.replace(found.guest, spread_functions=True)
    assert locality.penalty(spread) == pytest.approx(score / 3)


def test_three_roots_are_worse_than_two():
    third = '0000:12:00.0'
    devices = [*APART, *vfs(0, '12', 1)]

    def score(roots):
        found = evaluation('preferred', roots, devices, count=3)
        outcome = found.verdict(found.fit_request.no_providers).outcome
        return fit.locality(found.guest, found.host, outcome, {}).roots

    two = score({FIRST: A, SECOND: A, third: B})
    assert 0 < two < score({FIRST: A, SECOND: B, third: 'pci0000:30'}) < 1


def test_devices_without_an_address_count_one_by_one():
    found = evaluation('preferred', {}, vfs(0, '10', 2))
    host = found.host.evolve(
        pools=tuple(pool.evolve(address=None) for pool in found.host.pools)
    )
    outcome = fit.evaluate(found.guest, host).outcome
    assert fit.locality(found.guest, host, outcome, {}).roots == 1 / 2


def test_guests_that_do_not_ask_have_no_score():
    found = evaluation(None, {FIRST: A, SECOND: B}, APART)
    outcome = found.verdict(found.fit_request.no_providers).outcome
    assert fit.locality(found.guest, found.host, outcome, {}).roots == 0


def test_a_root_is_not_room_that_could_be_added():
    found = evaluation('required', {FIRST: A, SECOND: B}, APART)
    missing = gap.shortfall(
        found.fit_request, found.host, found.fit_request.no_providers
    )
    [reason] = missing.reasons
    assert (reason.resource, missing.all) == (Resource.PCIE_ROOT, False)
    assert gap.resource_name(reason.resource) == 'PCIe root'


def test_nodes_whose_devices_are_below_several_roots_are_no_option():
    # Node 0 has two cards, node 1 has one.
    devices = [*APART, *vfs(1, '20', 2)]
    roots = {FIRST: A, SECOND: B, '0000:20:00.0': B}
    for policy, nodes in ('required', [1]), ('preferred', [0, 1]):
        found = evaluation(policy, roots, devices, nodes=(0, 1))
        options = node_options.options(found, found.fit_request.no_providers)
        assert [
            option.outcome.cells[0].host_cell for option in options
        ] == nodes
    first = NodeChoice(excluded=frozenset({1}))
    found = evaluation('required', roots, devices, nodes=(0, 1))
    assert not node_options.outcome_within(
        found, found.fit_request.no_providers, first
    )


@given(scene=strategies.scenes(), data=st.data())
@settings(max_examples=examples(600))
def test_a_policy_never_changes_what_a_claim_takes(scene, data):
    guest = request_spec.read_guest(scene.spec)
    plain = builders.host_of(scene)
    host = plain.evolve(
        pools=tuple(
            pool.evolve(pcie_root=data.draw(st.sampled_from([None, A, B])))
            for pool in plain.pools
        )
    )
    expected = fit.evaluate(guest, plain)
    preferred = dataclasses.replace(guest, pcie_policy='preferred')
    assert fit.evaluate(preferred, host) == expected
    required = dataclasses.replace(guest, pcie_policy='required')
    answer = fit.evaluate(required, host)
    if answer.fits:
        assert answer == expected
    elif expected.fits:
        roots = {
            host.pools[taken.pool].pcie_root
            for taken in expected.outcome.devices
        }
        assert len(roots) > 1
        assert None not in roots
