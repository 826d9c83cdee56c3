"""The Debian packages and the image: they name what setup.cfg names.

``tox -e packages`` builds and runs them.
"""

import configparser
import pathlib
import re

from packaging import requirements as packaging_requirements
from packaging import version
import pytest

_ROOT = pathlib.Path(__file__).parents[1]
#: Names of Debian that are not "python3-" and the name of the distribution.
_NAMES = {'pyyaml': 'python3-yaml', 'jinja2': 'python3-jinja2'}
#: Debian mends flaws in older releases: their lower bounds are of no use.
_MENDED = {
    'python3-jinja2',
    'python3-urllib3',
    'python3-nova',
    'python3-requests',
}


@pytest.fixture(scope='module')
def setup():
    read = configparser.ConfigParser(interpolation=None)
    read.read(_ROOT / 'setup.cfg')
    return read


def _depends(package):
    """What a package of debian/control depends on, with the lower bounds."""
    text = (_ROOT / 'debian' / 'control').read_text()
    [paragraph] = [
        each
        for each in text.split('\n\n')
        if each.startswith(f'Package: {package}\n')
    ]
    field = re.search(r'(?m)^Depends: ((?:.+\n)(?: .+\n)*)', paragraph)[1]
    return dict(
        re.fullmatch(r'([a-z0-9.+-]+)(?: \(>= (\S+)\))?', each).groups()
        for each in map(str.strip, field.split(','))
        if not each.startswith('${') and '= ${' not in each
    )


def test_the_debian_package_depends_on_what_the_wheel_needs(setup):
    depends = _depends('python3-nfv-sched')
    python = setup['options']['python_requires'].removeprefix('>=')
    assert depends.pop('python3') == python
    wanted = {}
    for line in setup['options']['install_requires'].split():
        requirement = packaging_requirements.Requirement(line)
        name = requirement.name.lower()
        [bound] = [
            each.version
            for each in requirement.specifier
            if each.operator == '>='
        ]
        wanted[_NAMES.get(name, f'python3-{name}')] = bound
    assert depends.keys() == wanted.keys()
    for name, bound in depends.items():
        if name not in _MENDED:
            # Without the epoch.
            assert version.Version(
                bound.rpartition(':')[2]
            ) == version.Version(wanted[name]), name


def test_the_page_on_packaging_names_the_packages():
    page = (_ROOT / 'doc/source/packaging.rst').read_text()
    for package in 'nfv-sched-publisher', 'nfv-sched-exporter':
        assert 'nova-common' in _depends(package)
        assert f'``{package}``' in page
    assert '``python3-nfv-sched``' in page


def test_the_versions_of_the_packages_agree(setup):
    changelog = (_ROOT / 'debian' / 'changelog').read_text()
    found = re.match(r'nfv-sched \(([^)]+)\)', changelog)[1]
    assert found == setup['metadata']['version']


def test_the_image_has_every_package(setup):
    ignored = (_ROOT / '.containerignore').read_text().split()
    kept = {name[1:] for name in ignored if name.startswith('!')}
    packages = {
        name.removesuffix('.*')
        for name in setup['options.packages.find']['include'].split()
    }
    assert packages <= kept
    data = setup['options.data_files'].values()
    files = {name for value in data for name in value.split()}
    assert {name.partition('/')[0] for name in files} <= kept
    assert {'pyproject.toml', 'setup.cfg', 'README.rst', 'LICENSE'} <= kept
    for name in kept:
        assert (_ROOT / name).exists(), name


def test_the_image_runs_as_nova():
    text = (_ROOT / 'Containerfile').read_text()
    users = re.findall(r'(?m)^USER (\S+)$', text)
    assert users == ['nova']
    assert re.search(r'(?m)^CMD \["nfv-sched-publisher", ', text)
