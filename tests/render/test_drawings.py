"""Drawings, as they were looked at and found good.

``NFV_GOLDEN=write pytest tests/render`` writes them anew; look at them.
"""

import io
import os
import pathlib
import re
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from nfv_sched.render import host_view
from nfv_sched.render import marks
from nfv_sched.render import svg
from nfv_sched.render import terminal
from tests.render import examples

GOLDEN = pathlib.Path(__file__).with_name('golden')
SVG = '{http://www.w3.org/2000/svg}'

HOSTS = {
    'busy': examples.busy_host,
    'empty': examples.empty_host,
    'counted': examples.counted_host,
}


def compare(name, text):
    path = GOLDEN / name
    if os.environ.get('NFV_GOLDEN') == 'write':
        path.write_text(text)
    assert text == path.read_text()


def drawn(thing, width=120, **options):
    console = Console(file=io.StringIO(), width=width, **options)
    console.print(thing)
    return console.file.getvalue()


def plain(text):
    return '\n'.join(line.rstrip() for line in text.splitlines()) + '\n'


def parsed(picture):
    return ET.fromstring(picture)  # noqa: S314 - our own


@pytest.mark.parametrize('name', HOSTS)
@pytest.mark.parametrize('width', [120, 50])
def test_the_terminal_map(name, width):
    view = host_view.host_view(HOSTS[name]())
    text = drawn(terminal.host_map(view), width)
    assert max(map(len, text.splitlines())) <= width
    compare(f'{name}-{width}.txt', plain(text))


@pytest.mark.parametrize('name', HOSTS)
def test_the_svg_map(name):
    view = host_view.host_view(HOSTS[name]())
    picture = svg.hosts([view], examples.TAKEN, "Nova's databases")
    # One element a line, for those who read the differences.
    compare(f'{name}.svg', picture.replace('><', '>\n<') + '\n')


def test_colours_are_of_guests_alone():
    view = host_view.host_view(examples.busy_host())
    text = drawn(
        terminal.host_map(view), force_terminal=True, color_system='truecolor'
    )
    assert '\x1b[31m' not in text
    assert '48;2;' in text


def test_an_svg_shows_each_cpu_and_device_once():
    view = host_view.host_view(examples.busy_host())
    root = parsed(svg.hosts([view], examples.TAKEN, "Nova's databases"))
    squares = sum(
        len(re.findall('M', path.get('d'))) for path in root.iter(f'{SVG}path')
    )
    cpus = sum(len(core.cpus) for cell in view.cells for core in cell.cores)
    devices = sum(pool.total for pool in view.all_pools)
    legend = 2 + 4
    assert squares == cpus + devices + legend
    letters = ''.join(
        text.text
        for text in root.iter(f'{SVG}text')
        if text.get('class').startswith('mark')
    )
    assert letters.count('b') == 9 + 2 + 1
    assert letters.count('a') == 4 + 1 + 1
    assert letters.count(marks.BLOCKED) == 9 + 1 + 1


def test_an_svg_tells_in_words_what_it_shows():
    view = host_view.host_view(examples.busy_host())
    root = parsed(svg.drawing(view))
    assert root.find(f'{SVG}title').text == 'cmp-1'
    about = root.find(f'{SVG}desc').text
    assert 'NUMA node 0: 5 of 20 dedicated CPUs free' in about
    assert '0 of 28 pages of 1G free' in about


@pytest.mark.parametrize(
    ('pages', 'text'),
    [
        ((16, 16, 0), '................ 16/16 free'),
        ((12, 16, 4), '####............ 12/12 free, 4 reserved'),
        ((99, 100, 0), '=............... 99/100 free'),
        ((0, 8, 1), '==============## 0/7 free, 1 reserved'),
        ((0, 0, 0), '................ 0/0 free'),
        ((-2, 8, 0), '================ -2/8 free'),
    ],
)
def test_bars(pages, text):
    assert terminal.bar(*pages).plain == text


def test_only_what_is_used_of_a_bar_is_coloured():
    text = terminal.bar(6, 10)
    styles = {
        text.plain[span.start : span.end]: str(span.style)
        for span in text.spans
    }
    assert styles['======'] == 'bold green'
    assert not any('free' in part for part in styles)
