"""Shells complete commands and options.

``NFV_GOLDEN=write pytest tests/cmd/test_complete.py`` writes the scripts anew.
"""

import os
import pathlib
import shutil
import subprocess

import pytest

from nfv_sched.cmd import complete
from nfv_sched.cmd.main import main
from nfv_sched_testing import completion

_FOLDER = pathlib.Path(complete.__file__).with_name(complete.FOLDER)
_PARSERS = {'bash': completion.bash, 'zsh': completion.zsh}


def shell(name):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f'there is no {name}')
    return path


def script(name):
    return _FOLDER / complete.SCRIPTS[name]


@pytest.mark.parametrize('name', complete.SCRIPTS)
def test_the_script_has_all_commands_and_options(name, capsys):
    text = _PARSERS[name](completion.parsers())
    if os.environ.get('NFV_GOLDEN') == 'write':
        script(name).write_text(text)
    assert script(name).read_text() == text
    main(['complete', '--shell', name])
    assert capsys.readouterr().out == text


@pytest.mark.parametrize(
    ('words', 'completed'),
    [
        ('topo', {'topology'}),
        ('topology --su', {'--summary'}),
        ('--deb', {'--debug'}),
        ('capacity --show ', {'total', 'domains', 'hosts', 'instances'}),
        ('capacity --show = ho', {'hosts'}),
        ('explain --flavor ', set()),
        ('help ex', {'explain'}),
        ('simulate --scenario rack', {'rack.yaml'}),
        ('check -f js', {'json'}),
    ],
)
def test_bash_completes(words, completed, tmp_path):
    (tmp_path / 'rack.yaml').touch()
    typed = ['nfv-sched', *words.split(' ')]
    array = ' '.join(f"'{word}'" for word in typed)
    asked = f"""
        complete() {{ :; }}
        compopt() {{ :; }}
        source '{script('bash')}'
        COMP_WORDS=({array}); COMP_CWORD={len(typed) - 1}
        _nfv_sched
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        [shell('bash'), '-euc', asked],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert set(done.stdout.split()) == completed


def test_zsh_reads_the_script(tmp_path):
    asked = f"""
        autoload -U compinit
        compinit -u -d '{tmp_path}/dump'
        source '{script('zsh')}'
        print -r -- $_comps[nfv-sched]
    """
    done = subprocess.run(
        [shell('zsh'), '-fc', asked],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ('_nfv-sched\n', '')
