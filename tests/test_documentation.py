"""The documentation agrees with the code: commands, options, log lines."""

import ast
import configparser
from importlib import metadata
import importlib.util
import inspect
import os
import pathlib
import re
import shlex
import textwrap

from nova.api.validation.extra_specs import validators
from nova.conductor import manager as conductor
from nova.scheduler import host_manager
from nova.scheduler import manager
from nova.scheduler import utils as scheduler_utils
import pytest

from nfv_sched import conf
from nfv_sched.cmd import exporter
from nfv_sched.cmd import publisher
from nfv_sched.sim import settings
from tests.devstack import ini
from tests.stack import configuration

_ROOT = pathlib.Path(__file__).parents[1]
_PAGES = [
    _ROOT / 'README.rst',
    _ROOT / 'devstack' / 'README.rst',
    *sorted((_ROOT / 'doc' / 'source').rglob('*.rst')),
]
_EXAMPLE = _ROOT / 'etc' / 'nova.conf.example'
_PLACEMENT_EXAMPLE = _ROOT / 'etc' / 'placement.conf.example'
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
        match = re.match(rf'\s{{4,}}(?:\$ )?({program} .*)', line)
        inline = re.findall(rf'``({program} [^`]*)``', line)
        for command in [*([match[1]] if match else []), *inline]:
            bare = command.split('  #')[0].split(' > ')[0].split(' | ')[0]
            if not _PLACEHOLDER.search(bare):
                yield pytest.param(bare.strip(), id=f'{page}: {bare}')


@pytest.mark.parametrize('service', [exporter, publisher])
def test_options_of_the_services(service):
    parser = service.parser()
    known = {
        option
        for action in parser._actions
        for option in action.option_strings
    }
    commands = [param.values[0] for param in _commands(service.PROGRAM)]
    assert commands
    for command in commands:
        options = [
            word.partition('=')[0]
            for word in shlex.split(command)
            if word.startswith('-')
        ]
        assert set(options) <= known, command


@pytest.mark.parametrize('command', _commands('nfv-sched'))
def test_options_of_our_command(command):
    _, name, *arguments = shlex.split(command)
    if name in ('complete', 'help') or name.startswith('-'):
        return
    points = metadata.entry_points(group='nfv_sched.commands', name=name)
    if not points and arguments:
        # Of two words.
        name = f'{name}_{arguments.pop(0)}'
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
    options = {
        word.partition('=')[0] for word in arguments if word.startswith('-')
    }
    assert options <= known


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


def _plain(value):
    """The values of an option, a list of names as one text each."""
    values = value if isinstance(value, list) else [value]
    return [ini.plain(item) for item in values]


def _example():
    """Options of the example by their names in the simulation."""
    return {
        f'{section}.{option}': [
            ini.plain(name)
            for value in values
            for name in (
                value.split(',')
                if option in ('enabled_filters', 'weight_classes')
                else [value]
            )
        ]
        for section, options in ini.read(_EXAMPLE).items()
        for option, values in options.items()
    }


def test_the_check_recommends_the_options_of_the_example():
    recommended = {
        f'{option.group}.{option.name}': _plain(
            list(option.value)
            if isinstance(option.value, tuple)
            else option.value
        )
        for option in conf.RECOMMENDED
    }
    assert recommended == _example()
    assert list(recommended) == list(_example())


@pytest.mark.parametrize('example', [_EXAMPLE, _PLACEMENT_EXAMPLE])
def test_the_readme_has_the_examples_verbatim(example):
    block = textwrap.indent(example.read_text(), '    ')
    assert block in (_ROOT / 'README.rst').read_text()


def test_the_check_recommends_what_the_example_of_placement_has():
    lines = [
        f'[{section}] {option} = {value}'
        for section, options in ini.read(_PLACEMENT_EXAMPLE).items()
        for option, values in options.items()
        for value in values
    ]
    assert lines == [option.line for option in conf.PLACEMENT_RECOMMENDED]


def _recommended_rows():
    """The table of recommended options, as reStructuredText."""
    yield '.. Written by NFV_GOLDEN=write pytest tests/test_documentation.py'
    yield ''
    yield '.. list-table::'
    yield '   :header-rows: 1'
    yield '   :widths: 35 25 40'
    yield ''
    yield from _row('Option', 'Read by', 'Otherwise')
    for option in (*conf.RECOMMENDED, *conf.PLACEMENT_RECOMMENDED):
        yield from _row(
            f'``[{option.group}] {option.name}``',
            ', '.join(option.readers),
            option.why,
        )


def _row(first, *others):
    yield f'   * - {first}'
    for cell in others:
        yield f'     - {cell}'


def test_the_page_on_installing_has_every_recommended_option():
    """If not: NFV_GOLDEN=write pytest tests/test_documentation.py."""
    path = _ROOT / 'doc' / 'source' / 'recommended.inc'
    text = '\n'.join(_recommended_rows()) + '\n'
    if os.environ.get('NFV_GOLDEN') == 'write':
        path.write_text(text)
    assert path.read_text() == text
    page = path.with_name('install.rst').read_text()
    assert f'.. include:: {path.name}\n' in page


def test_placement_has_what_the_examples_set_for_it_alone():
    for option in conf.RECOMMENDED:
        assert conf.OptionReader.PLACEMENT not in option.readers
    for option in conf.PLACEMENT_RECOMMENDED:
        assert option.readers == (conf.OptionReader.PLACEMENT,)


def _options_read(service):
    """Recommended options that a module of a service of Nova reads.

    Of nova-conductor: those of the functions by which it schedules.
    """
    functions = {
        conf.OptionReader.CONDUCTOR: (
            scheduler_utils.populate_retry,
            scheduler_utils.setup_instance_group,
            scheduler_utils.validate_filter,
            scheduler_utils.validate_weigher,
        ),
        conf.OptionReader.SCHEDULER: (host_manager, manager),
    }[service]
    source = ''.join(map(inspect.getsource, functions))
    return {
        option.name
        for option in conf.RECOMMENDED
        if re.search(rf'CONF\.{option.group}\.{option.name}\b', source)
    }


def test_the_readers_of_options_are_those_in_nova():
    for service in conf.OptionReader.CONDUCTOR, conf.OptionReader.SCHEDULER:
        named = {
            option.name
            for option in conf.RECOMMENDED
            if service in option.readers
        }
        found = _options_read(service)
        assert found
        assert found <= named
        # Weighers read their multipliers themselves.
        assert {
            name for name in named - found if '_multiplier' not in name
        } == set()
    source = inspect.getsource(conductor)
    assert 'populate_retry(' in source
    assert 'setup_instance_group(' in source


def test_the_page_on_installing_includes_the_example():
    page = _ROOT / 'doc' / 'source' / 'install.rst'
    paths = re.findall(r'(?m)^\.\. literalinclude:: (\S+)$', page.read_text())
    assert [(page.parent / path).resolve() for path in paths] == [
        _EXAMPLE,
        _PLACEMENT_EXAMPLE,
    ]


def test_simulated_clouds_are_set_up_as_the_example_says(tmp_path):
    profile = settings.profile_options(settings.NFV)
    assert {
        name: _plain(value) for name, value in profile.items()
    }.items() <= _example().items()
    with settings.nova_settings(tmp_path, [], profile):
        for name, values in _example().items():
            section, _, option = name.rpartition('.')
            used = settings.CONF[section][option]
            assert _plain(used) == values, name


def test_the_stack_of_services_is_set_up_as_the_example_says():
    options = {
        f'{section}.{option}': value
        for section, values in configuration.OURS.items()
        for option, value in values.items()
    }
    for name, values in _example().items():
        value = options[name]
        names = value.split(',') if isinstance(value, str) else value
        assert _plain(names) == values, name


def _log_lines():
    """Format strings of the package's log calls."""
    for path in (_ROOT / 'nfv_sched').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == 'LOG'
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                yield node.args[0].value


def _quoted_log_lines():
    page = _ROOT / 'doc' / 'source' / 'troubleshooting.rst'
    section = page.read_text().partition('\nLog lines\n')[2]
    return re.findall(r'(?m)^``(.+)``$', section)


def test_the_page_on_troubleshooting_has_log_lines():
    assert len(_quoted_log_lines()) >= 5


@pytest.mark.parametrize('line', _quoted_log_lines())
def test_log_lines_are_those_of_the_code(line):
    assert line in set(_log_lines())
