"""The expected mix follows what is asked for, within bounds."""

import pytest

from nfv_sched import fit
from nfv_sched.fit import demand
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell


def fit_request(memory):
    return fit.FitRequest(Guest(cells=(GuestCell(0, memory_mib=memory),)))


def shares(histogram):
    return {
        shape.guest.cells[0].memory_mib: share
        for shape, share in zip(*histogram.expected, strict=True)
    }


def record(histogram, *memories):
    for memory in memories:
        histogram.record(fit_request(memory))


def test_shares_are_those_of_the_requests():
    histogram = demand.DemandHistogram()
    record(histogram, *[1, 1, 1, 2] * 64)
    by_memory = shares(histogram)
    assert sum(by_memory.values()) == pytest.approx(1)
    assert by_memory[1] == pytest.approx(0.75, abs=0.05)


def test_a_request_counts_half_after_half_a_life():
    histogram = demand.DemandHistogram()
    record(histogram, *[1] * demand.HALF_LIFE * 8, *[2] * demand.HALF_LIFE)
    assert shares(histogram)[2] == pytest.approx(0.5, abs=0.06)


def test_many_guests_of_one_request_count_each():
    histogram = demand.DemandHistogram()
    histogram.record(fit_request(1), 3)
    record(histogram, 2, 2)
    assert shares(histogram)[1] == pytest.approx(0.6, abs=0.01)


def test_guests_of_one_shape_are_one():
    histogram = demand.DemandHistogram()
    record(histogram, *[1, 2] * 100)
    assert len(histogram.expected.shapes) == 2


def test_guests_that_ask_for_nothing_are_not_expected():
    histogram = demand.DemandHistogram()
    histogram.record(fit.FitRequest(Guest()))
    assert histogram.expected == demand.Demand()


def test_no_more_than_the_most_frequent_shapes_are_kept():
    histogram = demand.DemandHistogram()
    record(histogram, *[1] * 100, *range(2, 200), *[1] * 100)
    assert len(histogram.expected.shapes) == demand.MOST_SHAPES
    assert len(histogram._weights) <= 2 * demand.MOST_SHAPES + demand._REFRESH
    assert 1 in shares(histogram)


def test_shapes_stay_the_same_object_while_only_shares_change():
    histogram = demand.DemandHistogram()
    record(histogram, *[1, 2] * 64)
    shapes, before = histogram.expected
    record(histogram, *[1] * 128)
    assert histogram.expected.shapes is shapes
    assert histogram.expected.shares != before


def test_a_shape_that_is_hardly_more_frequent_replaces_none():
    histogram = demand.DemandHistogram()
    usual = list(range(1, demand.MOST_SHAPES + 1))
    record(histogram, *usual * 32)
    shapes = histogram.expected.shapes
    record(histogram, *([*usual, 99] * 16))
    assert histogram.expected.shapes is shapes
    record(histogram, *[99, 99, 99, *usual] * 16)
    assert 99 in shares(histogram)


def test_a_fixed_mix_does_not_learn():
    histogram = demand.DemandHistogram(
        [(fit_request(1), 3), (fit_request(2), 1)]
    )
    record(histogram, *[3] * 100)
    assert shares(histogram) == {1: 0.75, 2: 0.25}
