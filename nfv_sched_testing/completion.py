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
        case "$name $word" in
            {commands})
                name=${{name:+$name }}$word
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
_ZSH_GROUP = """\
                    if (( CURRENT == 2 )); then
                        local -a commands
                        commands=(
{commands}
                        )
                        _describe -t commands command commands && ret=0
                    else
                        shift words
                        (( CURRENT -= 1 ))
                        case $words[1] in
{arguments}
                        esac
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
        # Of several words, as cliff reads names.
        commands[name.replace('_', ' ')] = pkgutil.resolve_name(target)
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


def _first_words(found: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.split(' ')[0] for name in found if name))


def _groups(found: Iterable[str]) -> dict[str, list[str]]:
    """The second words of commands by their first."""
    groups: dict[str, list[str]] = {}
    for name in found:
        first, space, second = name.partition(' ')
        if space:
            groups.setdefault(first, []).append(second)
    return groups


def bash(found: Parsers) -> str:
    """The script for bash."""
    groups = _groups(found)
    words = [
        *(f"' {word}'" for word in _first_words(found)),
        *(f"'{name}'" for name in found if ' ' in name),
        *(f"'help {word}'" for word in groups),
    ]
    return _BASH.format(
        note=_NOTE,
        commands=' | \\\n                '.join(words),
        values='\n'.join(_bash_values(found)),
        options='\n'.join(_bash_options(found)),
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


def _bash_options(found: Parsers) -> Iterator[str]:
    for name, parser in found.items():
        words = [
            option
            for action in _options(parser)
            for option in action.option_strings
        ]
        if name in ('', 'help'):
            words = [*_first_words(found), *words]
        yield f"            '{name}') words='{' '.join(words)}' ;;"
    for word, others in _groups(found).items():
        pattern = f"'{word}' | 'help {word}'"
        yield f"            {pattern}) words='{' '.join(others)}' ;;"


def zsh(found: Parsers) -> str:
    """The script for zsh."""
    texts = descriptions(found)
    groups = _groups(found)
    alone = [name for name in texts if ' ' not in name]
    abouts = {
        word: texts.get(word) or f'One of: {", ".join(groups[word])}'
        for word in _first_words(found)
    }
    return _ZSH.format(
        note=_NOTE,
        options=' \\\n'.join(_indented(_zsh_options(found['']), 8)),
        commands='\n'.join(_zsh_descriptions(abouts, 16)),
        arguments='\n'.join(
            [
                *(
                    _zsh_case(name, _arguments(found, name, 20), 16)
                    for name in alone
                ),
                *(
                    _zsh_case(word, _zsh_group(found, word, others), 16)
                    for word, others in groups.items()
                ),
            ]
        ),
    )


def _zsh_case(pattern: str, body: str, width: int) -> str:
    margin = ' ' * width
    return f'{margin}{pattern})\n{body}\n{margin}    ;;'


def _arguments(found: Parsers, name: str, width: int) -> str:
    """The call that completes the arguments of a command."""
    return (
        ' ' * width
        + '_arguments \\\n'
        + ' \\\n'.join(
            _indented(
                (*_zsh_options(found[name]), *_rest(name, found)), width + 4
            )
        )
        + ' && ret=0'
    )


def _zsh_group(found: Parsers, word: str, others: Sequence[str]) -> str:
    """The second words of commands, and what comes after them."""
    texts = descriptions(found)
    abouts = {other: texts[f'{word} {other}'] for other in others}
    return _ZSH_GROUP.format(
        commands='\n'.join(_zsh_descriptions(abouts, 28)),
        arguments='\n'.join(
            _zsh_case(other, _arguments(found, f'{word} {other}', 32), 28)
            for other in others
        ),
    ).rstrip('\n')


def _zsh_descriptions(abouts: Mapping[str, str], width: int) -> Iterator[str]:
    return _indented(
        (shlex.quote(f'{name}:{text}') for name, text in abouts.items()), width
    )


def _indented(lines: Iterable[str], width: int) -> Iterator[str]:
    for line in lines:
        yield ' ' * width + line


def _rest(name: str, found: Iterable[str]) -> Iterator[str]:
    """The arguments that are not options."""
    if name == 'help':
        yield shlex.quote(f'1:command:({" ".join(_first_words(found))})')
        others = [each for group in _groups(found).values() for each in group]
        yield shlex.quote(f'2:command:({" ".join(others)})')


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
