"""What the package offers to others by name."""

from importlib import metadata
import pathlib

from oslo_config import generator
import pytest

from nfv_sched import conf
from nfv_sched import extra_specs
from nfv_sched import plugin_loader

GROUPS = {
    'nfv_sched.filters': {
        'HugePagesFilter',
        'CPUPinningFilter',
        'PCINUMAFilter',
        'NUMAFitFilter',
    },
    'nfv_sched.weighers': {
        'AffinityWeigher',
        'AntiAffinityWeigher',
        'FragmentationWeigher',
        'InFlightWeigher',
        'PCILocalityWeigher',
        'ScatterWeigher',
    },
}


@pytest.mark.parametrize('group', sorted(GROUPS))
def test_entry_points_load_the_classes_that_users_name(group):
    assert {cls.__name__ for cls in plugin_loader.classes(group)} == GROUPS[
        group
    ]


def test_a_broken_entry_point_stops_the_scheduler(monkeypatch):
    class Broken(metadata.EntryPoint):
        def load(self):
            raise ImportError('broken')

    monkeypatch.setattr(
        plugin_loader.stevedore.ExtensionManager,
        'list_entry_points',
        lambda self: [Broken('x', 'y:z', 'broken.group')],
    )
    with pytest.raises(ImportError, match='broken'):
        plugin_loader.classes('broken.group')


def test_the_config_generator_prints_every_option_with_its_help(tmp_path):
    sample = tmp_path / 'sample.conf'
    generator.main(['--namespace', 'nfv_sched', '--output-file', str(sample)])
    text = sample.read_text()
    assert '[nfv_sched]' in text
    for option in conf.ALL_OPTS:
        assert f'#{option.name} =' in text
        assert len(option.help) > 80


def test_the_sample_configuration_is_up_to_date(tmp_path):
    """If not: oslo-config-generator --namespace nfv_sched > that file."""
    sample = tmp_path / 'sample.conf'
    generator.main(['--namespace', 'nfv_sched', '--output-file', str(sample)])
    shipped = pathlib.Path(__file__).parents[1] / 'etc/nfv_sched.conf.sample'
    assert shipped.read_text() == sample.read_text()


def test_novas_api_loads_our_validators():
    (point,) = metadata.entry_points(
        group='nova.api.extra_spec_validators', name='nfv_sched'
    )
    assert point.load() is extra_specs
    assert isinstance(extra_specs.register(), list)
