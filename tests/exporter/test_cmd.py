"""The service's command line."""

import pytest

from nfv_sched.cmd import exporter
from nfv_sched.nova import config as nova_config


@pytest.mark.parametrize(
    'words',
    [
        ['--listen', '9817'],
        ['--interval', '0'],
        ['--interval', 'nan'],
        ['--full-interval', '-1'],
        ['--max-flavors', '-1'],
        ['--max-hosts', 'x'],
        ['--loss-share', '1.1'],
        ['--loss-share', 'nan'],
    ],
    ids=' '.join,
)
def test_bad_values_are_refused(words, capsys):
    with pytest.raises(SystemExit) as ended:
        exporter.parser().parse_args(words)
    assert ended.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_it_listens_on_loopback_by_default():
    parsed = exporter.parser().parse_args([])
    assert parsed.listen == ('127.0.0.1', 9817)


def test_it_ends_without_a_database(monkeypatch, capsys):
    monkeypatch.setattr(nova_config, 'configure', lambda files: None)
    assert exporter.main([]) == 2
    assert '[api_database]' in capsys.readouterr().err
