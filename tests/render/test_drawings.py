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
from nfv_sched.render import layout
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
    'eight': lambda: examples.large_host(8, 4, {0, 1, 5}),
    'eighty': lambda: examples.large_host(80, 4, {0, 1, 33}),
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


#: Lines of a terminal, and width and height of a window.
LINES = 60
WINDOW = (1600, 900)


@pytest.mark.parametrize(
    ('nodes', 'nodes_a_socket', 'busy'),
    [
        (8, 4, {0, 1, 5}),
        (8, 4, range(8)),
        (8, 1, range(8)),
        (80, 4, {0, 1, 33}),
        (80, 4, range(80)),
        (80, 80, range(80)),
        (80, 2, range(0, 80, 2)),
    ],
)
def test_hosts_of_many_nodes_fit_a_screen(nodes, nodes_a_socket, busy):
    view = host_view.host_view(
        examples.large_host(nodes, nodes_a_socket, busy)
    )
    text = drawn(terminal.host_map(view))
    assert len(text.splitlines()) <= LINES
    assert max(map(len, text.splitlines())) <= 120
    root = parsed(svg.hosts([view], examples.TAKEN, "Nova's databases"))
    style = root.find(f'.//{SVG}style').text
    assert 'max-width:100%;height:auto;max-height:100vh' in style
    width, height = (float(root.get(name)) for name in ('width', 'height'))
    assert root.get('viewBox') == f'0 0 {width:g} {height:g}'
    # Letters of 10 pixels keep 4 at least.
    assert min(WINDOW[0] / width, WINDOW[1] / height) >= 0.4
    # Every instance is there.
    for number in busy:
        assert f'vnf-{number} ' in text


def test_nodes_of_a_socket_are_in_one_frame():
    view = host_view.host_view(examples.large_host(8, 4, {0, 1, 5}))
    sockets = layout.sockets(view.cells)
    assert [socket.title for socket in sockets] == ['socket 0', 'socket 1']
    assert [[panel.title for panel in each.panels] for each in sockets] == [
        [
            'NUMA node 0',
            'NUMA node 1',
            '2 free NUMA nodes like this: 2-3',
        ],
        ['3 free NUMA nodes like this: 4,6-7', 'NUMA node 5'],
    ]
    root = parsed(svg.drawing(view))
    frames = [rect.get('class') for rect in root.iter(f'{SVG}rect')]
    assert frames.count('panel socket') == 2
    assert frames.count('panel') == 5


def test_free_sockets_that_are_alike_are_drawn_once():
    view = host_view.host_view(examples.large_host(80, 4, {0, 1, 33}))
    first, alike, busy = layout.sockets(view.cells)
    assert (first.title, busy.title) == ('socket 0', 'socket 8')
    assert alike.title == '18 free sockets: 1-7,9-19'
    [panel] = alike.panels
    assert panel.nodes == (*range(4, 32), *range(36, 80))


def test_a_node_with_another_card_is_not_like_the_others():
    view = host_view.host_view(examples.large_host(8, 8, ()))
    [socket] = layout.sockets(view.cells)
    assert socket.title == ''
    assert [panel.nodes for panel in socket.panels] == [
        (0, 2, 3, 4, 5, 6, 7),
        (1,),
    ]


def test_few_nodes_are_drawn_one_by_one():
    view = host_view.host_view(examples.large_host(4, 4, ()))
    [socket] = layout.sockets(view.cells)
    assert [panel.nodes for panel in socket.panels] == [(0,), (1,), (2,), (3,)]


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
