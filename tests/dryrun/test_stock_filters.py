"""Explanations of a scheduler that has Nova's own filters."""

import pytest

from nfv_sched.scenario import explain
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import Port
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched_testing.clouds import cloud_of
from nfv_sched_testing.clouds import HUGE
from nfv_sched_testing.clouds import nova_options  # noqa: F401 - a fixture


@pytest.fixture(scope='module')
def cloud():
    hosts = ('dell-2x6230r-64vf', 'epyc7451-4node')
    with cloud_of(hosts, settings.STOCK) as running:
        yield running


def conditions(explanation):
    assert (
        sum(condition.hosts for condition in explanation.conditions)
        + explanation.fitting
        == 2
    )
    return [
        (condition.stage, condition.name, condition.hosts)
        for condition in explanation.conditions
    ]


def test_numa_topology_filter_is_told_in_our_words(cloud):
    explanation = explain.explain(
        cloud, SimulatedFlavor('f', 2, 45056, extra_specs=HUGE)
    )
    assert conditions(explanation) == [('NUMATopologyFilter', 'pages', 2)]
    assert '40 of 44 free pages of 1 GiB; everything else fits' in (
        explanation.conditions[0].nearest.text
    )


def test_pci_passthrough_filter_is_told_in_our_words(cloud):
    flavor = SimulatedFlavor(
        'f', 2, 1024, extra_specs=HUGE, ports=(Port('nowhere'),)
    )
    stages = {
        stage for stage, *_ in conditions(explain.explain(cloud, flavor))
    }
    assert stages
    assert stages <= {'NUMATopologyFilter', 'PciPassthroughFilter'}


def test_what_else_lacks_is_of_the_other_filter(cloud):
    flavor = SimulatedFlavor(
        'f', 2, 45056, extra_specs=HUGE, ports=(Port('nowhere'),)
    )
    for finding in explain.explain(cloud, flavor).findings:
        assert finding.blockers[0].condition == finding.first_blocker.condition
        assert {
            (blocker.stage, blocker.condition) for blocker in finding.blockers
        } <= {
            ('NUMATopologyFilter', 'pages'),
            ('PciPassthroughFilter', 'devices'),
            (finding.first_blocker.stage, finding.first_blocker.condition),
        }


def test_without_any_of_them_the_claim_is_asked(cloud):
    bare = settings.Profile('bare', ('ComputeFilter',))
    stock = cloud.profile
    cloud.use(bare)
    try:
        explanation = explain.explain(
            cloud, SimulatedFlavor('f', 2, 45056, extra_specs=HUGE)
        )
        assert conditions(explanation) == [('claim', 'pages', 2)]
        huge = SimulatedFlavor('fits', 2, 1024, extra_specs=HUGE)
        assert explain.explain(cloud, huge).fitting == 2
    finally:
        cloud.use(stock)
