"""The checks of Placement: success, warning and failure."""

from oslo_config import cfg
from oslo_upgradecheck.upgradecheck import Code
from placement import conf as placement_conf
import pytest

from nfv_sched.checking import placement
from nfv_sched.model import DevicePool
from nfv_sched.model import Host
from nfv_sched.model import HostTopology
from nfv_sched.survey import HostSurvey


@pytest.fixture
def options(tmp_path):
    def read(text):
        path = tmp_path / 'placement.conf'
        path.write_text(f'[placement]\n{text}\n')
        return placement.config([str(path)])

    return read


def test_without_its_file_placement_is_not_checked():
    assert placement.config([]) is None
    for result in (
        placement.retries(None),
        placement.candidates(None, 9),
        placement.generation(None, []),
        placement.wide_trees(None, []),
    ):
        assert result.skipped
        assert result.code is Code.SUCCESS
        assert '--placement-config-file' in result.details


def test_retries_that_overbook_are_reported(options):
    result = placement.retries(options(''))
    assert result.code is Code.WARNING
    assert 'allocation_conflict_retry_count = 10' in result.details
    good = options('allocation_conflict_retry_count = 1')
    assert placement.retries(good).code is Code.SUCCESS


def test_a_limit_below_the_hosts_is_reported(options):
    assert placement.candidates(options(''), 9).code is Code.SUCCESS
    low = options('max_allocation_candidates = 8')
    assert placement.candidates(low, 9).code is Code.FAILURE
    assert placement.candidates(low, 8).code is Code.SUCCESS


def test_a_wrong_file_is_an_error(options, tmp_path):
    with pytest.raises(cfg.Error):
        placement.config([str(tmp_path / 'nothing.conf')])
    with pytest.raises(cfg.ConfigFileValueError):
        options('max_allocation_candidates = many')


@pytest.mark.parametrize(
    ('newest', 'code'),
    [
        ('1.39', Code.SUCCESS),
        ('1.100', Code.SUCCESS),
        ('2.0', Code.SUCCESS),
        ('1.38', Code.FAILURE),
        ('1.4', Code.FAILURE),
        ('', Code.FAILURE),
    ],
)
def test_old_placements_are_reported(newest, code):
    versions = [{'id': 'v1.0', 'max_version': newest, 'min_version': '1.0'}]
    assert placement.microversion(versions).code is code
    assert placement.microversion([]).code is Code.FAILURE


def with_devices(name, count):
    """A host with PCI devices in Placement, each with a provider."""
    pools = tuple(
        DevicePool('8086', '1572', 'type-PF', 1, rp_uuid=f'{name}-{number}')
        for number in range(count)
    )
    return HostSurvey(name, HostTopology(name, name), Host(name, (), pools))


def test_candidates_come_from_all_hosts_with_devices(options):
    hosts = [with_devices('a', 2)]
    result = placement.generation(options(''), hosts)
    assert result.code is Code.WARNING
    assert 'depth-first' in result.details
    good = options('allocation_candidates_generation_strategy = breadth-first')
    result = placement.generation(good, hosts)
    assert (result.code, result.skipped) == (Code.SUCCESS, False)
    assert placement.generation(options(''), [with_devices('b', 0)]).skipped


def test_wide_trees_are_optimized(options):
    hosts = [with_devices('a', 8), with_devices('b', 7)]
    result = placement.wide_trees(options(''), hosts)
    assert result.code is Code.WARNING
    assert '1 host with 8 or more PCI devices in Placement: a' in (
        result.details
    )
    good = options('[workarounds]\noptimize_for_wide_provider_trees = true')
    result = placement.wide_trees(good, hosts)
    assert (result.code, result.skipped) == (Code.SUCCESS, False)
    assert placement.wide_trees(options(''), hosts[1:]).skipped


def test_the_options_are_those_of_placement():
    known = cfg.ConfigOpts()
    placement_conf.register_opts(known)
    for group, ours in placement._OPTIONS.items():
        # Placement 13 has no workarounds.
        if group != 'workarounds' or group in known:
            for option in ours:
                assert known[group][option.name] == option.default
