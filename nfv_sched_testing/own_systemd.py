"""A systemd of its own for a unit, in namespaces of Linux.

It sees the machine's files, read-only, and shares its network. Units are
restricted as on any machine with systemd: by mounts, seccomp, and users.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time

from nfv_sched_testing.patience import PATIENCE

_PROGRAM = pathlib.Path('/lib/systemd/systemd')
_UNSHARE = '/usr/bin/unshare'
_NSENTER = '/usr/bin/nsenter'
#: Where the unit finds Python and the files of a test: neither below /root,
#: /home nor /tmp, which units hide.
PLACE = pathlib.Path('/opt/nfv')
PYTHON = f'{PLACE}/python/bin/python{sys.version_info[0]}'
_SOURCE = pathlib.Path(__file__).parents[1]
#: As packages of Nova make it.
_UID = 42436
_USER = f'nova:x:{_UID}:{_UID}::/var/lib/nova:/bin/false\n'
_GROUP = f'nova:x:{_UID}:\n'
_PREPARE = """
set -eu
mount --make-rprivate /
mount -t proc proc /proc
# Not what the machine has there: systemd makes it read-only for all.
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs tmpfs /opt
mkdir -p {place}/python {place}/site {place}/source {place}/files
mount --rbind "$2" {place}/python
mount --rbind "$3" {place}/site
mount --rbind "$4" {place}/source
mount --rbind "$1/files" {place}/files
mount --bind "$1/passwd" /etc/passwd
mount --bind "$1/group" /etc/group
mkdir -p "$1/run/systemd/system"
cp -r "$1/units/." "$1/run/systemd/system"
mount --rbind "$1/run" /run
mount -o remount,bind,ro /
mount -t tmpfs tmpfs /var/tmp
mount -t tmpfs tmpfs /tmp
exec env -i container=nfv PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    {program} --system --unit="$5" --log-target=console --show-status=0
"""


_NAMESPACES = ('--mount', '--pid', '--uts', '--ipc', '--cgroup', '--fork')


def missing():
    """Why it cannot be run here, None if it can be."""
    if os.geteuid() or not _PROGRAM.exists():
        return 'no systemd, or not root'
    if pathlib.Path('/run/systemd/system').exists():
        return 'the systemd of this machine has the control groups'
    if _cgroups() is None:
        return 'control groups of version 2 are not mounted'
    tried = subprocess.run(
        [_UNSHARE, *_NAMESPACES, 'mount', '-t', 'cgroup2', 'x', '/mnt'],
        check=False,
        capture_output=True,
    )
    return 'namespaces cannot be made' if tried.returncode else None


class Systemd:
    """A running systemd; ``files`` is for the unit, as ``PLACE / 'files'``."""

    def __init__(self, folder, unit):
        self._folder = folder
        self._unit = unit
        self.files = folder / 'files'
        self._process = None

    def start(self):
        script = _PREPARE.format(place=PLACE, program=_PROGRAM)
        folders = (sys.base_prefix, site.getsitepackages()[0], str(_SOURCE))
        with (self._folder / 'log').open('w') as log:
            self._process = subprocess.Popen(
                [
                    *(
                        _UNSHARE,
                        *_NAMESPACES,
                        '/bin/bash',
                        '-c',
                        script,
                        'bash',
                    ),
                    *(str(self._folder), *folders, self._unit),
                ],
                stdout=log,
                stderr=log,
            )

    def _pid(self):
        """The number of systemd, the child of unshare; empty without it."""
        path = f'/proc/{self._process.pid}/task/{self._process.pid}/children'
        with contextlib.suppress(OSError):
            return pathlib.Path(path).read_text().strip()
        return ''

    def ask(self, *words):
        """What systemctl says."""
        return subprocess.run(
            [
                *(_NSENTER, '--target', self._pid(), '--mount', '--pid'),
                *('systemctl', *words),
            ],
            capture_output=True,
            text=True,
            check=False,
        )

    def state(self):
        """Properties of the unit."""
        names = 'ActiveState,SubState,Result,NRestarts,ExecMainStatus,MainPID'
        shown = self.ask('show', '-p', names, self._unit).stdout
        return dict(line.split('=', 1) for line in shown.splitlines())

    def log(self):
        """What systemd and the unit wrote."""
        return ''.join(
            path.read_text()
            for path in (self._folder / 'log', self._folder / 'run/unit.log')
            if path.exists()
        )

    def read(self, path):
        """A file as the unit's main process sees it, None without it."""
        return self._of_process(f'root{path}')

    def status(self):
        """The status of the unit's main process, as of proc(5)."""
        lines = self._of_process('status').splitlines()
        return dict(line.split(':\t', 1) for line in lines if ':\t' in line)

    def _of_process(self, name):
        number = self.state().get('MainPID', '0')
        if number == '0':
            return None
        done = subprocess.run(
            [
                *(_NSENTER, '--target', self._pid(), '--mount', '--pid'),
                *('cat', f'/proc/{number}/{name}'),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        return None if done.returncode else done.stdout

    def end(self):
        if self._process is not None:
            # The end of the first process of a namespace ends all others.
            for number in self._pid(), self._process.pid:
                with contextlib.suppress(ValueError, ProcessLookupError):
                    os.kill(int(number), signal.SIGKILL)
            self._process.wait(PATIENCE)


def _cgroups():
    """Those that a systemd makes below this process's, None if unknown."""
    mounts = pathlib.Path('/proc/self/mounts').read_text()
    mounted = re.search(r'(?m)^\S+ (\S+) cgroup2 ', mounts)
    own = re.search(
        '(?m)^0::/(.*)$', pathlib.Path('/proc/self/cgroup').read_text()
    )
    if mounted is None or own is None:
        return None
    place = pathlib.Path(mounted[1], own[1])
    return {place / name for name in ('init.scope', 'system.slice')}


def _remove(path):
    """Remove a cgroup, once its processes have ended."""
    for child in path.iterdir():
        if child.is_dir():
            _remove(child)
    end = time.monotonic() + PATIENCE
    while path.exists():
        try:
            path.rmdir()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@contextlib.contextmanager
def prepared(unit, command):
    """A systemd that is to run a unit with another command.

    :param unit: the unit's file
    :param command: words, beginning with ``PYTHON``
    """
    with tempfile.TemporaryDirectory(prefix='nfv-sched-systemd-') as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        files, units = folder / 'files', folder / 'units'
        changes = units / f'{unit.name}.d'
        for made in (files, units, changes):
            made.mkdir()
        shutil.copy(unit, units)
        (changes / 'here.conf').write_text(
            '[Unit]\n'
            # Nothing else of this machine is started.
            'DefaultDependencies=no\n'
            'Wants=\n'
            '[Service]\n'
            'ExecStart=\n'
            f'ExecStart={" ".join(command)}\n'
            f'Environment=PYTHONPATH={PLACE}/source:{PLACE}/site\n'
            f'Environment=LD_LIBRARY_PATH={PLACE}/python/lib\n'
            'Environment=PYTHONDONTWRITEBYTECODE=1\n'
            'StandardOutput=append:/run/unit.log\n'
            'StandardError=append:/run/unit.log\n'
        )
        for made, line in (('passwd', _USER), ('group', _GROUP)):
            text = pathlib.Path('/etc', made).read_text()
            (folder / made).write_text(text + line)
        before = {path for path in _cgroups() if path.exists()}
        systemd = Systemd(folder, unit.name)
        try:
            yield systemd
        finally:
            systemd.end()
            for path in _cgroups() - before:
                if path.exists():
                    _remove(path)
