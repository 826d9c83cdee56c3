"""The files of a decision journal.

Each process appends to files of its own. The folder is bounded: a process
that begins a new file removes the oldest ones.
"""

from collections.abc import Iterator
from collections.abc import Sequence
import dataclasses
import os
import pathlib
import time

from nfv_sched.journal import record
from nfv_sched.journal.record import DecisionRecord

SUFFIX = '.decisions.jsonl'
#: The share of the folder's size at which a process begins a new file.
_FILES = 16
#: No record is as long; in bytes.
_LONGEST = 1 << 20
_MIB = 1 << 20


class JournalWriter:
    """The files of one process.

    :param folder: the folder, which may be missing at times
    :param mib: the bound of the folder's size, in MiB
    """

    def __init__(self, folder: pathlib.Path, mib: int) -> None:
        self._folder = folder
        self._most = mib * _MIB
        self._path: pathlib.Path | None = None
        self._torn = False

    def append(self, lines: Sequence[str]) -> None:
        """Append lines.

        :raises OSError: they are not written, or a part of them is
        """
        path = self._current()
        data = ''.join(f'{line}\n' for line in lines).encode()
        if self._torn:
            # A part of a line may be at the end.
            data = b'\n' + data
        # Opened each time: the file or its folder may have been removed.
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            self._torn = True
            # At once, so that no reader sees a part of a line.
            if os.write(handle, data) == len(data):
                self._torn = False
                return
        finally:
            os.close(handle)
        raise OSError(f'{path} is written in part')

    def _current(self) -> pathlib.Path:
        """The file to append to: a new one where the last one is full."""
        if self._path is not None:
            try:
                if self._path.stat().st_size < self._most / _FILES:
                    return self._path
            except FileNotFoundError:
                return self._path
        self._remove_oldest()
        self._path = self._folder / f'{os.getpid()}-{time.time_ns()}{SUFFIX}'
        self._torn = False
        return self._path

    def _remove_oldest(self) -> None:
        """Make room for one more file."""
        files = []
        for path in self._folder.glob(f'*{SUFFIX}'):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._most * (_FILES - 1) / _FILES:
                return
            path.unlink(missing_ok=True)
            total -= size


@dataclasses.dataclass(slots=True)
class JournalReader:
    """Reads the files of some folders.

    ``malformed`` counts lines that are no record, ``problems`` are of files
    and folders that cannot be read; both are known once all is read.
    ``first`` is the time of the oldest record that was read, in seconds
    since 1970.
    """

    folders: Sequence[pathlib.Path]
    files: int = 0
    malformed: int = 0
    problems: list[str] = dataclasses.field(default_factory=list)
    first: float | None = None

    def records(self, text: str = '') -> Iterator[DecisionRecord]:
        """The records, in no order.

        :param text: only lines with this text are read
        """
        wanted = text.encode()
        for folder in self.folders:
            if not folder.is_dir():
                self.problems.append(f'{folder} is no folder')
                continue
            for path in sorted(folder.glob(f'*{SUFFIX}')):
                self.files += 1
                try:
                    yield from self._of_file(path, wanted)
                except OSError as error:
                    self.problems.append(
                        f'{path} cannot be read: {error.strerror}'
                    )

    def _of_file(
        self, path: pathlib.Path, wanted: bytes
    ) -> Iterator[DecisionRecord]:
        with path.open('rb') as file:
            while line := file.readline(_LONGEST):
                if wanted not in line or not line.strip():
                    continue
                try:
                    read = record.decode(line)
                except record.MalformedRecordError:
                    self.malformed += 1
                    continue
                if self.first is None or read.time < self.first:
                    self.first = read.time
                yield read

    def of_instance(self, uuid: str) -> list[DecisionRecord]:
        """The decisions on an instance, the newest one first."""
        return sorted(
            (found for found in self.records(uuid) if found.instance == uuid),
            key=lambda found: -found.time,
        )
