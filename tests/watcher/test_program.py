"""Plans as Watcher's strategies read them; without Watcher."""

import json
import stat

import pytest

from nfv_sched_watcher.program import moves
from nfv_sched_watcher.program import Program
from nfv_sched_watcher.program import ProgramError


def step(number, after=(), uuid='guest', method='live migration'):
    return {
        'step': number,
        'method': method,
        'uuid': uuid and f'{uuid}{number}',
        'name': f'vnf{number}',
        'source': 'a',
        'destination': 'b',
        'after': list(after),
    }


def test_what_waits_for_a_boot_waits_for_what_that_waits_for():
    found = moves(
        {
            'steps': [
                step(1),
                step(2, method='cold migration'),
                step(3, [1, 2], uuid=None, method='boot'),
                step(4, [3]),
                step(5, [4]),
            ]
        }
    )
    assert [(each.uuid, each.live, each.after) for each in found] == [
        ('guest1', True, ()),
        ('guest2', False, ()),
        ('guest4', True, (0, 1)),
        ('guest5', True, (2,)),
    ]


@pytest.fixture
def program(tmp_path):
    """A program that prints something, and what it was called with."""

    def made(text='{}', code=0, seconds=0):
        path = tmp_path / 'program'
        path.write_text(
            f'#!/bin/sh\necho "$@" > {tmp_path}/words\nsleep {seconds}\n'
            f"printf '%s' '{text}'\necho broken >&2\nexit {code}\n"
        )
        path.chmod(stat.S_IRWXU)
        return Program(str(path), ['one.conf', 'two.conf'], timeout=1)

    return made


@pytest.mark.parametrize('code', [0, 3])
def test_the_document_of_a_plan_is_read(program, tmp_path, code):
    found = program(json.dumps({'steps': []}), code).plan(['drain', 'cmp-1'])
    assert found == {'steps': []}
    assert (tmp_path / 'words').read_text().split() == [
        'plan', 'drain', 'cmp-1', '--format', 'json',
        '--config-file', 'one.conf', '--config-file', 'two.conf',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('values', 'why'),
    [
        # On incomplete data nothing is moved.
        ({'code': 1}, 'ended with 1: broken'),
        ({'text': 'no document'}, 'printed no document: broken'),
        ({'seconds': 3}, 'timed out'),
    ],
)
def test_there_is_no_plan_without_a_document(program, values, why):
    with pytest.raises(ProgramError, match=why):
        program(**values).plan(['drain'])


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(ProgramError, match='/nowhere/nfv-sched'):
        Program('/nowhere/nfv-sched').plan(['drain'])
