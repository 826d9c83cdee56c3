"""Better, worse, or noise."""

import dataclasses

import pytest

from benchmarks.packing import measures
from benchmarks.packing import tables
from benchmarks.packing.bounds import Prefix
from benchmarks.packing.runs import Floor
from benchmarks.packing.runs import Task
from benchmarks.packing.simulate import Outcome


def _by_seed(*values):
    return dict(enumerate(values))


def test_the_better_stock_column_is_compared():
    found = measures.judge(
        {
            'stock': _by_seed(10, 11, 12),
            'tuned-pack': _by_seed(20, 21, 22),
            'ours': _by_seed(30, 31.5, 32),
        },
        'ours',
        1,
    )
    assert found.better_stock == 'tuned-pack'
    assert found.gain == pytest.approx(10 + 1 / 6)
    assert found.better
    assert not found.worse


def test_fewer_is_better_where_the_sign_says_so():
    found = measures.judge(
        {'stock': _by_seed(0.1, 0.11, 0.1), 'ours': _by_seed(0.2, 0.21, 0.22)},
        'ours',
        -1,
    )
    assert found.worse


def test_noise_is_neither():
    found = measures.judge(
        {'stock': _by_seed(10, 12, 11), 'ours': _by_seed(12, 10, 11.5)},
        'ours',
        1,
    )
    assert not found.better
    assert not found.worse


def test_one_seed_proves_nothing():
    found = measures.judge(
        {'stock': _by_seed(10), 'ours': _by_seed(1)}, 'ours', 1
    )
    assert not found.worse


def test_only_seeds_that_all_have_count():
    found = measures.judge(
        {'stock': {1: 5.0}, 'ours': {1: 5.0, 2: 100.0}}, 'ours', 1
    )
    assert found.gain == 0


def _outcome(placed, rejected=0):
    return Outcome(
        placed=placed,
        offered={'anuket-HS.large': placed + rejected},
        rejected={'anuket-HS.large': rejected},
        failed_claims=0,
        devices=placed,
        near=placed,
        stranded=0.0,
        used_cpus=0.5,
        seconds=1.0,
    )


@pytest.fixture
def cells():
    results = {}
    for seed in (1, 2, 3):
        for column, placed in (('stock', 90), ('ours', 98)):
            results[Task('nps4', 'vnf', 'fill', seed, column)] = _outcome(
                placed
            )
        for column, rejected in (('stock', 10), ('ours', 4)):
            results[Task('nps4', 'vnf', 'churn', seed, column, 9)] = _outcome(
                90, rejected + seed % 2
            )
        results[Task('nps4', 'vnf', 'fill', seed, 'bound')] = Prefix(100, 100)
        results[Task('nps4', 'vnf', 'churn', seed, 'bound', 9)] = Floor(
            0.02, 0.01
        )
    return measures.cells(results)


def test_targets_are_judged(cells):
    assert [row[-2:] for row in tables.targets(cells).rows] == [
        ('98.0%', 'reached'),
        ('4.93% of 10.59%', 'reached'),
    ]


def test_rows_have_what_the_headers_say(cells):
    for sheet in tables.sheets(cells):
        assert sheet.rows
        for row in sheet.rows:
            assert len(row) == len(sheet.headers)


def test_a_bound_that_was_reached_is_exact():
    cell = measures.Cell(
        'nps4',
        'vnf',
        'fill',
        0,
        {'stock': {1: _outcome(100)}, 'bound': {1: Prefix(100, 97)}},
    )
    assert cell.exact == 1


def test_what_is_rejected_counts_by_size_too():
    """An instance of 4 vCPUs and one VF, and one of 8 vCPUs without."""
    outcome = dataclasses.replace(
        _outcome(0),
        offered={'anuket-HS.large': 10, 'f5-bigip.16GB.dpdk': 10},
        rejected={'f5-bigip.16GB.dpdk': 3},
    )
    assert measures.REJECTED.value(outcome) == 3 / 20
    assert measures.REJECTED_VCPUS.value(outcome) == 24 / 120
    assert measures.REJECTED_DEVICES.value(outcome) == 0
