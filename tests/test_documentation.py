"""Commands in the documentation are commands that there are."""

import configparser
from importlib import metadata
import importlib.util
import pathlib
import re
import shlex

from nova.api.validation.extra_specs import validators
import pytest

from nfv_sched.cmd import publisher

_ROOT = pathlib.Path(__file__).parents[1]
_PAGES = [
    _ROOT / 'README.rst',
    _ROOT / 'devstack' / 'README.rst',
    *sorted((_ROOT / 'doc' / 'source').rglob('*.rst')),
]
# Shown with an ellipsis, or as the name of the command only.
_PLACEHOLDER = re.compile(r'\.\.\.|\[')


def _lines():
    """Lines of all pages, those that are continued as one."""
    for page in _PAGES:
        text = page.read_text().replace('\\\n', ' ')
        for line in text.splitlines():
            yield page.relative_to(_ROOT), line


def _commands(program):
    """What is said after a program, in literal blocks and between ````."""
    for page, line in _lines():
        found = re.match(rf'\s{{4,}}(?:\$ )?({program} .*)', line)
        inline = re.findall(rf'``({program} [^`]*)``', line)
        for command in [*([found[1]] if found else []), *inline]:
            bare = command.split('  #')[0].split(' > ')[0].split(' | ')[0]
            if not _PLACEHOLDER.search(bare):
                yield pytest.param(bare.strip(), id=f'{page}: {bare}')


def test_options_of_the_publisher():
    parser = publisher.parser()
    known = {
        option
        for action in parser._actions
        for option in action.option_strings
    }
    commands = [one.values[0] for one in _commands('nfv-sched-publisher')]
    assert commands
    for command in commands:
        asked = [
            one.partition('=')[0]
            for one in shlex.split(command)
            if one.startswith('-')
        ]
        assert set(asked) <= known, command


@pytest.mark.parametrize('command', _commands('nfv-sched'))
def test_options_of_our_command(command):
    _, name, *arguments = shlex.split(command)
    if name in ('complete', 'help') or name.startswith('-'):
        return
    points = metadata.entry_points(group='nfv_sched.commands', name=name)
    assert points, f'there is no command {name}'
    (point,) = points
    # What a page leaves out is not the matter here.
    parser = point.load()(None, None).get_parser(name)
    known = {
        option
        for action in parser._actions
        for option in action.option_strings
    }
    asked = {one.partition('=')[0] for one in arguments if one.startswith('-')}
    assert asked <= known


@pytest.mark.parametrize('command', _commands('tox'))
def test_tox_environments(command):
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(_ROOT / 'tox.ini')
    name = shlex.split(command)[2]
    assert f'testenv:{name}' in parser or re.fullmatch(r'py3\d+', name)


@pytest.mark.parametrize('command', _commands('python -m'))
def test_modules_that_are_run(command):
    module = shlex.split(command)[2]
    if module == 'build':
        pytest.importorskip('build')
    assert importlib.util.find_spec(module)


def _extra_specs():
    for page, line in _lines():
        for spec in re.findall(r'--property (\S+=\S+)', line):
            yield pytest.param(*spec.split('=', 1), id=f'{page}: {spec}')


@pytest.mark.parametrize(('name', 'value'), _extra_specs())
def test_extra_specs_are_taken_by_the_api(name, value):
    validators.validate(name, value)
