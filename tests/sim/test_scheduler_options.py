"""Options that name filters and weighers reach whatever schedules."""

from nova import objects
import nova.conf
import pytest

from nfv_sched.cmd import demo_view
from nfv_sched.cmd import rich_console
from nfv_sched.cmd import simulate_view
from nfv_sched.cmd.main import main
from nfv_sched.nova import config as nova_config
from nfv_sched.scenario import explain
from nfv_sched.sim import flavors
from nfv_sched.sim import machine
from nfv_sched.sim import settings
from nfv_sched.sim.boot_request import SimulatedFlavor
from nfv_sched.sim.cloud import simulated_cloud

FILTER = 'IsolatedHostsFilter'
PLAIN = SimulatedFlavor('plain', 1, 512)
GROUP = 'filter_scheduler'


def options(form):
    """Options whose filter refuses the only host; lists are text or lists."""
    classes = {
        'enabled_filters': ['ComputeFilter', FILTER],
        'available_filters': [
            'nova.scheduler.filters.compute_filter.ComputeFilter',
            f'nova.scheduler.filters.isolated_hosts_filter.{FILTER}',
        ],
        'weight_classes': [
            'nova.scheduler.weights.ram.RAMWeigher',
            'nova.scheduler.weights.cpu.CPUWeigher',
        ],
        'isolated_hosts': ['one'],
    }
    return {
        f'{GROUP}.{name}': values if form is list else ', '.join(values)
        for name, values in classes.items()
    }


@pytest.fixture(params=[list, str], ids=['lists', 'text'])
def cloud(request):
    with simulated_cloud(options=options(request.param)) as running:
        running.add_host('one', machine.load('epyc7451-4node'))
        yield running


def test_the_scheduler_has_them(cloud):
    manager = cloud.scheduler.host_manager
    filters = [type(filter_).__name__ for filter_ in manager.enabled_filters]
    assert filters == ['ComputeFilter', FILTER]
    weighers = {type(weigher).__name__ for weigher in manager.weighers}
    assert weighers == {'RAMWeigher', 'CPUWeigher'}
    assert not cloud.boot(PLAIN)[0].booted


def test_the_profile_says_them(cloud):
    assert cloud.profile.enabled_filters == ('ComputeFilter', FILTER)
    assert len(cloud.profile.available_filters) == 2
    assert len(cloud.profile.weight_classes) == 2
    assert not {
        name for name in cloud.profile.options if name.endswith('_filters')
    }


def test_another_scheduler_of_the_cloud_has_them(cloud):
    cloud.use(settings.STOCK)
    assert cloud.profile.enabled_filters == ('ComputeFilter', FILTER)
    assert not cloud.boot(PLAIN)[0].booted


def test_explanations_have_them(cloud):
    explanation = explain.explain(cloud, PLAIN)
    assert [condition.stage for condition in explanation.conditions] == [
        FILTER
    ]


def test_the_demo_has_them(cloud):
    run = demo_view.DemoRun(cloud)
    run.explain(run.boot(demo_view.DemoBoot('x', flavors.Service('x', PLAIN))))
    [(_, explanation)] = run.refusals.values()
    assert [condition.stage for condition in explanation.conditions] == [
        FILTER
    ]


def test_the_report_has_them(cloud, monkeypatch, tmp_path):
    monkeypatch.setattr(nova_config, 'configure', lambda files: None)
    monkeypatch.setattr(
        nova_config, 'placement_adapter', lambda: cloud.placement
    )
    objects.Flavor(
        cloud.context,
        name='plain',
        vcpus=1,
        memory_mb=512,
        root_gb=1,
        ephemeral_gb=0,
        swap=0,
        rxtx_factor=1.0,
        flavorid='plain',
    ).create()
    page = tmp_path / 'page.html'
    main(['report', '--output', str(page), '--flavor', 'plain'])
    assert f'{FILTER} (1)' in page.read_text()


@pytest.mark.parametrize('form', [list, str])
def test_a_simulation_has_them(form, tmp_path):
    path = tmp_path / 'what-if.yaml'
    lines = [f'  {name}: {value}' for name, value in options(form).items()]
    path.write_text(
        '\n'.join(['options:', *lines])
        + """
hosts: [{machine: epyc7451-4node, name: one}]
flavors: [{name: plain, vcpus: 1, ram_mib: 512}]
steps: [{boot: {flavor: plain}}]
"""
    )
    [why] = simulate_view.simulate(path, rich_console.plain()).run.whys
    assert [condition.stage for condition in why.explanation.conditions] == [
        FILTER
    ]


def test_options_are_as_before_where_one_is_wrong():
    name = f'{GROUP}.max_instances_per_host'
    before = nova.conf.CONF.filter_scheduler.max_instances_per_host
    wrong = {name: before + 1, f'{GROUP}.host_subset_size': 'many'}
    with pytest.raises(ValueError, match='many'), settings.override(wrong):
        pass
    assert nova.conf.CONF.filter_scheduler.max_instances_per_host == before
