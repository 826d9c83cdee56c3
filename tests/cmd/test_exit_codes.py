"""The page on documents has the exit codes of the commands."""

import pytest

from nfv_sched.cmd.exit_codes import ExitCode
from tests.cmd import document_page
from tests.cmd.arguments import by_hand

BIG = by_hand(2, 2**20)
SMALL = by_hand(2, 1024)


def test_the_page_has_every_code():
    rows = {(who, code) for who, code, _ in document_page.exit_codes()}
    assert rows == {
        ('all but ``check``', ExitCode.OK),
        ('all but ``check``', ExitCode.ERROR),
        ('all', ExitCode.USAGE),
        ('``explain``', ExitCode.NO),
        ('``capacity``', ExitCode.NO),
        ('``plan``', ExitCode.NO),
        ('``shadow``', ExitCode.NO),
        ('``simulate``', ExitCode.NO),
        ('``check``', 0),
        ('``check``', 1),
        ('``check``', 2),
        ('``check``', 255),
    }


@pytest.mark.parametrize(
    ('words', 'code'),
    [
        (('explain', *BIG), ExitCode.OK),
        (('explain', *BIG, '--fail-below', '1'), ExitCode.NO),
        (('explain', *SMALL, '--fail-below', '3'), ExitCode.OK),
        (('explain', *SMALL, '--fail-below', '4'), ExitCode.NO),
        (('explain', '--flavor', 'missing'), ExitCode.ERROR),
        (('capacity', *BIG), ExitCode.OK),
        (('capacity', *BIG, '--fail-below', '1'), ExitCode.NO),
        (('capacity', *BIG, '--fail-below', '0'), ExitCode.OK),
        (('capacity', '--flavor', 'missing'), ExitCode.ERROR),
        (('topology', 'missing'), ExitCode.ERROR),
        (('labels', 'missing'), ExitCode.ERROR),
    ],
)
def test_commands_end_with_it(run, words, code):
    run(*words, code=code)


def test_capacity_counts_all_flavors_together(run, flavors_of):
    flavors_of('one', 'other')
    words = ('capacity', '--flavor', 'one', '--flavor', 'other')
    total = run(*words, '--show', 'total')['total']
    placed = sum(row['instances'] for row in total)
    run(*words, '--fail-below', str(placed))
    run(*words, '--fail-below', str(placed + 1), code=ExitCode.NO)


def test_an_answer_from_incomplete_data_is_an_error(run, second_cell):
    for command in ('explain', 'capacity'):
        run(command, *BIG, '--fail-below', '1', code=ExitCode.ERROR)


@pytest.mark.parametrize(
    'words',
    [
        ('explain', *SMALL, '--fail-below', '-1'),
        ('capacity', *SMALL, '--show', 'instances'),
        ('capacity', '--after-loss', 'rack=R1', '--show', 'hosts'),
        ('check', '--show', 'nothing'),
    ],
)
def test_invalid_command_lines_do_nothing(run, words):
    with pytest.raises(SystemExit) as raised:
        run(*words)
    assert raised.value.code == ExitCode.USAGE
