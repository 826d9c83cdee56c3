"""Plots of numbers over time."""

from xml.etree import ElementTree as ET

import pytest

from nfv_sched.render import trend_plot
from nfv_sched.render.trend_plot import Trend
from nfv_sched.render.trend_plot import TrendSeries
from tests.render import examples

SVG = '{http://www.w3.org/2000/svg}'
DAY = 86400.0


def drawn(trend):
    """The lines of a plot, and all of its text."""
    root = ET.fromstring(trend_plot.plot(trend))  # noqa: S314 - our own
    lines = [
        [
            tuple(map(float, pair.split(',')))
            for pair in line.get('points').split()
        ]
        for line in root.iter(f'{SVG}polyline')
        if line.get('class') == 'series'
    ]
    return lines, [text.text for text in root.iter(f'{SVG}text')], root


def of(points, unit='', step=3600.0):
    series = (TrendSeries('x', tuple(points)),)
    return Trend('about', series, 0.0, DAY, step, unit)


def test_a_line_goes_from_left_to_right_and_up():
    points = [(hour * 3600.0, float(hour)) for hour in range(25)]
    [line], texts, root = drawn(of(points))
    assert len(line) == len(points)
    assert line == sorted(line, key=lambda point: (point[0], -point[1]))
    width = line[-1][0] - line[0][0]
    assert line[12][0] - line[0][0] == pytest.approx(width / 2)
    # Up to the next round number.
    assert {'0', '10', '20', '30', '40'} <= set(texts)
    assert root.find(f'{SVG}desc').text == 'x: from 0 to 24'


def test_shares_end_at_100_percent():
    [line], texts, _ = drawn(of([(0.0, 0.0), (3600.0, 100.0)], unit='%'))
    assert '100 %' in texts
    assert line[0][1] > line[1][1]


def test_a_line_is_interrupted_where_points_are_missing():
    early = [(hour * 3600.0, 1.0) for hour in range(3)]
    late = [(hour * 3600.0, 1.0) for hour in (10, 11)]
    alone = [(20 * 3600.0, 1.0)]
    lines, _, _ = drawn(of([*early, *late, *alone]))
    assert [len(line) for line in lines] == [3, 2, 2]


def test_a_plot_of_nothing():
    lines, _, root = drawn(Trend('none', (), 0.0, DAY, 3600.0))
    assert lines == []
    assert root.find(f'{SVG}title').text == 'none'


def test_moments_are_round_and_few():
    for length in (600.0, 7200.0, DAY, 7 * DAY, 90 * DAY, 400 * DAY):
        trend = Trend('t', (), 0.5, 0.5 + length, length / 240)
        _, texts, _ = drawn(trend)
        moments = [text for text in texts if ':' in text]
        assert 2 <= len(moments) <= 8, length
        if length > DAY:
            assert all(text.endswith((':00', ':30')) for text in moments)


def test_lines_are_told_apart_without_colours():
    points = ((0.0, 1.0), (3600.0, 1.0))
    names = [f'line {number}' for number in range(7)]
    series = tuple(TrendSeries(name, points) for name in names)
    trend = Trend('t', series, 0.0, DAY, 3600.0)
    lines, texts, root = drawn(trend)
    dashes = {
        line.get('stroke-dasharray')
        for line in root.iter(f'{SVG}polyline')
        if line.get('class') == 'series'
    }
    assert len(lines) == len(dashes) == 5
    assert names[4] in texts
    assert names[5] not in texts


def test_names_of_tenants_are_text():
    series = (TrendSeries(examples.HOSTILE, ((0.0, 1.0), (9.0, 1.0))),)
    text = trend_plot.plot(Trend(examples.HOSTILE, series, 0.0, DAY, 9.0))
    assert ET.fromstring(text) is not None  # noqa: S314 - our own
    assert examples.HOSTILE not in text
