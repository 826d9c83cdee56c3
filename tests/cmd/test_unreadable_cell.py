"""A Nova cell that cannot be read is one problem, the same everywhere."""

import pytest

from nfv_sched.cmd.main import main
from nfv_sched.nova import node_topologies
from nfv_sched.placement.client import PlacementClient
from nfv_sched.placement.removal import prune
from nfv_sched.publishing.cells import CellsSource
from nfv_sched.publishing.pass_report import PassReport


@pytest.fixture
def problem(second_cell):
    """The line of a second Nova cell, whose database is not there."""
    [line] = node_topologies.read_all().problems
    assert line == (
        f'{second_cell}DBNonExistentDatabase: (sqlite3.OperationalError) '
        'unable to open database file'
    )
    return line


@pytest.mark.parametrize(
    ('words', 'code'),
    [
        (('topology',), 1),
        (('topology', '--summary'), 1),
        (('capacity', '--flavor', 'small'), 1),
        (('capacity', '--flavor', 'small', '--flavor', 'large'), 1),
        (('explain', '--flavor', 'small'), 1),
    ],
)
def test_a_command_shows_it_once(run, problem, flavors_of, words, code):
    flavors_of('small', 'large')
    assert run(*words, code=code)
    assert run.err.count('cell2') == 1
    assert f'Not read: {problem}\n' in run.err


def test_capacity_after_a_loss_shows_it_once(run, problem, guests_of):
    [guest] = guests_of(1)
    assert run('capacity', '--after-loss', f'host={guest.host}', code=1)
    assert run.err.count('cell2') == 1
    assert f'Not read: {problem}\n' in run.err


def test_the_report_shows_it_once(run, problem, flavors_of, tmp_path, capsys):
    flavors_of('small')
    page = str(tmp_path / 'cloud.html')
    assert main(['report', '--output', page, '--flavor', 'small']) == 1
    err = capsys.readouterr().err
    assert err.count('cell2') == 1
    assert f'Not read: {problem}\n' in err


def test_publish_and_check_show_it(run, problem, caplog):
    assert run('publish', '--dry-run', code=1)
    assert f'Not published: {problem}' in caplog.messages
    checks = run('check', code=2)['checks']
    rows = {row['check']: row for row in checks}
    assert rows['Records readable']['details'] == problem


def test_a_pass_of_the_publisher_reports_it(cloud, problem):
    client = PlacementClient(cloud.placement)
    report = PassReport('none')
    try:
        CellsSource().run(client, report)
        assert report.problems == [problem]
        assert report.written == 3
        assert not report.finished
    finally:
        prune(client, [])
