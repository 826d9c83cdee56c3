"""The schedulers' counters, from the filters to the exporter."""

import json
import os
import time

from nova import objects
import prometheus_client
import pytest

from nfv_sched.exporter.scheduler_files import SchedulerFiles
from nfv_sched.scheduler import counters
from nfv_sched.scheduler import process
from nfv_sched.scheduler.counters import SchedulerCounters
from nfv_sched.scheduler.published_topology import PublishedTopology
from nfv_sched_testing.patience import PATIENCE


class Asked:
    """A filter, a weigher or the like, which takes its time."""

    @counters.timed(counters.FILTERS)
    def filter_all(self, hosts, spec):
        return hosts


@pytest.fixture
def counted(monkeypatch):
    fresh = SchedulerCounters()
    monkeypatch.setattr(counters, '_counters', fresh)
    return fresh


def serving():
    return process.SchedulerProcess(PublishedTopology(None), serving=True)


def samples(files):
    registry = prometheus_client.CollectorRegistry(auto_describe=False)

    class Collector:
        def collect(self):
            return files.families()

    registry.register(Collector())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_requests_of_the_scheduler_are_timed(counted):
    with process.replaced(serving()):
        assert Asked().filter_all(['host'], objects.RequestSpec()) == ['host']
    [(name, times)] = counted.times[counters.FILTERS].items()
    assert name == 'Asked'
    assert sum(times[:-1]) == 1
    assert 0 < times[-1] < 1


def test_dry_runs_are_not_timed(counted):
    with process.replaced(process.SchedulerProcess(PublishedTopology(None))):
        Asked().filter_all([], objects.RequestSpec())
    assert counted.times[counters.FILTERS] == {}


def test_a_counter_that_fails_fails_no_request(counted, monkeypatch):
    monkeypatch.setattr(counted, 'observe', None)
    with process.replaced(serving()):
        assert Asked().filter_all([1], objects.RequestSpec()) == [1]
    # Not even the cycle of what is no request can be made.
    assert Asked().filter_all([1], None) == [1]
    counters.refused(None, 'pages')


def test_a_folder_that_cannot_be_written_fails_no_request(
    counted, monkeypatch, tmp_path, nova_options
):
    monkeypatch.setattr(counters, '_INTERVAL', 0.01)
    nova_options.set_override(
        'counters_folder', str(tmp_path / 'missing'), 'nfv_sched'
    )
    with process.replaced(serving()):
        Asked().filter_all([], objects.RequestSpec())
        time.sleep(0.1)
        Asked().filter_all([], objects.RequestSpec())
    assert sum(counted.times[counters.FILTERS]['Asked'][:-1]) == 2


def test_the_thread_writes_what_was_counted(
    counted, monkeypatch, tmp_path, nova_options
):
    monkeypatch.setattr(counters, '_INTERVAL', 0.01)
    nova_options.set_override('counters_folder', str(tmp_path), 'nfv_sched')
    old = tmp_path / f'1-1{counters.SUFFIX}'
    old.write_text('{}')
    os.utime(old, (1, 1))
    with process.replaced(serving()):
        Asked().filter_all([], objects.RequestSpec())
        end = time.monotonic() + PATIENCE
        while not (found := set(tmp_path.glob(f'*{counters.SUFFIX}')) - {old}):
            assert time.monotonic() < end
            time.sleep(0.01)
    [path] = found
    assert not old.exists()
    assert json.loads(path.read_text())['filters']['Asked'][-1] > 0


def test_flavors_are_bounded(counted):
    for number in range(counters.MOST_FLAVORS + 10):
        counted.refuse(f'f{number}', 'pages')
    assert counted.refused[counters.MANY, 'pages'] == 10
    assert len(counted.refused) == counters.MOST_FLAVORS + 1


def write(folder, name, counted):
    with process.replaced(serving()):
        counters.write(folder / f'{name}{counters.SUFFIX}', counted.values())


FITS = (
    'nfv_sched_refused_requests_total',
    (('flavor_name', 'f'), ('reason', 'pages')),
)
SLOW = ('nfv_sched_filter_seconds_bucket', (('filter', 'A'), ('le', '+Inf')))
FAST = ('nfv_sched_filter_seconds_bucket', (('filter', 'A'), ('le', '0.01')))


def test_sums_are_of_all_processes_and_never_decrease(tmp_path):
    one, two = SchedulerCounters(), SchedulerCounters()
    one.refuse('f', 'pages')
    write(tmp_path, 'one', one)
    files = SchedulerFiles(tmp_path)
    # What was counted before is no news: an alarm would be false.
    assert samples(files)[FITS] == 0
    one.refuse('f', 'pages')
    write(tmp_path, 'one', one)
    two.refuse('f', 'pages')
    two.observe(counters.FILTERS, 'A', 0.005)
    two.observe(counters.FILTERS, 'A', 5.0)
    write(tmp_path, 'two', two)
    found = samples(files)
    assert found[FITS] == 2
    assert (found[FAST], found[SLOW]) == (1, 2)
    assert found['nfv_sched_scheduler_processes', ()] == 2
    (tmp_path / f'two{counters.SUFFIX}').unlink()
    assert samples(files)[FITS] == 2
    two.refuse('f', 'pages')
    write(tmp_path, 'three', two)
    assert samples(files)[FITS] == 4


@pytest.mark.parametrize(
    'text', ['', '[]', '{}', '{"filters": 1}', '\x00', '{"written": "x"}']
)
def test_a_malformed_file_is_left_out(tmp_path, text):
    one = SchedulerCounters()
    write(tmp_path, 'one', one)
    (tmp_path / f'bad{counters.SUFFIX}').write_text(text)
    files = SchedulerFiles(tmp_path)
    samples(files)
    one.refuse('f', 'pages')
    write(tmp_path, 'one', one)
    assert samples(files)[FITS] == 1
