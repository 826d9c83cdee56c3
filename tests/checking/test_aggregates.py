"""The checks of host aggregates: multipliers and failure domains."""

from oslo_upgradecheck.upgradecheck import Code
import pytest

from nfv_sched.checking import aggregates
from nfv_sched.model import HostTopology
from nfv_sched.nova.compute_nodes import AggregateRecord
from nfv_sched.survey import HostSurvey

KEY = 'nfv_fragmentation_weight_multiplier'
OTHERS = ('rack', 'soft_affinity_weight_multiplier', 'ram_weight_multiplier')


def multipliers(**metadata):
    return aggregates.multipliers([AggregateRecord('a', metadata)], OTHERS)


@pytest.mark.parametrize(
    ('value', 'code', 'words'),
    [
        ('2.5', Code.SUCCESS, None),
        ('0', Code.SUCCESS, None),
        ('ten', Code.WARNING, 'ten is no number'),
        ('', Code.WARNING, 'is no number'),
        ('nan', Code.FAILURE, 'nan is no weight'),
        ('inf', Code.FAILURE, 'inf is no weight'),
        ('-1', Code.WARNING, '-1 is less than 0'),
    ],
)
def test_values_are_weights(value, code, words):
    result = multipliers(**{KEY: value})
    assert result.code is code
    for finding in result.findings:
        assert finding.text.startswith(f'aggregate a: {KEY} = {value}')
        assert words in finding.text
        assert KEY in finding.fix
    assert bool(words) is bool(result.findings)


@pytest.mark.parametrize(
    ('key', 'similar'),
    [
        ('nfv_fragmentation_weight_multipler', KEY),
        ('fragmentation_weight_multiplier', KEY),
        ('nfv_frag', None),
    ],
)
def test_keys_that_no_weigher_reads(key, similar):
    result = multipliers(**{key: '1'})
    [finding] = result.findings
    assert finding.code is Code.WARNING
    assert f'unknown key {key}' in finding.text
    assert (similar or 'similar') in finding.text or similar is None


def test_keys_of_others_are_left_alone():
    metadata = dict.fromkeys(OTHERS, 'ten')
    assert multipliers(**metadata, ssd='true').findings == []


def host(name, rack=None):
    domains = {'rack': rack} if rack else {}
    return HostSurvey(name, HostTopology(name, name, domains=domains))


def texts(hosts, kinds, *records):
    result = aggregates.domains(hosts, kinds, records)
    return [finding.text for finding in result.findings]


RACK = AggregateRecord(
    'one', {'rack': 'r1', 'availability_zone': 'z'}, ('a', 'b')
)
HOSTS = [host('a', 'r1'), host('b', 'r1')]


def test_domains_of_aggregates_are_known():
    assert texts(HOSTS, ['rack'], RACK) == []
    other = AggregateRecord('two', {'Racks': 'r2'})
    assert texts(HOSTS, ['rack'], RACK, other) == [
        'aggregate two: unknown key Racks, similar to rack'
    ]
    assert texts(HOSTS, ['rack', 'row'], RACK) == [
        '[nfv_sched] failure_domains: no aggregate has the key row'
    ]
    assert texts([*HOSTS, host('c')], ['rack'], RACK) == [
        'c: no aggregate gives the rack'
    ]


def test_without_kinds_nothing_is_checked():
    result = aggregates.domains(HOSTS, [], [RACK])
    assert result.skipped
    assert 'failure_domains' in result.details


def test_a_host_in_two_racks_is_a_row():
    second = AggregateRecord('two', {'rack': 'r2'}, ('b', 'c'))
    again = AggregateRecord('again', {'rack': 'r1 '}, ('a',))
    result = aggregates.domains(HOSTS, ['rack'], [RACK, second, again])
    [finding] = result.findings
    assert finding.host == 'b'
    assert 'several failure domains of the kind rack: r1, r2' in finding.text
    assert 'aggregate remove host two b' in finding.fix
