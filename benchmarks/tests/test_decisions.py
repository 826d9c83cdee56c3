"""The benchmark of the decision journal measures decisions."""

from benchmarks import clouds
from benchmarks import decisions
from nfv_sched.journal.files import JournalReader
from nfv_sched.scheduler import forecasts
from nfv_sched.scheduler import process


def test_each_request_is_recorded_and_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(forecasts, 'NEW_PER_REQUEST', 1)
    before = process.current()
    try:
        row = decisions.measure(clouds.CASES[0], 4, 3, tmp_path)
    finally:
        process.replace(before)
    records = list(JournalReader([tmp_path]).records())
    assert [record.weighed for record in records] == [4] * 3
    assert [len(record.filters) for record in records] == [3] * 3
    filters_ms, journal_us = float(row[3]), float(row[4])
    assert 0 < journal_us < filters_ms * 1e3
