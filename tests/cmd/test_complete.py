"""Shells complete commands and options.

``NFV_GOLDEN=write pytest tests/cmd/test_complete.py`` writes the scripts anew.
"""

import os
import pathlib
import pty
import shlex
import shutil
import subprocess
import time

import pytest

from nfv_sched.cmd import complete
from nfv_sched.cmd.main import main
from nfv_sched_testing import completion
from nfv_sched_testing.patience import PATIENCE

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
        ('pl', {'plan'}),
        ('plan dr', {'drain'}),
        ('plan drain --met', {'--method'}),
        ('plan drain --method ', {'any', 'cold', 'live'}),
        ('plan room --leaving plan --show = st', {'steps'}),
        ('help plan su', {'survive'}),
        ('capacity --flavor plan --show = ho', {'hosts'}),
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


#: What an interactive zsh is told: completions go to a file.
_ZSH = """
autoload -U compinit
compinit -u -d {folder}/dump
zstyle ':completion:*' verbose no
compadd() {{
    local -a found
    if [[ $* != *-(O|A|D)' '* ]]; then
        builtin compadd -O found "$@"
        print -rl -- $found >> {folder}/found
    fi
    builtin compadd "$@"
}}
source {script}
PS1=; PS2=; RPS1=
put-words() {{ BUFFER="nfv-sched $words_typed"; CURSOR=$#BUFFER }}
tell-done() {{ print done > {folder}/done; exit }}
zle -N put-words; zle -N tell-done
bindkey "^B" put-words; bindkey "^E" tell-done; bindkey '^I' complete-word
words_typed={words}
print ready > {folder}/ready
"""


def until(path, process):
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        # It ends as soon as the last file is there.
        assert process.poll() is None or path.exists()
        assert time.monotonic() < deadline, path.name
        time.sleep(0.02)


@pytest.mark.parametrize(
    ('words', 'completed'),
    [
        ('topo', {'topology'}),
        ('topology --su', {'--summary'}),
        ('capacity --show=', {'total', 'domains', 'hosts', 'instances'}),
        ('explain --flavor ', set()),
        ('help ex', {'explain'}),
        ('simulate --scenario rack', {'rack.yaml'}),
        ('check --format=js', {'json'}),
        ('pl', {'plan'}),
        ('plan dr', {'drain'}),
        ('plan drain --met', {'--method'}),
        ('plan drain --method=', {'any', 'cold', 'live'}),
        ('plan room --leaving 1 --show=st', {'steps'}),
        ('help plan su', {'survive'}),
    ],
)
def test_zsh_completes(words, completed, tmp_path):
    """In the line editor, where alone zsh completes, on a terminal."""
    path = shell('zsh')
    (tmp_path / 'rack.yaml').touch()
    setup = tmp_path / 'setup'
    setup.write_text(
        _ZSH.format(
            folder=tmp_path, script=script('zsh'), words=shlex.quote(words)
        )
    )
    master, slave = pty.openpty()
    with subprocess.Popen(
        [path, '-fi'],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=tmp_path,
        start_new_session=True,
        env={**os.environ, 'TERM': 'dumb'},
    ) as process:
        os.close(slave)
        try:
            os.write(master, f'source {setup}\n'.encode())
            until(tmp_path / 'ready', process)
            # The text, a tab, and the end.
            os.write(master, b'\x02\t\x05')
            until(tmp_path / 'done', process)
        finally:
            process.kill()
            os.close(master)
    found = tmp_path / 'found'
    lines = found.read_text().split() if found.exists() else []
    assert set(lines) == completed


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
