"""The systemd units: exposure, and that the services need no more."""

import functools
import pathlib
import re
import shutil
import subprocess

import pytest

from tests.publishing import test_cmd_publisher as process_tests
from tests.publishing.test_cmd_publisher import cloud  # noqa: F401
from tests.publishing.test_cmd_publisher import placement  # noqa: F401

_UNITS = sorted(
    (pathlib.Path(__file__).parents[2] / 'etc' / 'systemd').glob('*.service')
)
_ANALYZE = shutil.which('systemd-analyze')
_STRACE = shutil.which('strace')
#: As systemd-analyze rates it; 2.0 and more is "OK" no longer without doubt.
_MOST = 2.0

needs_systemd = pytest.mark.skipif(
    not _ANALYZE, reason='no systemd-analyze: Debian has it in systemd'
)


def name_of(unit):
    return unit.name


def values(unit, option):
    """The values of an option, in order."""
    return re.findall(rf'(?m)^{option}=(.*)$', unit.read_text())


def test_both_services_have_a_unit():
    assert [unit.stem for unit in _UNITS] == [
        'nfv-sched-exporter',
        'nfv-sched-publisher',
    ]


@needs_systemd
@pytest.mark.parametrize('unit', _UNITS, ids=name_of)
def test_the_exposure_of_a_unit_is_low(unit):
    done = subprocess.run(
        [_ANALYZE, 'security', '--offline=true', '--no-pager', str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(
        r'Overall exposure level for \S+: (\d+\.\d)', done.stdout
    )
    assert found, done.stderr
    assert float(found[1]) < _MOST, done.stdout
    # Neither has any capability.
    assert values(unit, 'CapabilityBoundingSet') == ['']


@needs_systemd
@pytest.mark.parametrize('unit', _UNITS, ids=name_of)
def test_systemd_knows_every_option_of_a_unit(unit, tmp_path):
    copy = tmp_path / unit.name
    # The commands are not installed here.
    copy.write_text(
        re.sub(r'(?m)^(ExecStart=)\S+', r'\1/bin/true', unit.read_text())
    )
    done = subprocess.run(
        [_ANALYZE, 'verify', '--man=no', str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert copy.name not in done.stderr


@functools.cache
def _members(name):
    """System calls of a set such as ``@system-service``."""
    listed = subprocess.run(
        [_ANALYZE, 'syscall-filter', '--no-pager', name],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = set()
    for line in listed.splitlines()[1:]:
        member = line.strip()
        if member.startswith('@'):
            found |= _members(member)
        elif member and not member.startswith('#'):
            found.add(member)
    return frozenset(found)


def allowed(unit):
    """The system calls that the unit allows, as systemd reads it."""
    calls = set(_members('@default'))
    for value in values(unit, 'SystemCallFilter'):
        for name in value.removeprefix('~').split():
            members = _members(name) if name.startswith('@') else {name}
            if value.startswith('~'):
                calls -= members
            else:
                calls |= members
    return calls


def traced(path, command):
    """A command under strace, which writes to a file; pids are its own."""
    return [_STRACE, '-D', '-f', '-qq', '-o', str(path), *command]


def refused(unit, path):
    """The system calls in strace's file that the unit does not allow.

    Those that already failed with EPERM or ENOSYS here are not needed.
    """
    calls = set()
    for line in path.read_text().splitlines():
        match = re.match(r'\d+\s+(\w+)\(', line)
        if match and not re.search(r'= -1 (EPERM|ENOSYS)\b', line):
            calls.add(match[1])
    assert {'openat', 'connect'} <= calls
    return calls - allowed(unit)


def families(path):
    """The families of the sockets in strace's file."""
    return set(re.findall(r'socket\((AF_\w+),', path.read_text()))


@needs_systemd
@pytest.mark.skipif(not _STRACE, reason='there is no strace')
def test_the_publisher_needs_no_more_than_its_unit_allows(
    cloud,  # noqa: F811
    placement,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    [unit] = [unit for unit in _UNITS if 'publisher' in unit.name]
    trace = tmp_path / 'trace'
    options = process_tests.write_options(tmp_path, cloud, placement)
    popen = subprocess.Popen
    monkeypatch.setattr(
        process_tests.subprocess,
        'Popen',
        lambda command, **kwargs: popen(traced(trace, command), **kwargs),
    )
    with process_tests.service(options) as (process, log):
        first = process_tests.wait_for(
            lambda: process_tests.finished(tmp_path), log
        )
        assert first['counts']['written'] == 1
        process.terminate()
        process.wait(process_tests.PATIENCE)
    assert refused(unit, trace) == set()
    [known] = values(unit, 'RestrictAddressFamilies')
    # Without netlink, glibc takes both families of IP to be there.
    assert families(trace) <= {*known.split(), 'AF_NETLINK'}
