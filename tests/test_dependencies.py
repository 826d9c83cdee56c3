"""The list of what we depend on names everything, with its licence."""

from importlib import metadata
import pathlib
import re

import pytest

_PAGE = pathlib.Path(__file__).parents[1] / 'doc/source/dependencies.rst'


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
