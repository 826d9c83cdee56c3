"""Plots of numbers over time, as SVG."""

from collections.abc import Sequence
import dataclasses
import datetime
import itertools
import math

from nfv_sched.render import formatting
from nfv_sched.render.svg_canvas import document
from nfv_sched.render.svg_canvas import LETTER
from nfv_sched.render.svg_canvas import number
from nfv_sched.render.svg_canvas import SVGCanvas

_WIDTH = 760
_HEIGHT = 180
_LEFT = 60
_KEY_LINE = 18
_GRID = '#e4e8ee'
_LINES = 4
_DAY = 86400

# Lines differ in colour and in dashes.
_STYLES = (
    ('#1f5fa8', ''),
    ('#b35c00', '7 3'),
    ('#23795b', '2 3'),
    ('#8a3f86', '9 3 2 3'),
    ('#5b6472', '4 2'),
)


@dataclasses.dataclass(frozen=True, slots=True)
class TrendSeries:
    """One line: ``points`` are seconds since 1970 and values, in order."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Trend:
    """One plot; ``step`` is the distance of points in seconds.

    Where points are missing the line is interrupted. ``unit`` is ``%`` or
    empty.
    """

    title: str
    series: tuple[TrendSeries, ...]
    begin: float
    end: float
    step: float
    unit: str = ''


def plot(trend: Trend) -> str:
    """An SVG document of a trend.

    No more lines are drawn than can be told apart.
    """
    shown = trend.series[: len(_STYLES)]
    pen = SVGCanvas()
    top = _key(pen, shown) + 14.0
    highest = max(
        (value for series in shown for _, value in series.points), default=0.0
    )
    scale = 100.0 if trend.unit == '%' else _round_up(highest)
    _grid(pen, trend, top, scale)
    for (colour, dashes), series in zip(_STYLES, shown, strict=False):
        more = {'fill': 'none', 'stroke': colour, 'stroke-width': '2'}
        if dashes:
            more['stroke-dasharray'] = dashes
        for piece in _pieces(series, trend.step):
            pen.line(
                [
                    (_x(trend, when), _y(top, value, scale))
                    for when, value in piece
                ],
                'series',
                **more,
            )
    height = top + _HEIGHT + 26
    return document(
        pen, _LEFT + _WIDTH, height, trend.title, '; '.join(_words(trend))
    )


def _key(pen: SVGCanvas, shown: Sequence[TrendSeries]) -> float:
    """Draw the key; returns where it ends."""
    x, y = float(_LEFT), 12.0
    for (colour, dashes), series in zip(_STYLES, shown, strict=False):
        name = formatting.truncate(series.name, 40)
        wide = 34 + len(name) * LETTER + 24
        if x > _LEFT and x + wide > _LEFT + _WIDTH:
            x, y = float(_LEFT), y + _KEY_LINE
        more = {'stroke': colour, 'stroke-width': '2'}
        if dashes:
            more['stroke-dasharray'] = dashes
        pen.line([(x, y - 4), (x + 28, y - 4)], 'key', **more)
        pen.text(x + 34, y, name)
        x += wide
    return y


def _pieces(
    series: TrendSeries, step: float
) -> list[list[tuple[float, float]]]:
    """The points between interruptions; one alone is a short line."""
    pieces: list[list[tuple[float, float]]] = []
    for point in series.points:
        if pieces and point[0] - pieces[-1][-1][0] < 1.5 * step:
            pieces[-1].append(point)
        else:
            pieces.append([point])
    return [
        piece
        if len(piece) > 1
        else [piece[0], (piece[0][0] + step / 2, piece[0][1])]
        for piece in pieces
    ]


def _round_up(value: float) -> float:
    """The least round number that is not smaller: 1, 2, 4, 8, 10, 20..."""
    if value <= _LINES:
        return float(_LINES)
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        factor * power
        for factor in (1, 2, 4, 8, 10)
        if factor * power >= value
    )


def _x(trend: Trend, when: float) -> float:
    share = (when - trend.begin) / max(1.0, trend.end - trend.begin)
    return _LEFT + _WIDTH * min(1.0, max(0.0, share))


def _y(top: float, value: float, scale: float) -> float:
    return top + _HEIGHT * (1 - min(1.0, max(0.0, value / scale)))


def _grid(pen: SVGCanvas, trend: Trend, top: float, scale: float) -> None:
    unit = f' {trend.unit}' if trend.unit else ''
    for line in range(_LINES + 1):
        value = scale * line / _LINES
        y = _y(top, value, scale)
        pen.line([(_LEFT, y), (_LEFT + _WIDTH, y)], 'grid', stroke=_GRID)
        pen.text(
            _LEFT - 6,
            y + 4,
            f'{value:,g}{unit}',
            'faint',
            **{'text-anchor': 'end'},
        )
    for when in _days(trend):
        x = _x(trend, when)
        pen.line([(x, top), (x, top + _HEIGHT)], 'grid', stroke=_GRID)
        day = datetime.datetime.fromtimestamp(when, datetime.UTC)
        pen.text(
            x, top + _HEIGHT + 18, f'{day:%m-%d %H:%M}', 'faint', **_MIDDLE
        )


_MIDDLE = {'text-anchor': 'middle', 'font-size': '11'}


def _days(trend: Trend) -> list[float]:
    """Some round moments (UTC): midnights where there are several."""
    length = trend.end - trend.begin
    every = next(
        seconds
        for seconds in itertools.chain(
            (60, 300, 900, 3600, 10800, 21600, 43200, _DAY, 2 * _DAY),
            itertools.count(7 * _DAY, 7 * _DAY),
        )
        if length / seconds <= 8
    )
    first = math.ceil(trend.begin / every) * every
    return [
        float(when) for when in range(first, math.floor(trend.end) + 1, every)
    ]


def _words(trend: Trend) -> list[str]:
    """The first and last value of each line, for screen readers."""
    return [
        f'{series.name}: from {number(series.points[0][1])} to '
        f'{number(series.points[-1][1])}{trend.unit and " " + trend.unit}'
        for series in trend.series
        if series.points
    ]
