"""Plans as scripts that an operator runs."""

import pathlib
import subprocess

import pytest
import yaml

from nfv_sched.plan import scripts
from nfv_sched.plan.values import Method
from nfv_sched.plan.values import Plan
from nfv_sched.plan.values import PredictedClaim
from nfv_sched.plan.values import Step
from nfv_sched.plan.values import Unplaced

NASTY = 'vnf $(touch /tmp/x)\n{{ lookup("env", "HOME") }}'
PLAN = Plan(
    (
        Step(
            1, Method.LIVE, 'u1', NASTY, 'f', 'a', 'b', PredictedClaim(), 1024
        ),
        Step(
            2,
            Method.COLD,
            'u2',
            'second',
            'f',
            'a',
            'c',
            PredictedClaim(),
            2048,
        ),
        Step(
            3,
            Method.EVACUATION,
            'u3',
            'third',
            'f',
            'a',
            'c',
            PredictedClaim(),
            0,
        ),
        Step(
            4, Method.BOOT, None, 'new 1', 'f', None, 'a', PredictedClaim(), 0
        ),
    ),
    (Unplaced('u5', NASTY, 'f', 'a', 'pages', 'no room'),),
)

OPENSTACK = """\
#!/usr/bin/env bash
echo "$@" >> {calls}
if [ "$2" = show ]; then
    case "${{@: -1}}" in
        u1) echo b ;;
        *) echo {second} ;;
    esac
fi
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a script; the calls of openstack that it makes."""

    def shell(text, second):
        calls = tmp_path / 'calls'
        calls.touch()
        command = tmp_path / 'openstack'
        command.write_text(OPENSTACK.format(calls=calls, second=second))
        command.chmod(0o755)
        monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
        script = tmp_path / 'plan.sh'
        script.write_text(text)
        ended = subprocess.run(
            ['/bin/bash', str(script)],
            capture_output=True,
            text=True,
            check=False,
        )
        return ended, calls.read_text().splitlines()

    return shell


def test_a_shell_script_makes_the_steps(run):
    ended, calls = run(scripts.shell(PLAN, NASTY), 'c')
    assert (ended.returncode, ended.stderr) == (0, '')
    show = 'server show -f value -c OS-EXT-SRV-ATTR:host'
    assert calls == [
        'server migrate --live-migration --host b --wait u1',
        f'{show} u1',
        'server migrate --host c --wait u2',
        'server migration confirm u2',
        f'{show} u2',
        'server evacuate --host c --wait u3',
        f'{show} u3',
    ]
    assert not pathlib.Path('/tmp/x').exists()  # noqa: S108


def test_a_shell_script_stops_where_an_instance_landed_elsewhere(run):
    ended, calls = run(scripts.shell(PLAN, 'drain'), 'd')
    assert ended.returncode == 1
    assert ended.stderr == 'u2 is on d and not on c: make a new plan\n'
    assert not any('u3' in call for call in calls)


def test_a_playbook_makes_the_steps():
    [play] = yaml.safe_load(scripts.ansible(PLAN, 'drain'))
    commands = [
        ' '.join(task['ansible.builtin.command']['argv'])
        for task in play['tasks']
    ]
    assert [each for each in commands if ' show ' not in each] == [
        'openstack server migrate --live-migration --host b --wait u1',
        'openstack server migrate --host c --wait u2',
        'openstack server migration confirm u2',
        'openstack server evacuate --host c --wait u3',
    ]
    assert [
        task['failed_when'] for task in play['tasks'] if 'register' in task
    ] == [
        'host.stdout != "b"',
        'host.stdout != "c"',
        'host.stdout != "c"',
    ]
    # Ansible evaluates what is in double braces.
    assert '{{' not in scripts.ansible(PLAN, NASTY)
