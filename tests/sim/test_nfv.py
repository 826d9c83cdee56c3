"""The same cloud under this package's filters and weighers."""

from collections.abc import Iterator
import itertools
import pathlib
import re

import nova.conf
import pytest

from nfv_sched.scenario import explain
from nfv_sched.sim import flavors
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.boot_result import Outcome
from nfv_sched.sim.cloud import Cloud
from nfv_sched_testing.clouds import cloud_of
from tests.sim.conftest import HOSTS


@pytest.fixture(scope='module')
def cloud() -> Iterator[Cloud]:
    with cloud_of(HOSTS, aliases=flavors.aliases()) as running:
        yield running


def test_the_scheduler_has_our_filters_and_weighers(cloud):
    manager = cloud.scheduler.host_manager
    names = [type(filter_).__name__ for filter_ in manager.enabled_filters]
    assert names == list(settings.NFV.enabled_filters)
    modules = {type(weigher).__module__ for weigher in manager.weighers}
    assert any(name.startswith('nfv_sched.weighers') for name in modules)
    assert any(name.startswith('nova.scheduler') for name in modules)


def test_it_is_set_up_as_the_readme_says(cloud):
    readme = pathlib.Path(__file__).parents[2] / 'README.rst'
    said = dict(re.findall(r'(?m)^ {4}(\w+) = ([\d.]+)$', readme.read_text()))
    # Of placement.conf, which no simulated cloud reads.
    del said['allocation_conflict_retry_count']
    assert len(said) == 7
    conf = nova.conf.CONF
    options = {**conf.filter_scheduler, **conf.scheduler}
    assert {name: float(options[name]) for name in said} == {
        name: float(value) for name, value in said.items()
    }


def test_no_claim_fails_until_the_cloud_is_full(cloud):
    mix = itertools.islice(flavors.arrivals(3), 30)
    guests = [guest for service in mix for guest in cloud.boot(service.flavor)]
    outcomes = {guest.outcome for guest in guests}
    assert outcomes == {Outcome.BOOTED, Outcome.NO_VALID_HOST}
    for guest in guests:
        if guest.booted:
            cloud.delete(guest)


def test_both_schedulers_serve_one_cloud(cloud):
    flavor = SimulatedFlavor(
        'one', 2, 512, extra_specs={'hw:cpu_policy': 'dedicated'}
    )
    for profile in (settings.STOCK, settings.NFV):
        scheduler = cloud.use(profile)
        assert cloud.use(profile) is scheduler
        [guest] = cloud.boot(flavor)
        assert guest.booted
        cloud.delete(guest)


def test_a_guest_without_a_host_is_explained(cloud):
    flavor = flavors.flavors()['telefonica-dataplane-1']
    [guest] = cloud.boot(flavor)
    assert guest.outcome is Outcome.NO_VALID_HOST
    explanation = explain.explain(cloud, flavor)
    assert (explanation.hosts, explanation.fitting) == (4, 0)
    assert sum(condition.hosts for condition in explanation.conditions) == 4
    [pages] = [
        condition
        for condition in explanation.conditions
        if condition.name == 'pages'
    ]
    assert pages.nearest.host == 's2600wt-4port'
    assert '12 of 16' in pages.nearest.text


def test_a_guest_with_a_host_is_told_so(cloud):
    explanation = explain.explain(cloud, flavors.flavors()['clearwater-vims'])
    assert (
        explanation.hosts,
        explanation.fitting,
        explanation.conditions,
    ) == (4, 4, ())


def test_placement_and_groups_are_conditions_too(cloud):
    group = cloud.add_group('apart', 'anti-affinity')
    plain = SimulatedFlavor('plain', 1, 512)
    guests = [cloud.boot(plain, group=group)[0] for _ in range(4)]
    explanation = explain.explain(cloud, plain, group=group)
    assert [
        (condition.name, condition.hosts)
        for condition in explanation.conditions
    ] == [('server group', 4)]
    few = cloud.add_group('few', 'anti-affinity', max_per_host=2)
    guests += cloud.boot(plain, group=few, count=5)
    assert explain.explain(cloud, plain, group=few).fitting == 3
    near = cloud.add_group('near', 'affinity')
    guests += cloud.boot(plain, group=near)
    assert explain.explain(cloud, plain, group=near).fitting == 1
    for guest in guests:
        cloud.delete(guest)
    huge = SimulatedFlavor('huge', 4, 2**20)
    explanation = explain.explain(cloud, huge)
    assert [
        (condition.name, condition.hosts)
        for condition in explanation.conditions
    ] == [('MEMORY_MB', 4)]
