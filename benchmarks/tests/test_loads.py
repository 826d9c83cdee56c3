"""Arrivals depend on the seed, and on nothing else."""

import collections
import itertools

import pytest

from benchmarks.packing import loads
from benchmarks.packing import simulate
from benchmarks.packing.columns import COLUMNS
from benchmarks.tests import tiny


@pytest.mark.parametrize('load', loads.LOADS.values(), ids=loads.LOADS)
def test_equal_seeds_make_equal_arrivals(load):
    made = [list(loads.churn(load, seed, 50, 300)) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
    first, second = (
        list(itertools.islice(loads.sequence(load, 1, 50), 100))
        for _ in range(2)
    )
    assert first == second


def test_all_columns_are_offered_the_same():
    cloud = tiny.cloud(3)
    offered = {
        name: simulate.churn(cloud, tiny.LOAD, column, 1, 600).offered
        for name, column in COLUMNS.items()
    }
    assert len({str(one) for one in offered.values()}) == 1


def test_small_and_plain_guests_come_first():
    load = loads.LOADS['small-first']
    names = [
        one.flavor
        for one in itertools.islice(loads.sequence(load, 3, 200), 200)
    ]
    assert [load.size(name) for name in names] == sorted(
        load.size(name) for name in names
    )


def test_waves_keep_the_mix():
    counts = {
        name: collections.Counter(
            one.flavor for one in loads.churn(loads.LOADS[name], 1, 200, 40000)
        )
        for name in ('vnf', 'small-first')
    }
    for flavor, count in counts['vnf'].items():
        assert counts['small-first'][flavor] == pytest.approx(count, rel=0.15)


def test_a_short_run_is_refused():
    with pytest.raises(ValueError, match='needs'):
        list(simulate.arrivals(tiny.cloud(3), tiny.LOAD, 1, 10))
