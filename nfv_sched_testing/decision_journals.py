"""Decision journals of tests: their thread is the test itself."""

import contextlib
import pathlib

from nfv_sched.journal.files import JournalReader
from nfv_sched.journal.files import JournalWriter
from nfv_sched.scheduler import process
from nfv_sched.scheduler.decision_journal import DecisionJournal
from nfv_sched.scheduler.published_topology import PublishedTopology


class Recorded:
    """A journal, and what it has."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.journal = DecisionJournal(
            JournalWriter(folder, 64), start=lambda _: None
        )

    def all(self):
        """All records, in their order."""
        self.journal.flush()
        reader = JournalReader([self.folder])
        found = sorted(reader.records(), key=lambda record: record.time)
        assert (reader.problems, reader.malformed) == ([], 0)
        return found


@contextlib.contextmanager
def recording(folder, **values):
    """A scheduler that has a journal, and no topology unless one is given."""
    recorded = Recorded(folder)
    values.setdefault('published', PublishedTopology(None))
    state = process.SchedulerProcess(journal=recorded.journal, **values)
    with process.replaced(state):
        yield recorded
