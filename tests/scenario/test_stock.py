"""``scheduler: stock`` places as Nova's scheduler does at its defaults."""

from nova import context as nova_context
import nova.conf
from nova.scheduler import host_manager
import pytest

from nfv_sched.cmd import rich_console
from nfv_sched.cmd import simulate_view
from nfv_sched.sim import cloud as sim_cloud
from nfv_sched.sim import settings

SCENARIO = """\
scheduler: stock
machines: {low: low.yaml, middle: middle.yaml, high: high.yaml}
hosts: [{machine: low}, {machine: middle}, {machine: high}]
flavors:
  - {name: plain, vcpus: 2, ram_mib: 2048}
  - {name: pinned, vcpus: 2, ram_mib: 3072,
     extra_specs: {hw:cpu_policy: dedicated}}
steps:
  - boot: {flavor: plain, count: 4}
  - boot: {flavor: pinned, count: 3}
"""
MACHINE = """\
about: one NUMA node
dedicated: 1-7
shared: 8-{last}
cells: [{{id: 0, cpus: 0-{last}, memory_mib: {memory}}}]
"""


def multipliers():
    """Nova's weight multipliers as they are without any nova.conf."""
    return {
        f'filter_scheduler.{option.name}': option.default
        for option in nova.conf.scheduler.filter_scheduler_opts
        if option.name.endswith('_weight_multiplier')
    }


def chosen_by_nova(cloud, spec, options):
    """The host that Nova's filters and weighers choose with options."""
    defaults = {
        'filter_scheduler.weight_classes': [
            'nova.scheduler.weights.all_weighers'
        ],
        'filter_scheduler.enabled_filters': list(
            settings.STOCK.enabled_filters
        ),
        'filter_scheduler.track_instance_changes': False,
        **multipliers(),
        **options,
    }
    with settings.override(defaults):
        manager = host_manager.HostManager()
        context = nova_context.get_admin_context()
        offered = cloud.candidates(spec)
        states = [
            state
            for state in manager.get_host_states_by_uuids(context, None, spec)
            if state.host in offered
        ]
        for state in states:
            # Filters look for devices in it, of which there are none here.
            state.allocation_candidates = [{'mappings': {}}]
        passing = list(manager.get_filtered_hosts(states, spec))
        return manager.get_weighed_hosts(passing, spec)[0].obj.host


@pytest.fixture
def choices(monkeypatch):
    """For each boot: chosen in the simulation, by Nova, without weighers."""
    chosen = []
    off = {
        f'filter_scheduler.{name}_weight_multiplier': 0.0
        for name in ('ram', 'cpu', 'disk', 'pci')
    }
    real = sim_cloud.Cloud.boot

    def boot(cloud, flavor, **values):
        expected = [
            chosen_by_nova(cloud, cloud.request_spec(flavor), options)
            for options in ({}, off)
        ]
        [server] = real(cloud, flavor, **values)
        chosen.append((server.host, *expected))
        return [server]

    monkeypatch.setattr(sim_cloud.Cloud, 'boot', boot)
    return chosen


def test_stock_places_as_nova_does_at_its_defaults(scenario, choices):
    for name, last, memory in (
        ('low', 11, 8192),
        ('middle', 15, 12288),
        ('high', 23, 16384),
    ):
        scenario(MACHINE.format(last=last, memory=memory), f'{name}.yaml')
    result = simulate_view.simulate(scenario(SCENARIO), rich_console.plain())
    assert not result.failed
    assert len(choices) == 7
    placed, by_nova, without_weighers = zip(*choices, strict=True)
    assert placed == by_nova
    assert placed != without_weighers
    assert len(set(placed)) > 1
