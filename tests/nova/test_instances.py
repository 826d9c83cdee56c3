"""Where guests are, as far as databases answer."""

from nova import context as nova_context

from nfv_sched.nova import instances


def test_what_a_database_says_is_logged_without_its_password(
    monkeypatch, caplog
):
    def down(*_):
        raise OSError('mysql://nova:secret@host/nova is down')

    monkeypatch.setattr(nova_context, 'load_cells', lambda: None)
    monkeypatch.setattr(nova_context, 'CELLS', [])
    monkeypatch.setattr(nova_context, 'scatter_gather_cells', down)
    assert instances.find_hosts(['one']) == {}
    assert 'host/nova is down' in caplog.text
    assert 'secret' not in caplog.text
