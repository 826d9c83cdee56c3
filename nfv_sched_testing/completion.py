"""Scripts that complete commands and options in shells, from the parsers."""

import argparse
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import configparser
import pathlib
import pkgutil
import shlex
from typing import Any

from cliff import help as cliff_help

from nfv_sched.cmd.complete import CompleteCommand
from nfv_sched.cmd.main import Main

_SETUP = pathlib.Path(__file__).parents[1] / 'setup.cfg'
_NOTE = (
    '# Made from the parsers of the commands: NFV_GOLDEN=write pytest '
    'tests/cmd/test_complete.py'
)
_BASH = """\
# Completion of nfv-sched in bash.
{note}
_nfv_sched() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
    local name='' word words=''
    if [[ $cur == '=' ]]; then
        cur=''
    elif [[ $prev == '=' ]]; then
        prev=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
        case $word in
            {commands})
                name=$word
                break
                ;;
        esac
    done
    case "$name $prev" in
{values}
    esac
    if [[ -z $words ]]; then
        case $name in
{options}
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}}
complete -F _nfv_sched nfv-sched
"""
_ZSH = """\
#compdef nfv-sched
# Completion of nfv-sched in zsh.
{note}
_nfv-sched() {{
    local curcontext="$curcontext" state line ret=1
    typeset -A opt_args
    _arguments -C \\
{options} \\
        '1:command:->command' \\
        '*::argument:->argument' && ret=0
    case $state in
        command)
            local -a commands
            commands=(
{commands}
            )
            _describe -t commands command commands && ret=0
            ;;
        argument)
            case $words[1] in
{arguments}
            esac
            ;;
    esac
    return ret
}}
# In a folder of $fpath this file is the function; others source it.
if [ "$funcstack[1]" = '_nfv-sched' ]; then
    _nfv-sched "$@"
else
    compdef _nfv-sched nfv-sched
fi
"""

Parsers = Mapping[str, argparse.ArgumentParser]


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command by name; '' is that of all commands."""
    app = Main()
    found = {'': app.parser}
    # As they are declared here: other packages may bring commands, too.
    config = configparser.ConfigParser()
    config.read(_SETUP)
    declared = config['options.entry_points']['nfv_sched.commands'].split('\n')
    commands: dict[str, Any] = {}
    for line in filter(None, declared):
        name, _, target = line.partition(' = ')
        commands[name] = pkgutil.resolve_name(target)
    commands['complete'] = CompleteCommand
    commands['help'] = cliff_help.HelpCommand
    for name in sorted(commands):
        found[name] = commands[name](app, None).get_parser(f'nfv-sched {name}')
    return found


def descriptions(found: Parsers) -> dict[str, str]:
    """The first line of the description of each command."""
    return {
        name: ' '.join((parser.description or '').split('\n\n')[0].split())
        for name, parser in found.items()
        if name
    }


def bash(found: Parsers) -> str:
    """The script for bash."""
    names = [name for name in found if name]
    return _BASH.format(
        note=_NOTE,
        commands='|'.join(names),
        values='\n'.join(_bash_values(found)),
        options='\n'.join(_bash_options(found, names)),
    )


def _bash_values(found: Parsers) -> Iterator[str]:
    """What follows options that take a value."""
    cases: dict[str, list[str]] = {}
    for name, parser in found.items():
        for action in _options(parser):
            if not _takes_value(action):
                continue
            if action.choices is not None:
                choices = shlex.quote(' '.join(map(str, action.choices)))
                body = f'words={choices}'
            elif _is_file(action):
                body = (
                    'compopt -o filenames\n'
                    '            mapfile -t COMPREPLY < '
                    '<(compgen -f -- "$cur")\n'
                    '            return'
                )
            else:
                body = 'return'
            for option in action.option_strings:
                cases.setdefault(body, []).append(f"'{name} {option}'")
    for body, patterns in cases.items():
        joined = ' | \\\n            '.join(patterns)
        yield f'        {joined})\n            {body}\n            ;;'


def _bash_options(found: Parsers, names: Sequence[str]) -> Iterator[str]:
    for name, parser in found.items():
        words = [
            option
            for action in _options(parser)
            for option in action.option_strings
        ]
        if name in ('', 'help'):
            words = [*names, *words]
        pattern = name or "''"
        yield (f"            {pattern}) words='{' '.join(words)}' ;;")


def zsh(found: Parsers) -> str:
    """The script for zsh."""
    texts = descriptions(found)
    return _ZSH.format(
        note=_NOTE,
        options=' \\\n'.join(_indented(_zsh_options(found['']), 8)),
        commands='\n'.join(
            ' ' * 16 + shlex.quote(f'{name}:{text}')
            for name, text in texts.items()
        ),
        arguments='\n'.join(
            f'                {name})\n'
            + ' ' * 20
            + '_arguments \\\n'
            + ' \\\n'.join(
                _indented(
                    (*_zsh_options(found[name]), *_rest(name, texts)), 24
                )
            )
            + ' && ret=0\n'
            + ' ' * 20
            + ';;'
            for name in texts
        ),
    )


def _indented(lines: Iterable[str], width: int) -> Iterator[str]:
    for line in lines:
        yield ' ' * width + line


def _rest(name: str, names: Iterable[str]) -> Iterator[str]:
    """The arguments that are not options."""
    if name == 'help':
        yield shlex.quote(f'1:command:({" ".join(names)})')


def _zsh_options(parser: argparse.ArgumentParser) -> Iterator[str]:
    formatter = parser._get_formatter()
    for action in _options(parser):
        text = action.help and formatter._expand_help(action)
        about = _zsh_text(' '.join((text or '').split()))
        repeated = isinstance(action, argparse._AppendAction)
        others = ' '.join(action.option_strings)
        for option in action.option_strings:
            before = '*' if repeated else f'({others})'
            if not _takes_value(action):
                yield shlex.quote(f'{before}{option}[{about}]')
                continue
            equals = '=' if option.startswith('--') else ''
            value = _zsh_text(str(action.metavar or action.dest))
            if action.choices is not None:
                what = f'({" ".join(map(str, action.choices))})'
            else:
                what = '_files' if _is_file(action) else ' '
            yield shlex.quote(
                f'{before}{option}{equals}[{about}]:{value}:{what}'
            )


def _zsh_text(text: str) -> str:
    """A text without what has a meaning to ``_arguments``."""
    for character in '\\[]:':
        text = text.replace(character, f'\\{character}')
    return text


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [
        action
        for action in parser._actions
        if action.option_strings and action.help != argparse.SUPPRESS
    ]


def _takes_value(action: argparse.Action) -> bool:
    return action.nargs != 0


def _is_file(action: argparse.Action) -> bool:
    name: Any = action.metavar or ''
    return action.type is pathlib.Path or any(
        word in str(name) for word in ('FILE', 'PATH')
    )
