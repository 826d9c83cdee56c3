"""The checks of nova.conf: success, warning and failure."""

import nova.conf
from oslo_upgradecheck.upgradecheck import Code
import pytest

from nfv_sched import conf as options
from nfv_sched.checking import scheduler
from nfv_sched.filters import all_filters
from nfv_sched.sim import settings
from nfv_sched.weighers import all_weighers

CONF = nova.conf.CONF
options.register_opts(CONF)
GOOD = settings.NFV


@pytest.fixture
def group(nova_options):
    """Call it to set options of [filter_scheduler]; all right at first."""

    def change(**values):
        for name, value in values.items():
            CONF.set_override(name, value, 'filter_scheduler')

    change(
        enabled_filters=list(GOOD.enabled_filters),
        available_filters=list(GOOD.available_filters),
        weight_classes=list(GOOD.weight_classes),
    )
    yield change
    for name in ('enabled_filters', 'available_filters', 'weight_classes'):
        CONF.clear_override(name, 'filter_scheduler')


def without(*names):
    return [name for name in GOOD.enabled_filters if name not in names]


def test_the_names_are_those_of_our_filters():
    assert {cls.__name__ for cls in all_filters()} == set(scheduler.OURS)
    options_of = {weigher.option for weigher in all_weighers()}
    # With one scheduler at rest two of them have nothing to do.
    assert options_of - {
        'in_flight_weight_multiplier',
        'scatter_weight_multiplier',
    } == set(scheduler._MULTIPLIERS)


def test_filters_have_to_be_enabled_and_available(group):
    assert scheduler.filters_enabled(CONF).code is Code.SUCCESS
    group(enabled_filters=without('HugePagesFilter'))
    result = scheduler.filters_enabled(CONF)
    assert result.code is Code.WARNING
    assert 'HugePagesFilter' in result.details
    group(enabled_filters=without('NUMAFitFilter'))
    result = scheduler.filters_enabled(CONF)
    assert (result.code, 'NUMAFitFilter' in result.fix) == (Code.FAILURE, True)
    group(enabled_filters=without(*scheduler.OURS))
    result = scheduler.filters_enabled(CONF)
    assert result.code is Code.FAILURE
    assert 'no filter of this package' in result.details
    group(
        enabled_filters=list(GOOD.enabled_filters),
        available_filters=['nova.scheduler.filters.all_filters'],
    )
    result = scheduler.filters_enabled(CONF)
    assert result.code is Code.FAILURE
    assert 'does not start' in result.details


def test_no_filter_twice(group):
    assert scheduler.filters_doubled(CONF).code is Code.SUCCESS
    group(enabled_filters=[*GOOD.enabled_filters, 'ComputeFilter'])
    result = scheduler.filters_doubled(CONF)
    assert result.code is Code.WARNING
    assert 'ComputeFilter' in result.details


@pytest.mark.parametrize(
    'names',
    [
        [*without('NUMAFitFilter')[:-1], 'NUMAFitFilter', 'PCINUMAFilter'],
        [*scheduler.OURS, 'ComputeFilter'],
    ],
)
def test_cheap_filters_come_first(group, names):
    assert scheduler.filters_ordered(CONF).code is Code.SUCCESS
    group(enabled_filters=names)
    result = scheduler.filters_ordered(CONF)
    assert result.code is Code.WARNING
    assert result.fix


def test_in_shadow_mode_the_stock_filters_decide(group, nova_options):
    nova_options.set_override('shadow', True, 'nfv_sched')
    result = scheduler.stock_filters(CONF)
    assert result.code is Code.FAILURE
    assert 'NUMATopologyFilter, PciPassthroughFilter' in result.fix
    stock = ['NUMATopologyFilter', 'PciPassthroughFilter']
    group(enabled_filters=[*GOOD.enabled_filters, *stock])
    result = scheduler.stock_filters(CONF)
    assert (result.code, result.fix) == (
        Code.WARNING,
        'set [nfv_sched] journal_folder',
    )
    nova_options.set_override('journal_folder', '/journal', 'nfv_sched')
    assert scheduler.stock_filters(CONF).code is Code.SUCCESS


def test_stock_filters_are_not_left_beside_ours(group):
    assert scheduler.stock_filters(CONF).code is Code.SUCCESS
    group(enabled_filters=[*GOOD.enabled_filters, 'NUMATopologyFilter'])
    result = scheduler.stock_filters(CONF)
    assert result.code is Code.WARNING
    assert 'NUMATopologyFilter' in result.fix
    group(enabled_filters=['NUMATopologyFilter'])
    assert scheduler.stock_filters(CONF).code is Code.SUCCESS


def test_no_filter_replaces_the_limits_that_choose_nodes(group, nova_options):
    nova_options.set_override('choose_nodes', True, 'nfv_sched')
    assert scheduler.stock_filters(CONF).code is Code.SUCCESS
    group(enabled_filters=[*GOOD.enabled_filters, 'NUMATopologyFilter'])
    result = scheduler.stock_filters(CONF)
    assert result.code is Code.FAILURE
    assert 'limits' in result.details
    group(enabled_filters=['NUMATopologyFilter', *GOOD.enabled_filters])
    assert scheduler.stock_filters(CONF).code is Code.WARNING


def test_weighers_are_there_once(group):
    assert scheduler.weighers(CONF).code is Code.SUCCESS
    stock = 'nova.scheduler.weights.all_weighers'
    ours = 'nfv_sched.weighers.all_weighers'
    single = 'nfv_sched.weighers.fragmentation.FragmentationWeigher'
    for classes in ([stock], [stock, ours, ours], [stock, ours, single]):
        group(weight_classes=classes)
        result = scheduler.weighers(CONF)
        assert result.code is Code.WARNING
        assert 'weight_classes' in result.fix


def test_multipliers_of_nova_do_not_outweigh_ours(group):
    assert scheduler.multipliers(CONF).code is Code.SUCCESS
    name = 'num_instances_weight_multiplier'
    group(**{name: -20.0})
    result = scheduler.multipliers(CONF)
    assert result.code is Code.WARNING
    assert f'{name} = -20' in result.details
    assert 'build_failure' not in result.details
    CONF.clear_override(name, 'filter_scheduler')
    CONF.set_override('affinity_weight_multiplier', 0.0, 'nfv_sched')
    result = scheduler.multipliers(CONF)
    assert result.code is Code.WARNING
    assert 'affinity_weight_multiplier is 0' in result.details


def test_concurrent_boots_are_not_sent_to_the_same_hosts(group, nova_options):
    nova_options.set_override('in_flight_weight_multiplier', 2.0, 'nfv_sched')
    result = scheduler.boots_at_once(CONF)
    assert result.code is Code.WARNING
    assert 'io_ops_weight_multiplier = -1 and build' in result.details
    for name in ('io_ops', 'build_failure'):
        assert f'{name}_weight_multiplier = 0' in result.fix
        nova_options.set_override(
            f'{name}_weight_multiplier', 0.0, 'filter_scheduler'
        )
    assert scheduler.boots_at_once(CONF).code is Code.SUCCESS
    nova_options.set_override(
        'build_failure_weight_multiplier', 1.0, 'filter_scheduler'
    )
    result = scheduler.boots_at_once(CONF)
    assert 'io_ops' not in result.details
    nova_options.set_override('in_flight_weight_multiplier', 0.0, 'nfv_sched')
    assert scheduler.boots_at_once(CONF).skipped


def test_the_fallback_query_is_off_where_no_host_needs_it(nova_options):
    def code(*, dedicate):
        return scheduler.fallback_query(
            CONF, every_host_dedicates=dedicate
        ).code

    assert code(dedicate=False) is Code.SUCCESS
    assert code(dedicate=True) is Code.WARNING
    CONF.set_override('disable_fallback_pcpu_query', True, 'workarounds')
    assert code(dedicate=True) is Code.SUCCESS


def test_placement_may_return_every_host(nova_options):
    assert scheduler.placement_results(CONF, 1000).code is Code.SUCCESS
    result = scheduler.placement_results(CONF, 1001)
    assert result.code is Code.WARNING
    assert '1001' in result.fix


@pytest.mark.parametrize(
    ('names', 'start'),
    [
        (['HugePagesFilter'], 'HugePagesFilter is not enabled: '),
        (
            ['HugePagesFilter', 'PCINUMAFilter'],
            'HugePagesFilter, PCINUMAFilter are not enabled: ',
        ),
    ],
)
def test_a_verb_agrees_with_the_number_of_names(group, names, start):
    group(enabled_filters=without(*names))
    assert scheduler.filters_enabled(CONF).details.startswith(start)
