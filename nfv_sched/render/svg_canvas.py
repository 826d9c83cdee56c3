"""A canvas for SVG: shapes and text by coordinates in pixels.

Colours are attributes, for viewers without style sheets. A page may replace
them by class.
"""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from nfv_sched.render.formatting import printable

#: Space around a whole drawing.
MARGIN = 16
#: Average width of a letter of text, in pixels.
LETTER = 6.3
#: Outlines.
LINE_COLOUR = '#aab2bf'

INK = '#1c2430'
FAINT = '#586374'
_INKS = {'ink': INK, 'faint': FAINT}

_SANS = 'system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif'
_MONO = 'ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace'

#: Fonts of marks and names; a page with drawings needs this once.
STYLE = (
    f'.mark{{font:600 10px {_MONO};text-anchor:middle}}'
    '.name{font-size:17px;font-weight:650}.head{font-weight:650}'
)


class SVGCanvas:
    """A group of shapes, which can be placed on another canvas."""

    def __init__(self) -> None:
        self.group = ET.Element('g')

    def text(
        self, x: float, y: float, text: str, kind: str = 'ink', **more: str
    ) -> ET.Element:
        """Write text with its base line at ``y``."""
        element = self.add(
            'text',
            {
                'class': kind,
                'x': number(x),
                'y': number(y),
                'fill': _INKS.get(kind, INK),
                **more,
            },
        )
        element.text = printable(text)
        return element

    def rect(
        self,
        box: tuple[float, float, float, float],
        kind: str,
        fill: str,
        **more: str,
    ) -> None:
        """Draw a rectangle of x, y, width and height."""
        x, y, width, height = map(number, box)
        place = {'x': x, 'y': y, 'width': width, 'height': height}
        self.add('rect', {'class': kind, **place, 'fill': fill, **more})

    def line(
        self, points: Iterable[tuple[float, float]], kind: str, **more: str
    ) -> None:
        """Draw a line through points."""
        path = ' '.join(f'{number(x)},{number(y)}' for x, y in points)
        self.add('polyline', {'class': kind, 'points': path, **more})

    def place(self, other: 'SVGCanvas', x: float, y: float) -> None:
        """Add another canvas at a point."""
        other.group.set('transform', f'translate({number(x)} {number(y)})')
        self.group.append(other.group)

    def add(self, name: str, attributes: dict[str, str]) -> ET.Element:
        """Add any element."""
        return ET.SubElement(self.group, name, attributes)


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f'{value:.1f}'.removesuffix('.0')


def document(
    pen: SVGCanvas, width: float, height: float, title: str, about: str
) -> str:
    """A canvas with a margin as an SVG document.

    :param about: the content as text, for screen readers
    """
    full = width + 2 * MARGIN, height + 2 * MARGIN
    root = ET.Element(
        'svg',
        {
            'xmlns': 'http://www.w3.org/2000/svg',
            'class': 'numa',
            'role': 'img',
            'width': number(full[0]),
            'height': number(full[1]),
            'viewBox': f'0 0 {number(full[0])} {number(full[1])}',
            'font-family': _SANS,
            'font-size': '12',
        },
    )
    ET.SubElement(root, 'title').text = printable(title)
    ET.SubElement(root, 'desc').text = printable(about)
    outer = SVGCanvas()
    outer.rect((0, 0, *full), 'ground', '#ffffff')
    outer.place(pen, MARGIN, MARGIN)
    root.extend(outer.group)
    return ET.tostring(root, encoding='unicode')
