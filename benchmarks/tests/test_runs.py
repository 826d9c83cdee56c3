"""A long run can be done in pieces."""

import pathlib

import pytest

from benchmarks.packing import columns
from benchmarks.packing import report
from benchmarks.packing import runs
from benchmarks.packing.clouds import CLOUDS
from benchmarks.packing.loads import LOADS
from benchmarks.tests import tiny

RECORDED = pathlib.Path(__file__).parents[1] / 'results' / report.RUNS


@pytest.fixture
def wanted(monkeypatch):
    monkeypatch.setitem(runs.CLOUDS, 'tiny', tiny.cloud(2))
    monkeypatch.setitem(LOADS, 'tiny', tiny.LOAD)
    return runs.tasks(
        ['tiny'],
        ['tiny'],
        runs.MODES,
        [1, 2],
        ['stock', 'ours', runs.BOUND],
        600,
        {},
    )


def test_results_are_kept_and_not_made_again(wanted, tmp_path):
    done, path = [], tmp_path / 'new' / 'runs.jsonl'
    first = runs.run_all(wanted[:5], 2, path, done.append)
    assert set(done) == set(wanted[:5])
    again = runs.run_all(wanted, 1, path, done.append)
    assert {task: again[task] for task in wanted[:5]} == first
    assert set(again) == set(wanted)
    assert len(path.read_text().splitlines()) == len(wanted)


def test_results_of_another_setting_do_not_count(wanted, tmp_path):
    [ours] = [
        one
        for one in wanted
        if (one.column, one.mode, one.seed) == ('ours', 'fill', 1)
    ]
    path = tmp_path / 'runs.jsonl'
    runs.run_all([ours], 1, path, lambda task: None)
    assert runs.kept([ours], path)
    [other] = runs.tasks(
        ['tiny'],
        ['tiny'],
        ['fill'],
        [1],
        ['ours'],
        0,
        {'filter_scheduler.cpu_weight_multiplier': 0.0},
    )
    assert not runs.kept([other], path)


def test_a_line_left_half_written_is_made_again(wanted, tmp_path):
    path = tmp_path / 'runs.jsonl'
    runs.run_all(wanted[:2], 1, path, lambda task: None)
    path.write_text(path.read_text()[:-40])
    assert set(runs.kept(wanted, path)) == {wanted[0]}


def test_the_recorded_results_are_those_of_the_benchmark_as_it_is():
    """Not of clouds, loads or columns that have changed since."""
    wanted = runs.tasks(
        list(CLOUDS),
        list(LOADS),
        runs.MODES,
        [1, 10],
        [*columns.DEFAULT, runs.BOUND],
        30_000,
        {},
    )
    assert set(runs.kept(wanted, RECORDED)) == set(wanted)
