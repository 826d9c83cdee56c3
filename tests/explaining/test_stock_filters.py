"""Explanations of a scheduler that has Nova's own filters."""

import pytest

from nfv_sched.sim import explain
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.cloud import cloud
from nfv_sched.sim.guests import Flavor
from nfv_sched.sim.guests import Port

HUGE = {
    'hw:cpu_policy': 'dedicated',
    'hw:mem_page_size': '1GB',
    'hw:numa_nodes': '1',
}


@pytest.fixture(autouse=True)
def nova_options():
    """The cloud of this module sets Nova's options."""


@pytest.fixture(scope='module')
def sky():
    with cloud(settings.STOCK) as running:
        for name in ('dell-2x6230r-64vf', 'epyc7451-4node'):
            running.add_host(name, machine.load(name))
        yield running


def conditions(found):
    assert sum(one.hosts for one in found.conditions) + found.fitting == 2
    return [(one.stage, one.name, one.hosts) for one in found.conditions]


def test_numa_topology_filter_is_told_in_our_words(sky):
    found = explain.explain(sky, Flavor('f', 2, 45056, extra_specs=HUGE))
    assert conditions(found) == [('NUMATopologyFilter', 'pages', 2)]
    assert '40 of 44 free pages of 1 GiB; everything else fits' in (
        found.conditions[0].nearest.text
    )


def test_pci_passthrough_filter_is_told_in_our_words(sky):
    flavor = Flavor('f', 2, 1024, extra_specs=HUGE, ports=(Port('nowhere'),))
    stages = {stage for stage, *_ in conditions(explain.explain(sky, flavor))}
    assert stages
    assert stages <= {'NUMATopologyFilter', 'PciPassthroughFilter'}


def test_what_else_lacks_is_of_the_other_filter(sky):
    flavor = Flavor('f', 2, 45056, extra_specs=HUGE, ports=(Port('nowhere'),))
    for finding in explain.explain(sky, flavor).findings:
        assert finding.lacks[0].condition == finding.fall.condition
        assert {(one.stage, one.condition) for one in finding.lacks} <= {
            ('NUMATopologyFilter', 'pages'),
            ('PciPassthroughFilter', 'devices'),
            (finding.fall.stage, finding.fall.condition),
        }


def test_without_any_of_them_the_claim_is_asked(sky):
    bare = settings.Profile('bare', ('ComputeFilter',))
    stock = sky.profile
    sky.use(bare)
    try:
        found = explain.explain(sky, Flavor('f', 2, 45056, extra_specs=HUGE))
        assert conditions(found) == [('claim', 'pages', 2)]
        huge = Flavor('fits', 2, 1024, extra_specs=HUGE)
        assert explain.explain(sky, huge).fitting == 2
    finally:
        sky.use(stock)
