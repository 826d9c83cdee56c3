"""The list of what we depend on names everything, with its licence.

And the lowest allowed versions are those that ``tox -e lowest`` installs.
"""

import configparser
from importlib import metadata
import pathlib
import re

from packaging import requirements as packaging_requirements
from packaging import utils
from packaging import version
import pytest

_ROOT = pathlib.Path(__file__).parents[1]
_PAGE = _ROOT / 'doc/source/dependencies.rst'
#: Extras whose packages users install, beside what is always needed.
_EXTRAS = ('demo', 'plan')


def requirements():
    extras = {}
    for line in metadata.requires('nfv-sched'):
        name = re.match(r'[A-Za-z0-9._-]+', line)[0]
        extra = re.search(r'extra == "([^"]+)"', line)
        if name != 'nfv-sched':
            extras.setdefault(name.lower(), extra[1] if extra else 'always')
    return extras


def listed():
    rows = re.findall(
        r'^   \* - (\S+)\n     - (.+)\n     - (.+)$',
        _PAGE.read_text(),
        re.MULTILINE,
    )
    # Less the header.
    return {name.lower(): (use, licence) for name, use, licence in rows[1:]}


def test_every_requirement_is_listed():
    assert set(listed()) == set(requirements())


def test_each_says_when_it_is_needed():
    for name, use in requirements().items():
        assert use in listed()[name][0].split(', '), name


@pytest.mark.parametrize('name', sorted(requirements()))
def test_licences_are_what_the_packages_say(name):
    try:
        fields = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        pytest.skip(f'{name} is not installed here')
    said = ' '.join(
        [
            fields.get('License-Expression') or '',
            fields.get('License') or '',
            *(fields.get_all('Classifier') or []),
        ]
    ).lower()
    family = re.split('[-;, ]', listed()[name][1])[0].lower()
    assert family in said


def _pinned(path):
    """The versions of a constraints file by name."""
    return {
        utils.canonicalize_name(name): version.Version(number)
        for name, number in re.findall(
            r'(?m)^([A-Za-z0-9._-]+)==(\S+)$', path.read_text()
        )
    }


def _specifiers(extras=_EXTRAS):
    """The versions that setup.cfg allows, by name."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(_ROOT / 'setup.cfg')
    lines = [
        *setup['options']['install_requires'].splitlines(),
        *(
            line
            for extra in extras
            for line in setup['options.extras_require'][extra].splitlines()
        ),
    ]
    for line in filter(None, (line.split('#')[0].strip() for line in lines)):
        requirement = packaging_requirements.Requirement(line)
        yield utils.canonicalize_name(requirement.name), requirement.specifier


def _bounds(specifier):
    return [
        version.Version(each.version)
        for each in specifier
        if each.operator == '>='
    ]


#: Of Nova a release is tested that is not the first: see the page on releases.
_TESTED = {'nova': version.Version('31.3.1')}


def test_the_lowest_versions_are_those_that_are_tested():
    """If not: the header of constraints-lowest.txt has the command."""
    pinned = _pinned(_ROOT / 'constraints-lowest.txt')
    allowed = list(_specifiers())
    assert len(allowed) > 20
    for name, specifier in allowed:
        if name in _TESTED:
            assert pinned[name] == _TESTED[name]
            assert pinned[name] in specifier
        else:
            assert _bounds(specifier) == [pinned[name]], name


#: The first release without the flaw.
WITHOUT_FLAWS = {
    # CVE-2024-11079: a template in a task's hostvars is run.
    'ansible-core': '2.18.1',
    # CVE-2025-27516: a template escapes the sandbox.
    'jinja2': '3.1.6',
    # CVE-2022-0718: passwords with a double quote are not masked.
    'oslo-utils': '4.12.1',
    # CVE-2024-36039: keys of JSON are not escaped.
    'pymysql': '1.1.1',
    # CVE-2020-14343: a full loader runs code.
    'pyyaml': '5.4',
    # CVE-2024-35195: a session goes on without verifying certificates.
    'requests': '2.32.0',
    # CVE-2023-25399: memory is not freed.
    'scipy': '1.10.0',
    # CVE-2024-37891: a redirect keeps the credentials of a proxy.
    'urllib3': '1.26.19',
}
#: Of the upper constraints of OpenStack 2025.1, what is lowest there. Images
#: and virtual environments of Nova are built with them.
CONSTRAINTS_2025_1 = {
    'cliff': '4.9.1',
    'cotyledon': '2.0.0',
    'jsonschema': '4.23.0',
    'keystoneauth1': '5.10.0',
    'openstacksdk': '4.4.0',
    'os-traits': '3.3.0',
    'oslo-context': '5.7.1',
    'oslo-upgradecheck': '2.5.0',
    'oslo-utils': '8.2.0',
    'pyyaml': '6.0.2',
    'requests': '2.32.3',
    'rich': '13.9.4',
    'sqlalchemy': '2.0.38',
    'tooz': '6.3.0',
    'urllib3': '1.26.20',
}


def test_no_version_with_a_flaw_that_we_know_is_allowed():
    allowed = dict(_specifiers((*_EXTRAS, 'test', 'stack')))
    for name, number in WITHOUT_FLAWS.items():
        assert _bounds(allowed[name]) >= [version.Version(number)], name


def test_the_page_names_each_flaw_that_a_bound_excludes():
    source = pathlib.Path(__file__).read_text()
    section = _PAGE.read_text().partition('Flaws\n=====\n')[2]
    rows = re.findall(r'(?m)^   \* - (\S+)\n     - (CVE-[0-9-]+)$', section)
    table = source.partition('WITHOUT_FLAWS = {')[2].partition('\n}')[0]
    assert dict(rows) == {
        name: flaw
        for flaw, name in re.findall(
            r"# (CVE-[0-9-]+): .+\n    '(\S+)':", table
        )
    }


def test_upper_constraints_of_the_oldest_release_are_allowed():
    allowed = dict(_specifiers())
    for name, number in CONSTRAINTS_2025_1.items():
        assert number in allowed[name], name


@pytest.mark.parametrize('number', ['31.0.0', '32.0.0', '33.0.0', '34.0.0'])
def test_each_supported_release_of_nova_is_allowed(number):
    assert number in dict(_specifiers())['nova']
