"""The systemd units: exposure, and that the services need no more."""

import contextlib
import functools
import pathlib
import re
import shutil
import subprocess

import pytest
import requests

from nfv_sched.scheduler import counters
from nfv_sched_testing.patience import PATIENCE
from tests.cmd import test_demo_serve as demo_tests
from tests.cmd.test_demo_serve import demo  # noqa: F401
from tests.exporter import prometheus
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
needs_strace = pytest.mark.skipif(not _STRACE, reason='there is no strace')


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


#: Each unit allows these, of which there are most: they are not traced.
_FREQUENT = {
    *('close', 'fcntl', 'fstat', 'futex', 'getdents64', 'getpid', 'ioctl'),
    *('lseek', 'munmap', 'newfstatat', 'poll', 'pread64', 'pwrite64', 'read'),
    *('recvfrom', 'rt_sigaction', 'rt_sigprocmask', 'sendto', 'write'),
}


def traced(path, command):
    """A command under strace, which writes to a file; pids are its own."""
    calls = ','.join(sorted(_FREQUENT))
    return [
        *(_STRACE, '-D', '-f', '-qq', '--seccomp-bpf', '-o', str(path)),
        *('-e', f'trace=!{calls}', *command),
    ]


#: Calls that change what is in a folder.
_CHANGES = re.compile('(mk(dir|nod)|rename|(un|sym)?link|chmod)(at2?)?$')


class Trace:
    """The system calls in a file of strace.

    Those that failed with EPERM or ENOSYS here are not needed.
    """

    def __init__(self, path):
        self.calls = []
        begun = {}
        for line in path.read_text().splitlines():
            pid, text = line.split(maxsplit=1)
            if text.endswith('<unfinished ...>'):
                begun[pid] = text.removesuffix('<unfinished ...>')
                continue
            if rest := re.match(r'<\.\.\. \w+ resumed>(.*)', text):
                text = begun.pop(pid) + rest[1]
            match = re.match(r'(\w+)\((.*)', text)
            if match and not re.search(r'= -1 (EPERM|ENOSYS)\b', text):
                self.calls.append(match.groups())
        # What never ended, such as exit_group. A call that strace could not
        # read any more, since the process ended meanwhile, is "???".
        self.calls += [
            tuple(each.split('(', 1))
            for each in begun.values()
            if not each.startswith('???(')
        ]
        assert {'openat', 'connect', 'mmap'} <= self.names

    @property
    def names(self):
        return {name for name, _ in self.calls}

    @property
    def families(self):
        """The families of the sockets."""
        return {
            re.match(r'AF_\w+', rest)[0]
            for name, rest in self.calls
            if name == 'socket'
        }

    def paths(self, mode):
        """Paths that were opened with one of some flags."""
        for name, rest in self.calls:
            opened = re.match(r'\w+, "([^"]+)", ([A-Z_|]+).*\) += \d', rest)
            if name == 'openat' and opened and re.search(mode, opened[2]):
                yield opened[1]

    def with_flags(self, flags, *names):
        """Calls of some names with all of the flags."""
        return [
            (name, rest)
            for name, rest in self.calls
            if name in names and all(flag in rest for flag in flags)
        ]

    def changed(self):
        """Paths that were created, written, renamed, or removed."""
        yield from self.paths('O_WRONLY|O_RDWR|O_CREAT')
        for name, rest in self.calls:
            if _CHANGES.match(name) and ' = 0' in rest:
                yield from re.findall('"([^"]+)"', rest)


def test_a_call_that_strace_could_not_read_is_none(tmp_path):
    path = tmp_path / 'trace'
    path.write_text(
        '7 openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3\n'
        '7 connect(3, {sa_family=AF_UNIX}, 16) = 0\n'
        '8 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3, 0 <unfinished ...>\n'
        '9 ???( <unfinished ...>\n'
        '8 <... mmap resumed>) = 0x7f00\n'
        '7 exit_group(0 <unfinished ...>\n'
        '9 +++ exited with 0 +++\n'
    )
    assert Trace(path).names == {'openat', 'connect', 'mmap', 'exit_group'}


#: OpenBLAS, of numpy, asks for memory near its CPU, and goes on without.
_DISPENSABLE = {'mbind'}
#: Libraries read these, and go on without: glibc counts processors, and the
#: collector that prometheus-client makes by itself is not used.
_DISPENSABLE_FILES = {'/proc/stat', '/proc/version', '/proc/cpuinfo'}
#: Devices that each service has with PrivateDevices.
_DEVICES = re.compile(
    '/dev/(null|zero|full|u?random|tty|pts|ptmx|shm|mqueue|log)(/.*)?'
)
#: What a process has of /proc with ProcSubset=pid.
_OF_PROCESSES = re.compile(r'/proc/(\d+|self|thread-self)(/.*)?')


def needed_beyond(unit, trace, folder):
    """What a traced service did that its unit does not allow.

    :param folder: with what it wrote, instead of RuntimeDirectory
    """
    used = trace.names - _DISPENSABLE | _FREQUENT
    found = [f'calls {name}' for name in used - allowed(unit)]
    [known] = values(unit, 'RestrictAddressFamilies')
    # Without netlink, glibc takes both families of IP to be there.
    found += trace.families - {*known.split(), 'AF_NETLINK'}
    assert values(unit, 'MemoryDenyWriteExecute') == ['yes']
    found += trace.with_flags(('PROT_WRITE', 'PROT_EXEC'), 'mmap')
    found += trace.with_flags(('PROT_EXEC',), 'mprotect', 'pkey_mprotect')
    found += trace.with_flags(('SHM_EXEC',), 'shmat')
    assert values(unit, 'RestrictNamespaces') == ['yes']
    found += trace.with_flags(('CLONE_NEW',), 'clone', 'clone3', 'unshare')
    assert values(unit, 'RestrictRealtime') == ['yes']
    found += [
        call
        for policy in ('SCHED_FIFO', 'SCHED_RR', 'SCHED_DEADLINE')
        for call in trace.with_flags(
            (policy,), 'sched_setscheduler', 'sched_setattr'
        )
    ]
    assert values(unit, 'PrivateDevices') == ['yes']
    found += [
        path
        for path in trace.paths('')
        if path.startswith('/dev/') and not _DEVICES.fullmatch(path)
    ]
    if values(unit, 'ProcSubset') == ['pid']:
        found += [
            path
            for path in trace.paths('')
            if path.startswith('/proc/')
            and path not in _DISPENSABLE_FILES
            and not _OF_PROCESSES.fullmatch(path)
        ]
    assert values(unit, 'ProtectSystem') == ['strict']
    assert values(unit, 'PrivateTmp') == ['yes']
    found += [
        path
        for path in trace.changed()
        if not path.startswith((f'{folder}/', '/tmp/', '/var/tmp/'))  # noqa: S108
        and not _DEVICES.fullmatch(path)
        and not _OF_PROCESSES.fullmatch(path)
    ]
    return found


@needs_systemd
@needs_strace
def test_the_publisher_needs_no_more_than_its_unit_allows(
    cloud,  # noqa: F811
    placement,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    [unit] = [unit for unit in _UNITS if 'publisher' in unit.name]
    path = tmp_path / 'trace'
    options = process_tests.write_options(tmp_path, cloud, placement)
    popen = subprocess.Popen
    monkeypatch.setattr(
        process_tests.subprocess,
        'Popen',
        lambda command, **kwargs: popen(traced(path, command), **kwargs),
    )
    with process_tests.service(options) as (process, log):
        first = process_tests.wait_for(
            lambda: process_tests.finished(tmp_path), log
        )
        assert first['counts']['written'] == 1
        process.terminate()
        process.wait(process_tests.PATIENCE)
    trace = Trace(path)
    assert f'{tmp_path}/publisher.json' in set(trace.changed())
    assert needed_beyond(unit, trace, tmp_path) == []


@needs_systemd
@needs_strace
def test_the_exporter_needs_no_more_than_its_unit_allows(
    demo,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    """A start, scrapes, passes that count again all hosts, and the end."""
    [unit] = [unit for unit in _UNITS if 'exporter' in unit.name]
    path = tmp_path / 'trace'
    address = f'127.0.0.1:{prometheus.free_port()}'
    demo_tests.count_some(tmp_path, counters.SchedulerCounters(), 'one')
    popen = subprocess.Popen
    monkeypatch.setattr(
        demo_tests.subprocess,
        'Popen',
        lambda command, **kwargs: popen(traced(path, command), **kwargs),
    )
    more = ('--full-interval', '1', '--scheduler-counters', str(tmp_path))
    with demo_tests.exporter_of(demo, address, *more):
        text = prometheus.until(lambda: recounted(address))
    assert 'nfv_sched_exporter_errors_total 0.0' in text
    for name in SERVED:
        assert re.search(f'(?m)^{name}', text), name
    trace = Trace(path)
    assert {'listen', 'bind'} <= trace.names
    assert needed_beyond(unit, trace, demo.folder) == []


#: A metric of each kind that the exporter serves.
SERVED = (
    'nfv_sched_capacity_instances',
    'nfv_sched_loss_unplaced_instances',
    'nfv_sched_scheduler_processes',
    'process_resident_memory_bytes',
)


def recounted(address):
    """The metrics, once the second pass has counted all hosts again."""
    with contextlib.suppress(requests.ConnectionError):
        text = requests.get(f'http://{address}/metrics', timeout=PATIENCE).text
        passes = re.search(r'(?m)^nfv_sched_exporter_passes_total (\S+)', text)
        if passes and float(passes[1]) >= 3 and SERVED[1] in text:
            return text
    return None
