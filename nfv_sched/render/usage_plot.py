"""A plot of used shares over a sequence of events, as SVG."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

from nfv_sched.render import formatting
from nfv_sched.render.svg_canvas import document
from nfv_sched.render.svg_canvas import LETTER
from nfv_sched.render.svg_canvas import LINE_COLOUR
from nfv_sched.render.svg_canvas import number
from nfv_sched.render.svg_canvas import SVGCanvas

_WIDTH = 760
_HEIGHT = 300
_LEFT = 44
_TOP = 108
_STEP_LINE = 15
_LEVELS = 3
_FAILED = '#b3261e'
_GRID = '#e4e8ee'

# Lines differ in colour and in dashes.
_STYLES = (
    ('#1f5fa8', ''),
    ('#b35c00', '7 3'),
    ('#23795b', '2 3'),
    ('#8a3f86', '9 3 2 3'),
    ('#5b6472', '4 2'),
)


class PlotStep(NamedTuple):
    """The events of one step; ``first`` is the number of the first.

    ``failed`` are the numbers of the events that are failures.
    """

    name: str
    first: int
    failed: Sequence[int]


def usage(
    title: str, used: Sequence[Mapping[str, float]], steps: Sequence[PlotStep]
) -> str:
    """An SVG document with the used shares after each event.

    :param used: by resource, 0 to 1, one for each event
    :param steps: in order
    """
    pen = SVGCanvas()
    pen.text(0, 16, formatting.truncate(title, 90), 'name', **_NAME)
    names = list(dict.fromkeys(name for amounts in used for name in amounts))
    _legend(pen, names)
    _grid(pen)
    _steps(pen, steps, len(used))
    for place, name in enumerate(names):
        colour, dashes = _STYLES[place % len(_STYLES)]
        points = [
            (_x(event, len(used)), _y(amounts.get(name, 0.0)))
            for event, amounts in enumerate(used)
        ]
        more = {'fill': 'none', 'stroke': colour, 'stroke-width': '2'}
        if dashes:
            more['stroke-dasharray'] = dashes
        pen.line(points, 'series', **more)
    for step in steps:
        for event in step.failed:
            _cross(pen, _x(event, len(used)), _TOP + _HEIGHT + 12)
    height = _TOP + _HEIGHT + 48.0
    return document(
        pen, _LEFT + _WIDTH, height, title, '; '.join(_words(used, steps))
    )


_NAME = {'font-size': '17', 'font-weight': '650'}
_SMALL = {'font-size': '11'}


def _x(event: int, events: int) -> float:
    return _LEFT + _WIDTH * (event + 1) / max(1, events)


def _y(share: float) -> float:
    return _TOP + _HEIGHT * (1 - min(1.0, max(0.0, share)))


def _legend(pen: SVGCanvas, names: Sequence[str]) -> None:
    x = float(_LEFT)
    for place, name in enumerate(names):
        colour, dashes = _STYLES[place % len(_STYLES)]
        more = {'stroke': colour, 'stroke-width': '2'}
        if dashes:
            more['stroke-dasharray'] = dashes
        pen.line([(x, 36), (x + 28, 36)], 'series', **more)
        pen.text(x + 34, 40, name)
        x += 34 + len(name) * LETTER + 24
    _cross(pen, x + 4, 36)
    pen.text(x + 14, 40, 'found no host')


def _cross(pen: SVGCanvas, x: float, y: float) -> None:
    arms = ((-3, -3, 3, 3), (-3, 3, 3, -3))
    path = ''.join(
        f'M{number(x + a)} {number(y + b)}L{number(x + c)} {number(y + d)}'
        for a, b, c, d in arms
    )
    pen.add(
        'path',
        {'class': 'failed', 'd': path, 'stroke': _FAILED, 'stroke-width': '2'},
    )


def _grid(pen: SVGCanvas) -> None:
    for percent in range(0, 101, 25):
        y = _y(percent / 100)
        pen.line([(_LEFT, y), (_LEFT + _WIDTH, y)], 'grid', stroke=_GRID)
        pen.text(
            _LEFT - 6, y + 4, f'{percent} %', 'faint', **{'text-anchor': 'end'}
        )
    pen.text(
        _LEFT + _WIDTH,
        _TOP + _HEIGHT + 34,
        'events, in order',
        'faint',
        **{'text-anchor': 'end'},
    )


def _steps(pen: SVGCanvas, steps: Sequence[PlotStep], events: int) -> None:
    """Draw the begin of each step, and its name on a line with room."""
    ends = [-1.0] * _LEVELS
    for step in steps:
        x = _x(step.first - 1, events)
        name = formatting.truncate(step.name, 28)
        wide = len(name) * LETTER
        left = min(x + 3, _LEFT + _WIDTH - wide)
        level = next((n for n, end in enumerate(ends) if left >= end), None)
        top = _TOP - 20 - _STEP_LINE * (level or 0)
        pen.line(
            [(x, top), (x, _TOP + _HEIGHT)],
            'step',
            stroke=LINE_COLOUR,
            **{'stroke-dasharray': '1 3'},
        )
        if level is not None:
            pen.text(left, top + 10, name, 'faint', **_SMALL)
            ends[level] = left + wide + 8


def _words(
    used: Sequence[Mapping[str, float]], steps: Sequence[PlotStep]
) -> Iterator[str]:
    for step in steps:
        yield f'{step.name}: {len(step.failed)} found no host'
    for name, share in (used[-1] if used else {}).items():
        yield f'{name} {100 * share:.0f} % used at the end'
