"""Temporary files of tests in memory.

Thousands of small files and databases are written, read and removed, which
takes longer on a disk than most of the tests themselves.
"""

import os
import tempfile

_MEMORY = '/dev/shm'  # noqa: S108 - only a parent of folders
#: Bytes that must be free: some containers have 64 MiB.
_LEAST = 2 << 30


def use():
    """Make temporary files in memory, unless TMPDIR says where.

    Processes that are started inherit the place. Programs that a test writes
    must be able to run there.
    """
    if 'TMPDIR' in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return
    volume = os.statvfs(_MEMORY)
    free = volume.f_bavail * volume.f_frsize
    if free >= _LEAST and not volume.f_flag & os.ST_NOEXEC:
        os.environ['TMPDIR'] = _MEMORY
        # It may have been looked up already.
        tempfile.tempdir = None
