"""What the command needs in order to start."""

import importlib
from importlib import metadata
import subprocess
import sys

from cliff import commandmanager
import pytest

from nfv_sched.cmd import command_manager
from nfv_sched.cmd import explain
from nfv_sched.cmd import plan
from nfv_sched.cmd import plan_action
from nfv_sched.nova.move_request import Purpose
from nfv_sched.plan.cloud_plans import METHODS

_GROUP = 'nfv_sched.commands'
_LOADED = """
import sys
from nfv_sched.cmd import main
try:
    main.main(sys.argv[1:])
except SystemExit:
    pass
print('loaded:', sorted({name.split('.')[0] for name in sys.modules}))
"""


def started(*words):
    """Output of the command, its errors, and the packages that it loaded."""
    process = subprocess.run(
        [sys.executable, '-c', _LOADED, *words],
        capture_output=True,
        text=True,
        check=True,
    )
    *output, loaded = process.stdout.splitlines()
    assert "'cliff'" in loaded
    return output, process.stderr, loaded


@pytest.mark.parametrize(
    'words',
    [
        ('--help',),
        ('--version',),
        ('help',),
        ('complete',),
        ('complete', '--shell', 'zsh'),
    ],
)
def test_lists_of_commands_do_not_import_nova(words):
    output, errors, loaded = started(*words)
    for package in ('nova', 'sqlalchemy', 'eventlet'):
        assert f"'{package}'" not in loaded
    assert output
    assert errors == ''


@pytest.mark.parametrize('words', ['help', '--help'])
@pytest.mark.parametrize(
    'name',
    [
        entry_point.name.replace('_', ' ')
        for entry_point in metadata.entry_points(group=_GROUP)
    ],
)
def test_the_help_of_commands_does_not_import_nova(name, words):
    typed = name.split()
    asked = ('help', *typed) if words == 'help' else (*typed, '--help')
    output, errors, loaded = started(*asked)
    for package in ('nova', 'sqlalchemy', 'eventlet', 'keystoneauth1'):
        assert f"'{package}'" not in loaded
    assert output[0].startswith(f'usage: nfv-sched {name} ')
    assert errors == ''


def test_invalid_options_are_refused_without_nova():
    output, errors, loaded = started('capacity', '--flavor')
    assert "'nova'" not in loaded
    assert not output
    assert errors.endswith('argument --flavor: expected one argument\n')
    output, errors, loaded = started('plan', 'defragment')
    assert "'nova'" not in loaded
    assert errors.endswith('are required: --moves\n')


def test_choices_of_plans_are_those_that_are_known():
    assert set(plan.METHODS) == set(METHODS)
    assert set(plan.SCRIPTS) == set(plan_action.SCRIPTS)
    kinds = {
        entry_point.load().kind
        for entry_point in metadata.entry_points(group=_GROUP)
        if entry_point.name.startswith('plan_')
    }
    assert kinds == set(plan_action.KINDS)


def test_purposes_are_those_that_are_known():
    assert set(explain.PURPOSES) == {each.value for each in Purpose}


def test_a_malformed_scenario_does_not_import_nova(tmp_path):
    path = tmp_path / 'rack.yaml'
    path.write_text('hosts: [{machine: turin-nps4}]\nstepz: []\n')
    output, errors, loaded = started('simulate', '--scenario', str(path))
    for package in ('nova', 'sqlalchemy', 'eventlet', 'oslo_config'):
        assert f"'{package}'" not in loaded
    assert not output
    assert errors.splitlines() == [
        f'ERROR: {path}:1: steps: is missing',
        f'{path}:2: stepz: is unknown; did you mean steps?',
    ]


def test_descriptions_are_those_of_the_commands():
    manager = command_manager.CommandManager(_GROUP)
    listed = {
        name: entry_point.load()(None, None).get_description()
        for name, entry_point in manager
    }
    assert listed == {
        # As cliff makes names of two words.
        entry_point.name.replace('_', ' '): entry_point.load()(
            None, None
        ).get_description()
        for entry_point in metadata.entry_points(group=_GROUP)
    }


def test_commands_are_found_as_cliff_finds_them():
    ours = command_manager.CommandManager(_GROUP)
    cliffs = commandmanager.CommandManager(_GROUP)
    assert set(ours.commands) == set(cliffs.commands)
    for argv in (['capacity', '--flavor', 'm1'], ['expl', '--server', 'u']):
        assert ours.find_command(argv) == cliffs.find_command(argv)


def test_a_command_whose_source_is_invalid_is_left_to_cliff(
    tmp_path, monkeypatch
):
    (tmp_path / 'broken_command.py').write_text('class Command(')
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    entry_point = metadata.EntryPoint('odd', 'broken_command:Command', _GROUP)
    manager = command_manager.CommandManager(None)
    manager.commands['odd'] = entry_point
    assert list(manager) == [('odd', entry_point)]
