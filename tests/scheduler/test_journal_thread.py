"""Decisions are written off the way of requests, and bounded."""

import logging
import threading
import time

from nfv_sched.journal.files import JournalReader
from nfv_sched.journal.files import JournalWriter
from nfv_sched.scheduler import decision_journal
from nfv_sched.scheduler import process
from nfv_sched.scheduler.decision_journal import DecisionJournal
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched_testing.patience import PATIENCE
from nfv_sched_testing.weighing import plain
from nfv_sched_testing.weighing import SMALL
from nfv_sched_testing.weighing import spec_of


def decide(journal, host='one'):
    spec = spec_of(SMALL)
    spec.flavor.name = 'vnf'
    pending = journal.begin(spec, live=False)
    pending.filtered('NUMAFitFilter', 2, 1)
    pending.select(plain(host, 8), (0,), restricted=False)
    pending.end_selected()


def read(folder):
    return sorted(JournalReader([folder]).records(), key=lambda r: r.time)


def test_a_thread_writes_where_nova_conf_says(
    tmp_path, nova_options, monkeypatch
):
    monkeypatch.setattr(decision_journal, 'INTERVAL', 0.01)
    nova_options.set_override('journal_folder', str(tmp_path), 'nfv_sched')
    serving = process.SchedulerProcess(PublishedTopology(None), serving=True)
    assert serving.journal is serving.journal
    before = threading.active_count()
    decide(serving.journal)
    decide(serving.journal, 'two')
    assert threading.active_count() == before + 1
    end = time.monotonic() + PATIENCE
    while len(read(tmp_path)) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert [found.node for found in read(tmp_path)] == ['one', 'two']


def test_there_is_no_journal_unless_nova_conf_names_one(
    tmp_path, nova_options
):
    published = PublishedTopology(None)
    assert process.SchedulerProcess(published, serving=True).journal is None
    nova_options.set_override('journal_folder', str(tmp_path), 'nfv_sched')
    # Dry runs.
    assert process.SchedulerProcess(published).journal is None


def test_what_finds_no_room_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(decision_journal, 'MOST_WAITING', 3)
    journal = DecisionJournal(JournalWriter(tmp_path, 1), lambda _: None)
    for _ in range(5):
        decide(journal)
    journal.flush()
    decide(journal)
    journal.flush()
    assert [found.dropped for found in read(tmp_path)] == [0, 0, 0, 2]


def test_a_missing_folder_is_logged_once_and_lost_ones_counted(
    tmp_path, caplog
):
    caplog.set_level(logging.WARNING, 'nfv_sched')
    folder = tmp_path / 'later'
    journal = DecisionJournal(JournalWriter(folder, 1), lambda _: None)
    for _ in range(2):
        decide(journal)
        journal.flush()
    [logged] = caplog.records
    assert 'Decisions are not recorded' in logged.getMessage()
    folder.mkdir()
    decide(journal)
    journal.flush()
    assert [found.dropped for found in read(folder)] == [2]
