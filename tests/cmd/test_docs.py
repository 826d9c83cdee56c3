"""Every command on the page for operators is run."""

import pathlib
import re
import shlex

import pytest

PAGE = pathlib.Path(__file__).parents[2] / 'doc/source/operator.rst'
_COMMAND = re.compile(r'^ +(?:\$ )?nfv-sched ((?:explain|capacity|check) .*)')
COMMANDS = [
    match[1]
    for pipeline in PAGE.read_text().splitlines()
    if (match := _COMMAND.match(pipeline))
]


def test_the_page_has_commands():
    assert len(COMMANDS) >= 8
    for name in ('explain', 'capacity', 'check'):
        assert any(command.startswith(name) for command in COMMANDS)


@pytest.mark.parametrize('command', COMMANDS)
def test_each_runs(command, run, flavors_of, guests_of, tmp_path, lab):
    flavors_of('vims', 'vrouter')
    if '--server' in command:
        [guest] = guests_of()
        command = re.sub(r'--server \S+', f'--server {guest.uuid}', command)
    lab('vims')
    path = tmp_path / 'placement.conf'
    path.write_text('[placement]\nallocation_conflict_retry_count = 1\n')
    words = shlex.split(
        command.replace('/etc/placement/placement.conf', str(path))
    )
    chosen = () if '-f' in words else ('-f', 'table')
    assert run(*words, *chosen)
