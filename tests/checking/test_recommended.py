"""Every option of Nova that the installation guide sets is checked."""

import nova.conf
from oslo_upgradecheck.upgradecheck import Code
import pytest

from nfv_sched import conf
from nfv_sched.checking import CheckInput
from nfv_sched.checking import run
from nfv_sched.checking import scheduler
from nfv_sched.nova import scheduler_start
from nfv_sched.sim import settings
from nfv_sched.survey import Source
from nfv_sched.survey import Survey

CONF = nova.conf.CONF
conf.register_opts(CONF)


@pytest.fixture
def recommended(nova_options):
    """Set all options as recommended."""
    for option in conf.RECOMMENDED:
        value = option.value
        if isinstance(value, tuple):
            value = list(value)
        nova_options.set_override(option.name, value, option.group)
    return nova_options


def results():
    """The results of the checks of nova.conf, by the name of the check."""
    survey = Survey(Source.NOVA, None, ())
    facts = CheckInput(
        survey,
        conf=CONF,
        versions=[{'max_version': '1.39'}],
        start_problem=scheduler_start.problem(),
    )
    return {
        named.name: named.result
        for named in run(facts)
        if named.result.code is not Code.SUCCESS
    }


def test_nothing_is_wrong_with_what_is_recommended(recommended):
    assert results() == {}


@pytest.mark.parametrize(
    'option', conf.RECOMMENDED, ids=lambda option: option.name
)
def test_a_line_that_is_left_out_is_found(recommended, option):
    recommended.clear_override(option.name, option.group)
    texts = [
        text
        for result in results().values()
        for text in (
            result.fix,
            *(finding.fix for finding in result.findings),
        )
    ]
    assert any(option.name in text for text in texts)
    if option.name not in ('available_filters', 'enabled_filters'):
        assert any(option.line in text for text in texts) or (
            option.name == 'weight_classes'
        )


@pytest.mark.parametrize(
    ('group', 'name', 'value', 'words'),
    [
        ('scheduler', 'max_attempts', 24, '24: with several schedulers'),
        ('scheduler', 'max_attempts', 26, None),
        ('filter_scheduler', 'ram_weight_multiplier', -0.5, '-0.5: Nova'),
        (
            'filter_scheduler',
            'enabled_filters',
            ['ComputeFilter', *conf.OUR_FILTERS],
            'ServerGroupAffinityFilter left out',
        ),
    ],
)
def test_how_options_may_differ(recommended, group, name, value, words):
    recommended.set_override(name, value, group)
    result = scheduler.recommended(CONF)
    assert result.code is (Code.WARNING if words else Code.SUCCESS)
    for finding in result.findings:
        assert finding.host == f'[{group}] {name}'
        assert words in finding.text


def test_the_fix_names_every_service_that_reads_the_option(recommended):
    recommended.set_override('max_attempts', 3, 'scheduler')
    [finding] = scheduler.recommended(CONF).findings
    assert finding.fix == (
        '[scheduler] max_attempts = 25 in nova.conf of nova-scheduler and '
        'nova-conductor'
    )


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        (
            'enabled_filters',
            ['ComputeFilter', 'NUMAFitFiltr'],
            ('NUMAFitFiltr', 'did you mean NUMAFitFilter?'),
        ),
        (
            'weight_classes',
            ['nova.scheduler.weights.ram.RAMWeighr'],
            ('RAMWeighr',),
        ),
        ('weight_classes', ['nova.scheduler.weights.rum'], ('rum',)),
        (
            'available_filters',
            ['nfv_sched.filters.all_filter'],
            ('all_filter',),
        ),
        (
            'weight_classes',
            ['nfv_sched.filters.numa_fit.NUMAFitFilter'],
            ('NUMAFitFilter', 'correct type'),
        ),
    ],
)
def test_what_stops_nova_scheduler_is_a_failure(
    recommended, name, value, words
):
    assert scheduler_start.problem() is None
    recommended.set_override(name, value, 'filter_scheduler')
    result = results()['Scheduler starts']
    assert result.code is Code.FAILURE
    for word in words:
        assert word in result.details
    assert name in result.fix


def test_simulated_schedulers_have_what_is_recommended():
    profile = settings.profile_options(settings.NFV)
    for option in conf.RECOMMENDED:
        value = profile[f'{option.group}.{option.name}']
        if isinstance(value, list):
            value = tuple(value)
        assert value == option.value
