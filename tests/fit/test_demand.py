"""The expected mix follows what is asked for, within bounds."""

import pytest

from nfv_sched import fit
from nfv_sched.fit import demand
from nfv_sched.model import Guest
from nfv_sched.model import GuestCell


def fit_request(memory):
    return fit.FitRequest(Guest(cells=(GuestCell(0, memory_mib=memory),)))


def shares(made):
    return {
        shape.guest.cells[0].memory_mib: share
        for shape, share in zip(*made.expected, strict=True)
    }


def record(made, *memories):
    for memory in memories:
        made.record(fit_request(memory))


def test_shares_are_those_of_the_requests():
    made = demand.DemandHistogram()
    record(made, *[1, 1, 1, 2] * 64)
    found = shares(made)
    assert sum(found.values()) == pytest.approx(1)
    assert found[1] == pytest.approx(0.75, abs=0.05)


def test_a_request_counts_half_after_half_a_life():
    made = demand.DemandHistogram()
    record(made, *[1] * demand.HALF_LIFE * 8, *[2] * demand.HALF_LIFE)
    assert shares(made)[2] == pytest.approx(0.5, abs=0.06)


def test_many_guests_of_one_request_count_each():
    made = demand.DemandHistogram()
    made.record(fit_request(1), 3)
    record(made, 2, 2)
    assert shares(made)[1] == pytest.approx(0.6, abs=0.01)


def test_guests_of_one_shape_are_one():
    made = demand.DemandHistogram()
    record(made, *[1, 2] * 100)
    assert len(made.expected.shapes) == 2


def test_guests_that_ask_for_nothing_are_not_expected():
    made = demand.DemandHistogram()
    made.record(fit.FitRequest(Guest()))
    assert made.expected == demand.Demand()


def test_no_more_than_the_most_frequent_shapes_are_kept():
    made = demand.DemandHistogram()
    record(made, *[1] * 100, *range(2, 200), *[1] * 100)
    assert len(made.expected.shapes) == demand.MOST_SHAPES
    assert len(made._weights) <= 2 * demand.MOST_SHAPES + demand._REFRESH
    assert 1 in shares(made)


def test_shapes_stay_the_same_object_while_only_shares_change():
    made = demand.DemandHistogram()
    record(made, *[1, 2] * 64)
    shapes, before = made.expected
    record(made, *[1] * 128)
    assert made.expected.shapes is shapes
    assert made.expected.shares != before


def test_a_shape_that_is_hardly_more_frequent_replaces_none():
    made = demand.DemandHistogram()
    usual = list(range(1, demand.MOST_SHAPES + 1))
    record(made, *usual * 32)
    shapes = made.expected.shapes
    record(made, *([*usual, 99] * 16))
    assert made.expected.shapes is shapes
    record(made, *[99, 99, 99, *usual] * 16)
    assert 99 in shares(made)


def test_a_fixed_mix_does_not_learn():
    made = demand.DemandHistogram([(fit_request(1), 3), (fit_request(2), 1)])
    record(made, *[3] * 100)
    assert shares(made) == {1: 0.75, 2: 0.25}
