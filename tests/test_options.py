"""Options that were renamed are still read under their old names."""

from oslo_config import cfg
import pytest

from nfv_sched import conf

RENAMED = [
    (conf.GROUP, 'placement', 'host_selection', 'spread'),
    (conf.PUBLISHER_GROUP, 'grace', 'orphan_grace_period', 17),
    (conf.PUBLISHER_GROUP, 'interval', 'pass_interval', 17),
]


def _read(path, text):
    path.write_text(text)
    options = cfg.ConfigOpts()
    conf.register_opts(options)
    options([], project='nova', default_config_files=[str(path)])
    return options


@pytest.mark.parametrize(('group', 'old', 'new', 'value'), RENAMED)
def test_an_old_name_is_still_read(tmp_path, group, old, new, value):
    options = _read(tmp_path / 'old.conf', f'[{group}]\n{old} = {value}\n')
    assert options[group][new] == value


@pytest.mark.parametrize(('group', 'old', 'new', 'value'), RENAMED)
def test_the_new_name_wins(tmp_path, group, old, new, value):
    default = {option.name: option.default for option in _options(group)}[new]
    options = _read(
        tmp_path / 'both.conf',
        f'[{group}]\n{old} = {value}\n{new} = {default}\n',
    )
    assert options[group][new] == default


def _options(group):
    return dict(conf.list_opts())[group]
